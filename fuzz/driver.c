/*
 * driver.c - runs a fuzz target over files, with any compiler
 *
 * usage: fuzz_NAME PATH...
 *
 * Each path is a file, or a directory whose files are read in the order of
 * their names.  Prints TAP; an input that breaks something ends the program
 * there, and its name is the last that was printed.
 */
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "fuzz.h"

static void
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct fz_buf b = { NULL, 0, 0 };
	struct fz_in whole;
	char some[4096], *exact;
	size_t n;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	while ((n = fread(some, 1, sizeof(some), f)) > 0)
		fz_put(&b, some, n);
	(void)fclose(f);
	whole.p = (const uint8_t *)b.p;
	whole.n = b.n;
	exact = fz_copy(&whole);
	printf("# %s\n", path);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)exact, b.n);
	free(exact);
	fz_drop(&b);
}

static int
visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static unsigned
run_dir(const char *path)
{
	struct dirent **e;
	char name[PATH_MAX];
	int i, n = scandir(path, &e, visible, alphasort);

	if (n < 0) {
		perror(path);
		exit(1);
	}
	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", path, e[i]->d_name);
		run_file(name);
		free(e[i]);
	}
	free(e);
	return (unsigned)n;
}

int
main(int argc, char **argv)
{
	struct stat st;
	unsigned inputs;
	int i, bad = 0;

	for (i = 1; i < argc; i++) {
		inputs = 1;
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			inputs = run_dir(argv[i]);
		else
			run_file(argv[i]);
		bad += inputs == 0;
		printf("%sok %d - S11 %u inputs: %s\n", inputs ? "" : "not ", i,
		    inputs, argv[i]);
	}
	printf("1..%d\n# %d passed, %d failed\n", argc - 1, argc - 1 - bad,
	    bad);
	return bad != 0;
}
