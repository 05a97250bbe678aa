/*
 * keyring_test.c - the key ring: whom it believes, what it keeps, who issues
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "crypto_help.h"

#include "base/limits.h"
#include "base/rand.h"
#include "crypto/token.h"

static char dir[256], path[300], good[2][44];
static int no_links; /* errno of linkat(), as where there is no /proc */
static uid_t me;

/* The test's own: it passes on to the kernel, or fails as told. */
int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	if (no_links != 0) {
		errno = no_links;
		return -1;
	}
	return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

static const char *
in_dir(const char *name)
{
	static char buf[8][400];
	static unsigned i;

	i = (i + 1) % 8;
	(void)snprintf(buf[i], sizeof(buf[i]), "%s/%s", dir, name);
	return buf[i];
}

static void
put_bytes(const char *file, const void *p, size_t n, mode_t mode)
{
	int fd;

	(void)unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || fchmod(fd, mode) != 0)
		abort();
	(void)close(fd);
}

/* %A and %B stand for two good secrets. */
static size_t
expand(char *out, size_t cap, const char *text)
{
	char *p = out;

	for (; *text != '\0' && (size_t)(p - out) + 50 < cap; text++) {
		if (text[0] == '%' && (text[1] == 'A' || text[1] == 'B')) {
			memcpy(p, good[text[1] - 'A'], 43);
			p += 43;
			text++;
		} else {
			*p++ = *text;
		}
	}
	*p = '\0';
	return (size_t)(p - out);
}

static void
put(const char *text)
{
	char buf[4096];
	size_t n = expand(buf, sizeof(buf), text);

	put_bytes(path, buf, n, 0600);
}

static int
load_as(const char *file, uid_t uid)
{
	struct keyring *kr = (struct keyring *)(uintptr_t)1;
	struct sstate_error err;
	int r = keyring_load(&kr, file, uid, &err);

	if ((r == 0) != (kr != NULL))
		return -1000;
	/* Whatever is wrong: no word of the file is repeated. */
	if (r != 0 &&
	    (strstr(err.text, good[0]) != NULL ||
		strstr(err.text, good[1]) != NULL))
		return -1001;
	keyring_free(kr);
	return r;
}

static int
load(void)
{
	return load_as(path, me);
}

static int
load_text(const char *text)
{
	put(text);
	return load();
}

#define L "max_lifetime 43200\n"

