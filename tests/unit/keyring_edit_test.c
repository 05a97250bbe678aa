/*
 * keyring_edit_test.c - the ring's file rotated, retired, raised
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "crypto_help.h"

#include "crypto/keyring_edit.h"
#include "crypto/token.h"

enum { LIFE = 43200 };

static int overtaken; /* before the next lock is granted, somebody rotates */

static char dir[256], path[300];
static uid_t me;

/* The test's own: another editor comes between open and lock. */
int
fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;
	uint8_t kid;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (cmd == F_OFD_SETLK && overtaken) {
		overtaken = 0;
		if (keyring_rotate(&kid, path, me, NOW, 5, NULL) != 0)
			abort();
	}
	return (int)syscall(SYS_fcntl, fd, cmd, arg);
}

static struct keyring *
load(void)
{
	struct keyring *kr;
	struct sstate_error err;

	if (keyring_load(&kr, path, me, &err) != 0) {
		printf("# %s\n", err.text);
		return NULL;
	}
	return kr;
}

/* The file's text, in a buffer of this function. */
static char *
slurp(void)
{
	static char text[LIMIT_RING_BYTES + 1];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, LIMIT_RING_BYTES);

	if (n < 0)
		abort();
	text[n] = '\0';
	(void)close(fd);
	return text;
}

static void
put(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    close(fd) != 0)
		abort();
}

