/* upload_test.c - security.md 4.3: parts as a program sees them, M13 */
#include "shot.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "../long.h"

#define TYPE "CONTENT_TYPE=multipart/form-data; boundary=X"
#define CD "--X\r\nContent-Disposition: form-data; "
#define END "\r\n--X--\r\n"

static struct shot s;
static struct sstate *env;
static char tmp[SHOT_DIR];

static size_t
entries(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	if (d == NULL)
		return 9999;
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* How many of our temporary files are mapped. */
static size_t
mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[1024];
	size_t n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, tmp) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return n;
}

static size_t
descriptors(void)
{
	return entries("/proc/self/fd");
}

static void
start(const char *type)
{
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, type);
}

static void
post(const char *type, const char *body)
{
	start(type);
	shot_body(&s, body, strlen(body));
	shot_fire(&s, env, shot_echo, NULL);
}

/* n times c between two texts; to be freed. */
static char *
filled(size_t *len, const char *before, int c, size_t n, const char *after)
{
	size_t a = strlen(before), b = strlen(after);
	char *p = malloc(a + n + b + 1);

	memcpy(p, before, a);
	memset(p + a, c, n);
	memcpy(p + a + n, after, b + 1);
	*len = a + n + b;
	return p;
}

static void
shown(void)
{
	post(TYPE,
	    CD
	    "name=a\r\n\r\n1"
	    "\r\n" CD "name=\"a\"\r\n\r\n2\r\n" CD
	    "name=f; filename=\"x.txt\"\r\nContent-Type: text/html\r\n\r\n<p>"
	    "\r\n" CD "name=f; filename=y\r\n\r\nq" END);
	T(s.status == 200 &&
		shot_page_is(&s,
		    "a=1|a=2|##x.txt(text/html)<p>|"
		    "y(text/plain)q|#"),
	    "M2 M11 fields and files: %s", s.page);
	post(TYPE, CD "name=f; filename=\"../../etc/passwd\"\r\n\r\nq" END);
	T(shot_page_is(&s, "##../../etc/passwd(text/plain)q|#"),
	    "M7 a path is text");
	post(TYPE, CD "name=f; filename=\"a%22b\"\r\n\r\nq" END);
	T(shot_page_is(&s, "##a\"b(text/plain)q|#"), "M6 %%22 is a quote");
	post(TYPE,
	    CD "name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==" END);
	T(shot_page_is(&s, "a=QQ==|###"), "M9 raw, never decoded");
	post(TYPE,
	    CD "name=f; filename=\"\"\r\nContent-Type: "
	       "application/octet-stream\r\n\r\n" END);
	T(shot_page_is(&s, "###"), "no file was chosen: there is none");
	post(TYPE,
	    CD "name=.id\r\n\r\nx\r\n" CD "name=_charset_\r\n\r\nutf-7" END);
	T(shot_page_is(&s, "_charset_=utf-7|###"),
	    "U10 U11 B04 carried names are no parameters");
	post(TYPE, CD "name=a\r\n\r\n\r\n" CD "name=b\r\n\r\n\r\n\r\n--Xy" END);
	T(shot_page_is(&s, "a=|b=\\0d\\0a\\0d\\0a--Xy|###"),
	    "M2 a longer boundary");
	post("CONTENT_TYPE=multipart/form-data; boundary=\"X\"; charset=utf-8",
	    CD "name=a\r\n\r\n1" END);
	T(shot_page_is(&s, "a=1|###"), "M1 quoted");
}