static void
texts(void)
{
	static const struct {
		const char *what, *text;
		int want;
	} cases[] = {
		{ "one entry", L "1 1 %A 0 0 0\n", 0 },
		{ "two entries, comments, blanks",
		    "# ring\n\n" L "\t \n  #x\n1 1 %A 0 0 0\n"
		    " 255\t1  %B 1760000000 0 0 \n",
		    0 },
		{ "a retired kid's mark",
		    L "1 1 %A 0 0 0\n2 1 - 0 1760000000 0\n", 0 },
		{ "marks only", L "2 1 - 0 1760000000 0\n", SSTATE_EPARSE },
		{ "nothing", "", SSTATE_EPARSE },
		{ "no entry", L, SSTATE_EPARSE },
		{ "no lifetime", "1 1 %A 0 0 0\n", SSTATE_EPARSE },
		{ "lifetime last", "1 1 %A 0 0 0\n" L, SSTATE_EPARSE },
		{ "lifetime twice", L L "1 1 %A 0 0 0\n", SSTATE_EPARSE },
		{ "lifetime 0", "max_lifetime 0\n1 1 %A 0 0 0\n",
		    SSTATE_EPARSE },
		{ "lifetime of ten years",
		    "max_lifetime 315360000\n1 1 %A 0 0 0\n", SSTATE_EPARSE },
		{ "lifetime with a sign", "max_lifetime +43200\n1 1 %A 0 0 0\n",
		    SSTATE_EPARSE },
		{ "another word", "min_lifetime 43200\n1 1 %A 0 0 0\n",
		    SSTATE_EPARSE },
		{ "five words", L "1 1 %A 0 0\n", SSTATE_EPARSE },
		{ "seven words", L "1 1 %A 0 0 0 0\n", SSTATE_EPARSE },
		{ "one word", L "%A\n", SSTATE_EPARSE },
		{ "kid 0", L "0 1 %A 0 0 0\n", SSTATE_EPARSE },
		{ "kid 256", L "256 1 %A 0 0 0\n", SSTATE_EPARSE },
		{ "kid 01", L "01 1 %A 0 0 0\n", SSTATE_EPARSE },
		{ "kid 0x1", L "0x1 1 %A 0 0 0\n", SSTATE_EPARSE },
		{ "kid -1", L "-1 1 %A 0 0 0\n", SSTATE_EPARSE },
		{ "kid twice", L "1 1 %A 0 0 0\n1 1 %B 0 0 0\n",
		    SSTATE_EPARSE },
		{ "kid of a mark", L "1 1 - 0 9 0\n1 1 %B 0 0 0\n",
		    SSTATE_EPARSE },
		{ "mark of a kid", L "1 1 %B 0 0 0\n1 1 - 0 9 0\n",
		    SSTATE_EPARSE },
		{ "mark twice", L "1 1 %B 0 0 0\n2 1 - 0 9 0\n2 1 - 0 9 0\n",
		    SSTATE_EPARSE },
		{ "unknown suite", L "1 2 %A 0 0 0\n", SSTATE_EPARSE },
		{ "suite 0", L "1 0 %A 0 0 0\n", SSTATE_EPARSE },
		{ "an unknown suite's mark", L "1 1 %A 0 0 0\n2 2 - 0 9 0\n",
		    SSTATE_EPARSE },
		{ "secret twice", L "1 1 %A 0 0 0\n2 1 %A 0 0 0\n",
		    SSTATE_EPARSE },
		{ "no secret", L "1 1  0 0 0\n", SSTATE_EPARSE },
		{ "short secret", L "1 1 AAECAwQFBgcICQoLDA0ODw 0 0 0\n",
		    SSTATE_EPARSE },
		{ "padded secret", L "1 1 %A= 0 0 0\n", SSTATE_EPARSE },
		{ "long secret", L "1 1 %AA 0 0 0\n", SSTATE_EPARSE },
		{ "time before 1970", L "1 1 %A -5 0 0\n", SSTATE_EPARSE },
		{ "time beyond all", L "1 1 %A 0 9007199254740993 0\n",
		    SSTATE_EPARSE },
		{ "time that overflows", L "1 1 %A 0 0 99999999999999999999\n",
		    SSTATE_EPARSE },
		{ "time with letters", L "1 1 %A 0 0 1e9\n", SSTATE_EPARSE },
		{ "CR LF", "max_lifetime 43200\r\n1 1 %A 0 0 0\r\n",
		    SSTATE_EPARSE },
		{ "cut in its last number", L "1 1 %A 0 0 17600",
		    SSTATE_EPARSE },
	};
	char big[LIMIT_RING_BYTES + 64];
	size_t i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		T(load_text(cases[i].text) == cases[i].want, "R-76 text: %s",
		    cases[i].what);
	n = expand(big, sizeof(big), L "1 1 %A 0 0 0\n");
	memset(big + n, '#', sizeof(big) - n);
	big[LIMIT_RING_BYTES - 1] = '\n';
	put_bytes(path, big, LIMIT_RING_BYTES, 0600);
	T(load() == 0, "R-90 as long as it may be");
	put_bytes(path, big, LIMIT_RING_BYTES + 1, 0600);
	T(load() == SSTATE_EPARSE, "R-90 one byte longer");
	n = expand(big, sizeof(big), L "1 1 %A 0 0 0\n");
	big[n] = '\0';
	big[n + 1] = '\n';
	put_bytes(path, big, n + 2, 0600);
	T(load() == SSTATE_EPARSE, "R-76 text: a NUL");
}