static int
entries(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

static int
accepts(const char *text, int64_t now)
{
	struct keyring *kr = load();
	const struct ringkey *key;
	struct token t;
	int r;

	r = token_parse(&t, &key, kr, "app", CLS_COOKIE, text, TOKEN_TEXT, now);
	keyring_free(kr);
	return r;
}

static void
rotate(void)
{
	struct keyring *kr;
	char text[TOKEN_TEXT + 1], old[44], *secret;
	struct token t;
	struct stat st;
	int64_t now = NOW;
	uint8_t kid;

	NEED(keyring_create(&kr, path, LIFE, now, NULL) == 0, "a ring");
	if (token_new(&t, keyring_issuer(kr, now), "app", CLS_COOKIE, NULL) !=
	    0)
		abort();
	token_text(text, &t);
	keyring_free(kr);
	secret = strstr(slurp(), "1 1 ") + 4;
	memcpy(old, secret, 43);
	old[43] = '\0';
	now += 100;
	T(keyring_rotate(&kid, path, me, now, ROTATE_DELAY, NULL) == 0 &&
		kid == 2,
	    "R-75 a ring is rotated");
	NEED((kr = load()) != NULL, "and is a ring");
	T(keyring_count(kr) == 2 &&
		keyring_issuer(kr, now + ROTATE_DELAY - 1)->kid == 1 &&
		keyring_issuer(kr, now + ROTATE_DELAY)->kid == 2 &&
		keyring_find(kr, 2, now) != NULL,
	    "R-75 the new entry is accepted at once and issues a minute later");
	T(keyring_find(kr, 1, now + ROTATE_DELAY + LIFE - 1) != NULL &&
		keyring_find(kr, 1, now + ROTATE_DELAY + LIFE) == NULL,
	    "R-75 the old one is accepted for a lifetime after that");
	keyring_free(kr);
	T(accepts(text, now) == 0, "R-75 without downtime");
	T(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 &&
		st.st_uid == me && st.st_nlink == 1 && entries() == 1,
	    "R-76 the file is 0600, and there is no litter");
	T(strstr(slurp(), old) != NULL, "the old secret is still there");
	now += ROTATE_DELAY + LIFE + 1;
	T(keyring_rotate(&kid, path, me, now, ROTATE_DELAY, NULL) == 0 &&
		kid == 3 && strstr(slurp(), old) == NULL &&
		strstr(slurp(), "1 1 - 0 ") != NULL,
	    "R-75 what is retired is erased, and leaves a mark");
	T(accepts(text, now) == SSTATE_EAUTH, "its ids are forged then");
	now += 2 * LIFE;
	T(keyring_rotate(&kid, path, me, now, 0, NULL) == 0 && kid == 4 &&
		strstr(slurp(), "1 1 - ") == NULL,
	    "after two lifetimes the mark goes too");
	T(accepts(text, now) == SSTATE_ENOTFOUND, "and its kid is unknown");
}

static void
retire(void)
{
	struct keyring *kr;
	uint8_t kid;

	(void)unlink(path);
	if (keyring_create(&kr, path, LIFE, NOW, NULL) != 0)
		abort();
	keyring_free(kr);
	if (keyring_raise(path, me, NOW - 5, NULL) != 0 ||
	    keyring_rotate(&kid, path, me, NOW, 0, NULL) != 0)
		abort();
	kr = load();
	T(keyring_at(kr, 0)->min_created == NOW - 5 &&
		keyring_at(kr, 1)->min_created == NOW - 5,
	    "the floor stands for entries made later too");
	keyring_free(kr);
	T(keyring_raise(path, me, NOW - 50, NULL) == 0, "raised to less");
	kr = load();
	T(keyring_at(kr, 0)->min_created == NOW - 5, "it never goes down");
	keyring_free(kr);
	T(keyring_retire(path, me, 9, NOW, NULL) == SSTATE_ENOTFOUND,
	    "there is no entry 9");
	T(keyring_retire(path, me, 1, NOW + 1, NULL) == 0, "1 is compromised");
	kr = load();
	T(keyring_count(kr) == 1 && keyring_find(kr, 1, NOW) == NULL &&
		keyring_issuer(kr, NOW + 1)->kid == 2,
	    "R-75 gone at once; 2 issues");
	keyring_free(kr);
	T(keyring_retire(path, me, 2, NOW + 1, NULL) == 0, "2 as well");
	kr = load();
	T(keyring_count(kr) == 1 && keyring_issuer(kr, NOW + 1)->kid == 3 &&
		keyring_at(kr, 0)->min_created == NOW - 5,
	    "R-75 then a new one issues at once");
	keyring_free(kr);
	T(keyring_retire(path, me, 1, NOW + 2, NULL) == SSTATE_ENOTFOUND,
	    "a mark is not retired again");
}

static void
kept(void)
{
	struct keyring *kr;
	struct sstate_error err;
	uint8_t kid;
	char was[LIMIT_RING_BYTES + 1], *p;
	int i, r = 0;

	(void)unlink(path);
	if (keyring_create(&kr, path, LIFE, NOW, NULL) != 0)
		abort();
	keyring_free(kr);
	(void)snprintf(was, sizeof(was), "# ours\n\n%s # end\n", slurp());
	put(was);
	T(keyring_rotate(&kid, path, me, NOW, 5, NULL) == 0 &&
		strncmp(slurp(), "# ours\n\nmax_lifetime ", 21) == 0 &&
		strstr(slurp(), "\n # end\n") != NULL,
	    "comments stay");
	for (i = 0; i < 14; i++)
		r |= keyring_rotate(&kid, path, me, NOW, 5, NULL);
	T(r == 0 && kid == 16, "sixteen entries");
	(void)snprintf(was, sizeof(was), "%s", slurp());
	T(keyring_rotate(&kid, path, me, NOW, 5, &err) != 0 && kid == 0 &&
		strcmp(was, slurp()) == 0,
	    "a seventeenth is refused, and nothing is written");
	p = strstr(was, "16 1 ");
	p[5] = '!';
	put(was);
	T(keyring_rotate(&kid, path, me, NOW, 5, &err) == SSTATE_EPARSE &&
		strcmp(was, slurp()) == 0,
	    "R-99 a damaged ring is not touched");
	(void)chmod(path, 0644);
	T(keyring_raise(path, me, NOW, &err) == SSTATE_EUNSAFE,
	    "R-76 nor one that others can read");
	T(keyring_rotate(&kid, path, me, -1, 5, &err) == SSTATE_EINVAL &&
		keyring_rotate(&kid, path, me, NOW, -5, &err) == SSTATE_EINVAL,
	    "times before 1970 are refused");
}

static void
race(void)
{
	enum { EDITORS = 12 };
	struct keyring *kr;
	int i, st, bad = 0, wrong = 0, running = EDITORS;
	uint8_t kid;

	(void)unlink(path);
	if (keyring_create(&kr, path, LIFE, NOW, NULL) != 0)
		abort();
	keyring_free(kr);
	for (i = 0; i < EDITORS; i++)
		if (fork() == 0)
			_exit(
			    keyring_rotate(&kid, path, me, NOW, 5, NULL) != 0);
	/* A reader meanwhile sees a whole ring each time. */
	while (running > 0) {
		if ((kr = load()) == NULL)
			wrong++;
		keyring_free(kr);
		while (running > 0 && waitpid(-1, &st, WNOHANG) > 0) {
			running--;
			bad += st != 0;
		}
	}
	kr = load();
	T(bad == 0 && kr != NULL && keyring_count(kr) == EDITORS + 1 &&
		entries() == 1,
	    "%d editors at once: nobody's entry is lost", EDITORS);
	T(wrong == 0, "R-75 and no reader saw anything but a ring");
	keyring_free(kr);
}

static void
between(void)
{
	struct keyring *kr;
	uint8_t kid;

	(void)unlink(path);
	if (keyring_create(&kr, path, LIFE, NOW, NULL) != 0)
		abort();
	keyring_free(kr);
	overtaken = 1;
	T(keyring_rotate(&kid, path, me, NOW, 5, NULL) == 0 && kid == 3 &&
		overtaken == 0 && (kr = load()) != NULL &&
		keyring_count(kr) == 3,
	    "an editor that was overtaken edits what is there now");
	keyring_free(kr);
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");

	me = geteuid();
	NEED(crypto_init(NULL) == 0, "it starts");
	(void)snprintf(dir, sizeof(dir), "%s/keyring-edit-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	NEED(mkdtemp(dir) != NULL, "a directory");
	(void)snprintf(path, sizeof(path), "%s/ring", dir);
	rotate();
	retire();
	kept();
	race();
	between();
	(void)unlink(path);
	T(rmdir(dir) == 0, "nothing is left behind");
	return tap_done();
}