static void
refused(void)
{
	static const struct {
		const char *id, *type, *body;
		int status;
	} row[] = {
		{ "M1", "CONTENT_TYPE=multipart/form-data",
		    CD "name=a\r\n\r\n1" END, 400 },
		{ "M1", TYPE "; boundary=Y", CD "name=a\r\n\r\n1" END, 400 },
		{ "M1", "CONTENT_TYPE=multipart/form-data; boundary*0=X",
		    CD "name=a\r\n\r\n1" END, 400 },
		{ "M3", TYPE,
		    "--X\nContent-Disposition: form-data; name=a\n\n1"
		    "\n--X--\n",
		    400 },
		{ "M4", TYPE, CD "name=a\r\n\r\n1\r\n", 400 },
		{ "M6", TYPE, CD "name*=utf-8''x; name=y\r\n\r\n1" END, 400 },
		{ "M12", TYPE, "a=1&b=2", 400 },
		{ "M12", "CONTENT_TYPE=multipart/mixed; boundary=X",
		    CD "name=a\r\n\r\n1" END, 415 },
		{ "U10", TYPE "; charset=utf-16", CD "name=a\r\n\r\n1" END,
		    415 },
		{ "M4", TYPE, "", 400 },
	};
	size_t i, n;
	char *p;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		post(row[i].type, row[i].body);
		T(s.status == row[i].status && s.accepted == SSTATE_DONE &&
			shot_logged == 1,
		    "%s line %zu: %d (%s)", row[i].id, i, s.status, shot_log);
	}
	p = filled(&n, CD "name=a\r\n\r\n", 'v', 65537, END);
	post(TYPE, p);
	T(s.status == 413, "M10 R-90 a field over 64 KiB: LIMIT");
	free(p);
	p = filled(&n, "", 'p', 5000, "\r\n" CD "name=a\r\n\r\nv" END);
	post(TYPE, p);
	T(s.status == 413, "M4 R-90 a preamble over 4 KiB: LIMIT");
	free(p);
	start(TYPE);
	shot_var(&s, "CONTENT_LENGTH=100");
	shot_bare_body(&s, CD "name=a\r\n\r\n1" END, 40);
	shot_fire(&s, env, shot_echo, NULL);
	T(s.status == 400, "M13 the client went away: SYNTAX");
	start(TYPE);
	s.opts.max_params = 3;
	shot_var(&s, "QUERY_STRING=q=1&r=2");
	p = filled(&n, CD "name=a\r\n\r\n1\r\n" CD "name=b\r\n\r\n", '2', 1,
	    END);
	shot_body(&s, p, n);
	shot_fire(&s, env, shot_echo, NULL);
	T(s.status == 413, "R-90 query and parts share max_params");
	free(p);
}

struct sum {
	size_t n, len, maps;
	int same, nul;
};

static void
sum_program(struct sstate_req *req, void *arg)
{
	const struct sstate_file *f;
	struct sum *sum = arg;
	size_t i, k;

	sum->n = sum->len = 0;
	sum->same = sum->nul = 1;
	sum->maps = mappings();
	for (i = 0; (f = sstate_req_file(req, "f", i)) != NULL; i++) {
		sum->n++;
		sum->len += f->data.len;
		sum->nul &= f->data.ptr[f->data.len] == '\0';
		for (k = 0; k < f->data.len; k++)
			sum->same &= f->data.ptr[k] == 'F';
	}
	sstate_req_html(req, "%zu", sum->n);
}

static void
big_files(void)
{
	static const size_t sizes[] = { 1, 65535, 65536, 65537, 69631, 69632,
		1000000, 5000000 };
	struct sum sum;
	size_t i, n, before;
	char *p;

	shot_end(&s);
	before = descriptors();

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = filled(&n, CD "name=f; filename=a\r\n\r\n", 'F', sizes[i],
		    END);
		start(TYPE);
		shot_body(&s, p, n);
		shot_fire(&s, env, sum_program, &sum);
		T(s.status == 200 && sum.n == 1 && sum.len == sizes[i] &&
			sum.same && sum.nul && mappings() == 0 &&
			sum.maps == (sizes[i] > 65536),
		    "M7 a file of %zu octets, and a NUL behind it", sizes[i]);
		free(p);
	}
	shot_end(&s);
	T(descriptors() == before, "M13 no descriptor is left");
	T(entries(tmp) == 2, "M13 nothing is left in TMPDIR");
}