/* A ring of n entries; the secrets are drawn. */
static int
load_n(int n)
{
	char text[4096], b64[44];
	uint8_t secret[32];
	int i, len = snprintf(text, sizeof(text), L);

	for (i = 0; i < n; i++) {
		(void)rand_bytes(secret, 32, NULL);
		b64_encode(b64, secret, 32);
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    "%d 1 %s 0 0 0\n", i + 1, b64);
	}
	put_bytes(path, text, (size_t)len, 0600);
	return load();
}

static void
secrets(void)
{
	static const struct {
		const char *what;
		const char *bytes;
	} weak[] = {
		{ "zeros", NULL },
		{ "a repeated octet", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		{ "a phrase", "correct horse battery staple 123" },
		{ "hex digits", "0123456789abcdef0f1e2d3c4b5a6978" },
		{ "a half twice",
		    "\x01\xf2\x73\x84\x05\x96\xe7\x18"
		    "\x29\xaa\x4b\xdc\x6d\x7e\x9f\x33"
		    "\x01\xf2\x73\x84\x05\x96\xe7\x18"
		    "\x29\xaa\x4b\xdc\x6d\x7e\x9f\x33" },
		{ "few octets",
		    "\x01\xf2\x73\x84\x05\x96\xe7\x18"
		    "\xf2\x01\x84\x73\x05\x96\xe7\x18"
		    "\x01\x73\xf2\x84\x05\x96\xe7\x18"
		    "\x01\xf2\x73\x84\x96\x05\xe7\x18" },
	};
	uint8_t secret[32] = { 0 };
	char b64[44], text[200];
	size_t i, j;
	int refused = 0;

	for (i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
		if (weak[i].bytes != NULL)
			memcpy(secret, weak[i].bytes, 32);
		b64_encode(b64, secret, 32);
		(void)snprintf(text, sizeof(text), L "1 1 %s 0 0 0\n", b64);
		T(load_text(text) == SSTATE_EPARSE, "R-76 secret: %s",
		    weak[i].what);
	}
	for (i = 0; i < 256; i++) {
		for (j = 0; j < 32; j++)
			secret[j] = (uint8_t)(j * i + 64);
		b64_encode(b64, secret, 32);
		(void)snprintf(text, sizeof(text), L "1 1 %s 0 0 0\n", b64);
		refused += load_text(text) == SSTATE_EPARSE;
	}
	T(refused == 256,
	    "R-76 default secrets: every one of our own vectors and manuals");
	T(load_n(16) == 0, "sixteen entries are accepted");
	T(load_n(17) == SSTATE_EPARSE, "a seventeenth is not");
}

static void
kinds(void)
{
	static const struct {
		mode_t mode;
		int want;
	} modes[] = {
		{ 0600, 0 },
		{ 0400, 0 },
		{ 0700, 0 },
		{ 0640, SSTATE_EUNSAFE },
		{ 0620, SSTATE_EUNSAFE },
		{ 0610, SSTATE_EUNSAFE },
		{ 0604, SSTATE_EUNSAFE },
		{ 0602, SSTATE_EUNSAFE },
		{ 0601, SSTATE_EUNSAFE },
		{ 0666, SSTATE_EUNSAFE },
		{ 0777, SSTATE_EUNSAFE },
	};
	const char *other = in_dir("other");
	size_t i;

	put(L "1 1 %A 0 0 0\n");
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (chmod(path, modes[i].mode) != 0)
			abort();
		T(load() == modes[i].want, "R-76 mode %03o",
		    (unsigned)modes[i].mode);
	}
	if (chmod(path, 0600) != 0 || link(path, other) != 0)
		abort();
	T(load() == SSTATE_EUNSAFE, "R-76 a second link");
	(void)unlink(path);
	if (symlink("other", path) != 0)
		abort();
	T(load() == SSTATE_EUNSAFE, "R-76 a symlink");
	(void)unlink(path);
	if (symlink("nowhere", path) != 0)
		abort();
	T(load() == SSTATE_EUNSAFE, "R-76 a dangling symlink");
	(void)unlink(path);
	(void)unlink(other);
	T(load() == SSTATE_ENOTFOUND, "none");
	if (mkfifo(path, 0600) != 0)
		abort();
	T(load() == SSTATE_EUNSAFE, "R-76 a FIFO, and nobody waits");
	(void)unlink(path);
	if (mkdir(path, 0700) != 0)
		abort();
	T(load() == SSTATE_EUNSAFE, "R-76 a directory");
	(void)rmdir(path);
	T(load_as("/dev/null", me) == SSTATE_EUNSAFE, "R-76 a device");
	if (mknod(path, S_IFSOCK | 0600, 0) != 0)
		abort();
	T(load() == SSTATE_EUNSAFE, "R-76 a socket");
	(void)unlink(path);
	T(load_as("", me) == SSTATE_EINVAL &&
		load_as("/", me) == SSTATE_EINVAL &&
		load_as(in_dir(""), me) == SSTATE_EINVAL &&
		load_as(in_dir(".."), me) == SSTATE_EINVAL,
	    "a path that names no file");
	T(load_as(in_dir("no/ring"), me) == SSTATE_ENOTFOUND,
	    "a directory that is not there");
}

/* F-02: two directories above the ring, by owner, mode and stickiness. */
static void
parents(void)
{
	static const mode_t write[] = { 0, 020, 002, 022 };
	const char *up = in_dir("up"), *below = in_dir("up/below");
	const char *file = in_dir("up/below/ring");
	const uid_t uid = 4242, owners[] = { 0, uid, 4243 };
	unsigned who, w, s, level, wrong = 0, count = 0;
	char buf[200];
	size_t n = expand(buf, sizeof(buf), L "1 1 %A 0 0 0\n");

	if (me != 0) {
		tap_skip("F-02: to give directories away one must be root");
		return;
	}
	if (chmod(dir, 0755) != 0 || mkdir(up, 0755) != 0 ||
	    mkdir(below, 0755) != 0)
		abort();
	put_bytes(file, buf, n, 0600);
	T(load_as(file, uid) == SSTATE_EUNSAFE,
	    "R-76 another user's file, even root's");
	if (chown(file, uid, (gid_t)-1) != 0)
		abort();
	T(load_as(file, uid) == 0, "root reads a user's ring in his name");
	T(load_as(file, 0) == SSTATE_EUNSAFE, "but not in its own");
	for (who = 0; who < 3; who++)
		for (w = 0; w < 4; w++)
			for (s = 0; s < 2; s++)
				for (level = 0; level < 2; level++) {
					const char *d = level ? up : below;
					mode_t m =
					    0755 | write[w] | (s ? S_ISVTX : 0);
					int safe = who < 2 && (w == 0 || s);

					if (chown(d, owners[who], (gid_t)-1) !=
						0 ||
					    chmod(d, m) != 0)
						abort();
					wrong += load_as(file, uid) !=
					    (safe ? 0 : SSTATE_EUNSAFE);
					count++;
					(void)chown(d, 0, (gid_t)-1);
					(void)chmod(d, 0755);
				}
	T(wrong == 0 && count == 48, "F-02 %u directories above it", count);
	(void)rename(below, in_dir("up/real"));
	if (symlink("real", below) != 0)
		abort();
	T(load_as(file, uid) == SSTATE_EUNSAFE, "F-02 a symlink on the way");
	(void)unlink(below);
	(void)unlink(in_dir("up/real/ring"));
	(void)rmdir(in_dir("up/real"));
	(void)rmdir(up);
	(void)chmod(dir, 0700);
}