static void
file_limits(void)
{
	struct sum sum;
	size_t n;
	char *p = filled(&n, CD "name=f; filename=a\r\n\r\n", 'F', 100000, END);

	start(TYPE);
	s.opts.max_upload = 99999;
	shot_body(&s, p, n);
	shot_fire(&s, env, sum_program, &sum);
	T(s.status == 413, "R-90 max_upload");
	start(TYPE);
	s.opts.max_upload = 100000;
	s.opts.max_body = 100;
	shot_body(&s, p, n);
	shot_fire(&s, env, sum_program, &sum);
	T(s.status == 200 && sum.len == 100000,
	    "R-90 files do not count for max_body");
	start(TYPE);
	s.opts.max_body = 40;
	shot_body(&s, p, n);
	shot_fire(&s, env, sum_program, &sum);
	T(s.status == 413, "R-90 all else does");
	start(TYPE);
	s.opts.flags = SSTATE_NO_UPLOADS;
	shot_body(&s, p, n);
	shot_fire(&s, env, sum_program, &sum);
	T(s.status == 413, "B18 SSTATE_NO_UPLOADS: no files");
	free(p);
	start(TYPE);
	s.opts.flags = SSTATE_NO_UPLOADS;
	shot_body(&s, CD "name=a\r\n\r\n1" END,
	    strlen(CD "name=a\r\n\r\n1" END));
	shot_fire(&s, env, shot_echo, NULL);
	T(shot_page_is(&s, "a=1|###"), "B18 ... but fields");
}

/* Clients that go away in the middle, over and over. */
static void
aborted(void)
{
	size_t i, n, before;
	int good = 1;
	char *p = filled(&n, CD "name=f; filename=a\r\n\r\n", 'F', 70000, "");

	shot_end(&s);
	before = descriptors();

	for (i = 0; i < 3000 * test_long(); i++) {
		start(TYPE);
		shot_var(&s, "CONTENT_LENGTH=100000");
		/* Most end in a small file, some in one that is on disk. */
		shot_bare_body(&s, p, i % 100 == 0 ? n : i % 200);
		shot_fire(&s, env, sum_program, NULL);
		good &= s.status == 400;
	}
	shot_end(&s);
	T(good && descriptors() == before,
	    "M13 descriptors are flat over %zu aborted uploads", i);
	T(entries(tmp) == 2, "M13 and nothing is left in TMPDIR");
	free(p);
}

static void
disk_full(void)
{
	struct rlimit was, small;
	struct sum sum;
	size_t n, before;
	char *p = filled(&n, CD "name=f; filename=a\r\n\r\n", 'F', 200000, END);

	shot_end(&s);
	before = descriptors();

	(void)signal(SIGXFSZ, SIG_IGN);
	(void)getrlimit(RLIMIT_FSIZE, &was);
	start(TYPE);
	shot_body(&s, p, n);
	small = was;
	small.rlim_cur = 100000;
	(void)setrlimit(RLIMIT_FSIZE, &small);
	shot_fire(&s, env, sum_program, &sum);
	(void)setrlimit(RLIMIT_FSIZE, &was);
	T(s.status == 503 && s.accepted == SSTATE_DONE &&
		strstr(shot_log, "temporary file") != NULL,
	    "M13 the disk is full in the middle: %d, %s", s.status, shot_log);
	shot_end(&s);
	T(descriptors() == before && entries(tmp) == 2,
	    "M13 and nothing is left behind");
	(void)setenv("TMPDIR", "/nowhere/at/all", 1);
	start(TYPE);
	shot_body(&s, p, n);
	shot_fire(&s, env, sum_program, &sum);
	T(s.status == 503 && strstr(s.out, "nowhere") == NULL,
	    "M13 R-99 no place for temporary files: 503, without detail");
	(void)setenv("TMPDIR", tmp, 1);
	free(p);
}

int
main(void)
{
	shot_dir(tmp);
	NEED(setenv("TMPDIR", tmp, 1) == 0, "a TMPDIR of our own");
	env = shot_env(0);
	shown();
	refused();
	big_files();
	file_limits();
	aborted();
	disk_full();
	shot_begin(&s);
	shot_end(&s);
	sstate_close(env);
	T(rmdir(tmp) == 0, "M13 TMPDIR is empty at the end");
	return tap_done();
}