static void
relative(void)
{
	char was[PATH_MAX];

	put(L "1 1 %A 0 0 0\n");
	if (getcwd(was, sizeof(was)) == NULL || chdir(dir) != 0)
		abort();
	T(load_as("ring", me) == 0 && load_as("./ring", me) == 0,
	    "F-01 a relative path is walked from the root too");
	if (chmod(dir, 0777) != 0)
		abort();
	T(load_as("ring", me) == SSTATE_EUNSAFE, "F-02 also here");
	(void)chmod(dir, 0700);
	if (chdir(was) != 0)
		abort();
}

static void
rotation(void)
{
	const struct ringkey *k, *key;
	struct keyring *kr, *later;
	struct token t, u;
	char text[TOKEN_TEXT + 1];
	int i, found = 0;

	put(L "1 1 %A 100 0 50\n2 1 %B 200 0 0\n9 1 - 0 90 0\n");
	NEED(keyring_load(&kr, path, me, NULL) == 0, "a ring of two");
	T(keyring_count(kr) == 2 && keyring_max_lifetime(kr) == 43200 &&
		keyring_at(kr, 0)->kid == 1 &&
		keyring_at(kr, 0)->min_created == 50 &&
		keyring_at(kr, 1)->not_before == 200 &&
		keyring_at(kr, 2) == NULL,
	    "its entries are as written");
	T(keyring_issuer(kr, 99) == NULL && keyring_issuer(kr, 100)->kid == 1 &&
		keyring_issuer(kr, 199)->kid == 1 &&
		keyring_issuer(kr, 200)->kid == 2,
	    "R-75 an entry issues from not_before on");
	T(keyring_find(kr, 2, 100)->kid == 2,
	    "R-75 and is accepted as soon as it is loaded");
	for (i = 0; i < 256; i++)
		found += keyring_find(kr, (uint8_t)i, 300) != NULL;
	T(found == 2, "R-75 a kid names one key or none");
	if (token_new(&t, keyring_at(kr, 0), "app", CLS_COOKIE, NULL) != 0)
		abort();
	token_text(text, &t);
	T(token_parse(&u, &key, kr, "app", CLS_COOKIE, text, TOKEN_TEXT, 300) ==
		    0 &&
		key->kid == 1,
	    "R-75 the old key's ids are accepted after the change");
	k = keyring_at(kr, 0);
	put(L "1 1 %A 100 400 50\n2 1 %B 200 0 0\n");
	NEED(keyring_load(&later, path, me, NULL) == 0, "later");
	T(memcmp(k->tok, keyring_at(later, 0)->tok, 32) == 0 &&
		strcmp(k->fingerprint, keyring_at(later, 0)->fingerprint) == 0,
	    "the same secret derives the same keys");
	T(token_parse(&u, &key, later, "app", CLS_COOKIE, text, TOKEN_TEXT,
	      399) == 0 &&
		token_parse(&u, &key, later, "app", CLS_COOKIE, text,
		    TOKEN_TEXT, 400) == SSTATE_EAUTH &&
		key == NULL,
	    "R-75 until it is retired");
	T(keyring_find(later, 1, 400) == NULL, "then it is no key");
	T(!keyring_same(kr, later) && keyring_same(kr, kr),
	    "rings with other times are not the same");
	keyring_free(later);
	put(L "2 1 %B 200 0 0\n1 1 - 0 400 0\n");
	NEED(keyring_load(&later, path, me, NULL) == 0, "erased");
	T(token_parse(&u, &key, later, "app", CLS_COOKIE, text, TOKEN_TEXT,
	      300) == SSTATE_EAUTH,
	    "R-75 a retired kid is known, and forged: no second look");
	keyring_free(later);
	put(L "2 1 %B 200 0 0\n");
	NEED(keyring_load(&later, path, me, NULL) == 0, "forgotten");
	T(token_parse(&u, &key, later, "app", CLS_COOKIE, text, TOKEN_TEXT,
	      300) == SSTATE_ENOTFOUND,
	    "R-75 an unknown kid asks for another look at the file");
	keyring_free(later);
	/* Under another secret the kid alone opens nothing. */
	put(L "1 1 %B 100 0 0\n");
	NEED(keyring_load(&later, path, me, NULL) == 0, "other");
	T(token_parse(&u, &key, later, "app", CLS_COOKIE, text, TOKEN_TEXT,
	      300) == SSTATE_EAUTH,
	    "R-75 a reused kid opens nothing");
	keyring_free(later);
	keyring_free(kr);
}

static void
staleness(void)
{
	struct timespec back[2] = { { 1, 0 }, { 1, 0 } };
	struct keyring *kr, *eph;
	const char *other = in_dir("other");
	struct stat st;

	put(L "1 1 %A 0 0 0\n");
	NEED(keyring_load(&kr, path, me, NULL) == 0, "loaded");
	T(keyring_stale(kr, path) == 0, "R-75 not stale at once");
	T(keyring_stale(kr, other) == 1, "another path is");
	if (rename(path, other) != 0)
		abort();
	T(keyring_stale(kr, path) == 1, "R-75 gone");
	put(L "1 1 %A 0 0 0\n");
	T(keyring_stale(kr, path) == 1, "R-75 the same text, another file");
	keyring_free(kr);
	NEED(keyring_load(&kr, path, me, NULL) == 0, "loaded");
	if (stat(path, &st) != 0)
		abort();
	back[0] = st.st_atim;
	back[1] = st.st_mtim;
	back[1].tv_nsec = back[1].tv_nsec == 7 ? 8 : 7;
	if (utimensat(AT_FDCWD, path, back, 0) != 0)
		abort();
	T(keyring_stale(kr, path) == 1, "R-75 touched");
	keyring_free(kr);
	NEED(keyring_ephemeral(&eph, 3600, NOW, NULL) == 0, "in memory");
	T(keyring_stale(eph, path) == 0 && keyring_max_lifetime(eph) == 3600 &&
		keyring_issuer(eph, NOW) == keyring_at(eph, 0) &&
		keyring_count(eph) == 1,
	    "a ring in memory is never stale, and issues");
	keyring_free(eph);
	T(keyring_ephemeral(&eph, 0, NOW, NULL) == SSTATE_EINVAL && eph == NULL,
	    "a lifetime of 0 is none");
	(void)unlink(other);
}

/* Of many makers one wins, all load its ring, and there is no litter. */
static void
makers(const char *how)
{
	enum { MAKERS = 16 };
	char fp[MAKERS][17];
	struct keyring *kr;
	int i, end[2], sts, bad = 0;
	DIR *d;

	(void)unlink(path);
	if (pipe(end) != 0)
		abort();
	for (i = 0; i < MAKERS; i++)
		if (fork() == 0) {
			if (keyring_create(&kr, path, 3600, NOW, NULL) != 0)
				_exit(1);
			_exit(write(end[1], keyring_at(kr, 0)->fingerprint,
				  17) != 17);
		}
	(void)close(end[1]);
	for (i = 0; i < MAKERS; i++)
		bad += wait(&sts) < 0 || sts != 0;
	for (i = 0; i < MAKERS; i++)
		bad +=
		    read(end[0], fp[i], 17) != 17 || strcmp(fp[i], fp[0]) != 0;
	(void)close(end[0]);
	T(bad == 0, "of %d makers one wins and all load its ring%s", MAKERS,
	    how);
	for (d = opendir(dir), i = 0; readdir(d) != NULL;)
		i++;
	(void)closedir(d);
	T(i == 3, "and none leaves litter");
}

/* Two makers by rename: the second must find the first one's ring. */
static void
by_name(void)
{
	struct keyring *a, *b;
	struct stat st;

	no_links = ENOENT;
	(void)unlink(path);
	T(keyring_create(&a, path, 3600, NOW, NULL) == 0 &&
		stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 &&
		st.st_nlink == 1,
	    "R-76 made where no unnamed file can be linked");
	keyring_free(a);
	makers(", also there");
	NEED(keyring_load(&a, path, me, NULL) == 0, "loaded");
	T(keyring_create(&b, path, 3600, NOW, NULL) == 0 && keyring_same(a, b),
	    "what is there stays");
	keyring_free(a);
	keyring_free(b);
	no_links = 0;
}

static void
creation(void)
{
	const mode_t umasks[] = { 022, 0, 0777 };
	struct keyring *a, *b;
	struct stat st;
	mode_t was = umask(022);
	int i;

	for (i = 0; i < 3; i++) {
		(void)unlink(path);
		(void)umask(umasks[i]);
		T(keyring_create(&a, path, 3600, NOW, NULL) == 0 &&
			stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 &&
			st.st_nlink == 1 && keyring_issuer(a, NOW) != NULL &&
			keyring_issuer(a, NOW)->kid == 1 &&
			keyring_max_lifetime(a) == 3600,
		    "R-76 made 0600 under umask %03o, issues at once",
		    (unsigned)umasks[i]);
		T(keyring_create(&b, path, 7200, NOW + 9, NULL) == 0 &&
			keyring_same(a, b),
		    "R-76 what is there is not made anew");
		keyring_free(a);
		keyring_free(b);
	}
	(void)umask(was);
	makers("");
	by_name();
	T(keyring_create(&a, in_dir("no/ring"), 3600, NOW, NULL) ==
		    SSTATE_ENOTFOUND &&
		a == NULL,
	    "it makes no directory");
	put("damaged\n");
	T(keyring_create(&a, path, 3600, NOW, NULL) == SSTATE_EPARSE &&
		load() == SSTATE_EPARSE,
	    "R-99 a damaged ring is not replaced");
	T(keyring_create(&a, in_dir("x"), -1, NOW, NULL) == SSTATE_EINVAL,
	    "a lifetime below zero is none");
}

/* All memory that we can read: how often a secret, or its text, is in it. */
__attribute__((unused)) static size_t
copies(const uint8_t *masked, size_t n)
{
	static uint8_t page[1 << 16];
	size_t found = 0, i, j;
	char line[512];
	unsigned long lo, hi, at;
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	ssize_t got;

	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx r", &lo, &hi) != 2 ||
		    strstr(line, " r") == NULL || strstr(line, "[v") != NULL)
			continue;
		for (at = lo; at < hi; at += sizeof(page) - 64) {
			if ((uintptr_t)page >= at &&
			    (uintptr_t)page < at + sizeof(page))
				continue; /* what we copied */
			got = pread(mem, page,
			    hi - at < sizeof(page) ? hi - at : sizeof(page),
			    (off_t)at);
			for (i = 0; got > 0 && i + n <= (size_t)got; i++) {
				for (j = 0;
				     j < n && (page[i + j] ^ 0xa5) == masked[j];
				     j++)
					;
				found += j == n;
			}
		}
	}
	(void)fclose(maps);
	(void)close(mem);
	memset(page, 0, sizeof(page));
	return found;
}

static void
memory(void)
{
	uint8_t masked[32], masked_text[43], *control;
	struct rlimit none = { 0, 0 };
	struct keyring *kr;
	int end[2], sts = 0;
	pid_t pid;
	size_t i;

	(void)unlink(path);
	if (pipe(end) != 0)
		abort();
	/* A child makes the ring, so that we have never had its secret. */
	if ((pid = fork()) == 0) {
		uint8_t secret[32];
		char text[200], b64[44];
		int n;

		(void)rand_bytes(secret, 32, NULL);
		b64_encode(b64, secret, 32);
		n = snprintf(text, sizeof(text), L "1 1 %s 0 0 0\n", b64);
		put_bytes(path, text, (size_t)n, 0600);
		for (i = 0; i < 32; i++)
			secret[i] ^= 0xa5;
		for (i = 0; i < 43; i++)
			b64[i] = (char)(b64[i] ^ 0xa5);
		_exit(write(end[1], secret, 32) != 32 ||
		    write(end[1], b64, 43) != 43);
	}
	if (waitpid(pid, &sts, 0) != pid || sts != 0 ||
	    read(end[0], masked, 32) != 32 ||
	    read(end[0], masked_text, 43) != 43)
		abort();
	(void)close(end[0]);
	(void)close(end[1]);
	NEED(keyring_load(&kr, path, me, NULL) == 0, "loaded");
#ifdef SSTATE_REPORTS
	(void)control;
	tap_skip("R-74, R-78: no scan of memory under a sanitizer");
#else
	control = malloc(32);
	for (i = 0; i < 32; i++)
		control[i] = masked[i] ^ 0xa5;
	T(copies(masked, 32) == 1, "the scan finds a secret that is there");
	explicit_bzero(control, 32);
	free(control);
	T(copies(masked, 32) == 0 && copies(masked_text, 43) == 0,
	    "R-74, R-78 after loading the secret is nowhere in memory");
#endif
	if ((pid = fork()) == 0) {
		(void)signal(SIGSEGV, SIG_DFL);
		(void)setrlimit(RLIMIT_CORE, &none);
		*(volatile uint8_t *)(uintptr_t)keyring_at(kr, 0)->tok = 1;
		_exit(0);
	}
	(void)waitpid(pid, &sts, 0);
	T(sts != 0, "a ring is read-only");
	keyring_free(kr);
	if ((pid = fork()) == 0) {
		if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 ||
		    (me == 0 && setuid(65534) != 0))
			_exit(1);
		_exit(keyring_ephemeral(&kr, 3600, NOW, NULL) != 0);
	}
	(void)waitpid(pid, &sts, 0);
	T(sts == 0, "a ring that cannot be locked in memory is a ring");
}

static void
separation(void)
{
	struct keyring *kr;
	const struct ringkey *k;
	const uint8_t *all[16];
	unsigned i, j, equal = 0;

	put(L "1 1 %A 0 0 0\n2 1 %B 0 0 0\n");
	NEED(keyring_load(&kr, path, me, NULL) == 0, "a ring of two");
	for (i = 0; i < 2; i++) {
		k = keyring_at(kr, i);
		all[i * 8 + 0] = k->tok;
		all[i * 8 + 1] = k->dat;
		all[i * 8 + 2] = k->pag;
		all[i * 8 + 3] = k->csr;
		all[i * 8 + 4] = k->usr;
		all[i * 8 + 5] = k->log;
		all[i * 8 + 6] = k->kvl;
		all[i * 8 + 7] = k->kvd;
	}
	for (i = 0; i < 16; i++)
		for (j = 0; j < i; j++)
			equal += memcmp(all[i], all[j], 32) == 0;
	T(equal == 0, "R-74 one purpose, one key: 16 of 16 differ");
	keyring_free(kr);
}

static int
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	uint8_t secret[32];
	int i, before;

	me = geteuid();
	NEED(crypto_init(NULL) == 0, "it starts");
	(void)snprintf(dir, sizeof(dir), "%s/keyring-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	NEED(mkdtemp(dir) != NULL, "a directory");
	(void)snprintf(path, sizeof(path), "%s/ring", dir);
	for (i = 0; i < 2; i++) {
		(void)rand_bytes(secret, 32, NULL);
		b64_encode(good[i], secret, 32);
	}
	before = descriptors();
	texts();
	secrets();
	kinds();
	parents();
	relative();
	rotation();
	staleness();
	creation();
	separation();
	memory();
	T(descriptors() == before, "no descriptor is left open");
	(void)unlink(path);
	T(rmdir(dir) == 0, "nothing is left behind");
	return tap_done();
}
