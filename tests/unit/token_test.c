/*
 * token_test.c - ids: random, one text each, for one carrier, key, namespace
 *
 * getrandom() of this program is the test's own: it passes on to the kernel,
 * or fails as told.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../long.h"
#include "crypto_help.h"

#include "base/rand.h"
#include "crypto/seal.h"
#include "crypto/token.h"

static struct {
	int fail; /* errno of all calls; 0: none */
	int interrupts; /* so many calls are interrupted first */
	int dribble; /* at most so many bytes a call */
	int zero; /* says that it wrote nothing */
	unsigned calls;
} kernel;

ssize_t
getrandom(void *buf, size_t len, unsigned flags)
{
	kernel.calls++;
	if (kernel.interrupts > 0) {
		kernel.interrupts--;
		errno = EINTR;
		return -1;
	}
	if (kernel.fail != 0) {
		errno = kernel.fail;
		return -1;
	}
	if (kernel.zero)
		return 0;
	if (kernel.dribble > 0 && len > (size_t)kernel.dribble)
		len = (size_t)kernel.dribble;
	return (ssize_t)syscall(SYS_getrandom, buf, len, flags);
}

static struct keyring *ring;
static const struct ringkey *key;

static int
parse(const char *text, size_t len, const char *ns, uint8_t cls)
{
	const struct ringkey *k;
	struct token t;

	return token_parse(&t, &k, ring, ns, cls, text, len, NOW);
}

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, SID_BYTES);
}

/* Sorted here; how many are there twice. */
static size_t
duplicates(uint8_t *sids, size_t n)
{
	size_t i, twice = 0;

	qsort(sids, n, SID_BYTES, by_bytes);
	for (i = 1; i < n; i++)
		if (memcmp(sids + (i - 1) * SID_BYTES, sids + i * SID_BYTES,
			SID_BYTES) == 0)
			twice++;
	return twice;
}

/*
 * Chi square of 255 degrees: mean 255, deviation 22.6.  Random positions
 * leave 120..430 less than once in 10^8 runs; a counter or a clock is far
 * outside, at either end.
 */
static int
flat(uint32_t seen[256], double n)
{
	double x = 0, d;
	int i;

	for (i = 0; i < 256; i++) {
		d = seen[i] - n / 256;
		x += d * d / (n / 256);
	}
	return x > 120 && x < 430;
}

static void
many_ids(void)
{
	enum { WIDE = SID_BYTES + 10 + LOC_BYTES };
	const unsigned most = test_long() < 20 ? test_long() : 20;
	const int N = 1000000 * (int)most;
	const size_t all = (size_t)N;
	static uint32_t seen[WIDE][256];
	uint8_t *sids = malloc(all * SID_BYTES);
	uint64_t differ = 0;
	struct token t;
	int i, j, bad = 0, flats = 0;

	if (sids == NULL)
		abort();
	memset(seen, 0, sizeof(seen));
	for (i = 0; i < N; i++) {
		if (token_new(&t, key, "app", CLS_COOKIE, NULL) != 0)
			bad++;
		memcpy(sids + (size_t)i * SID_BYTES, t.sid, SID_BYTES);
		for (j = 0; j < SID_BYTES; j++)
			seen[j][t.sid[j]]++;
		for (j = 0; j < 10; j++)
			seen[SID_BYTES + j][t.chk[j]]++;
		for (j = 0; j < LOC_BYTES; j++)
			seen[SID_BYTES + 10 + j][t.loc[j]]++;
		for (j = 0; i > 0 && j < SID_BYTES; j++)
			differ += (unsigned)__builtin_popcount(t.sid[j] ^
			    sids[(size_t)(i - 1) * SID_BYTES + (size_t)j]);
	}
	T(bad == 0, "R-03 %d ids are made", N);
	for (j = 0; j < WIDE; j++)
		flats += flat(seen[j], N);
	T(flats == WIDE, "R-06 every position of sid, check, locator is flat");
	/* 128 bits of 256 on average; the deviation of the mean is 0.008. */
	T(differ / (unsigned)N == 127 || differ / (unsigned)N == 128,
	    "R-06 an id says nothing of the next");
	T(duplicates(sids, all) == 0, "R-02 no id of them twice");
	free(sids);
}

static void
forks(void)
{
	enum { CHILDREN = 64, EACH = 1000 };
	uint8_t *sids = malloc((size_t)CHILDREN * EACH * SID_BYTES), *p = sids;
	uint8_t own[EACH * SID_BYTES];
	int fd[CHILDREN], end[2], i, j, bad = 0, st;
	struct token t;
	pid_t pid[CHILDREN];
	ssize_t got;

	for (i = 0; i < CHILDREN; i++) {
		if (pipe(end) != 0)
			abort();
		fd[i] = end[0];
		if ((pid[i] = fork()) == 0) {
			for (j = 0; j < EACH; j++) {
				if (token_new(&t, key, "app", CLS_COOKIE,
					NULL) != 0)
					_exit(1);
				memcpy(own + j * SID_BYTES, t.sid, SID_BYTES);
			}
			_exit(write(end[1], own, sizeof(own)) !=
			    (ssize_t)sizeof(own));
		}
		(void)close(end[1]);
	}
	for (i = 0; i < CHILDREN; i++) {
		while (p < sids + (size_t)(i + 1) * sizeof(own) &&
		    (got = read(fd[i], p, sizeof(own))) > 0)
			p += got;
		(void)close(fd[i]);
		if (waitpid(pid[i], &st, 0) != pid[i] || st != 0)
			bad++;
	}
	T(bad == 0 && p == sids + (size_t)CHILDREN * sizeof(own),
	    "R-05 64 children make 1,000 ids each");
	T(duplicates(sids, (size_t)CHILDREN * EACH) == 0,
	    "R-05 no two of them are equal");
	free(sids);
}

static int
blank(const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < n && b[i] == 0; i++)
		;
	return i == n;
}

static void
no_random(void)
{
	static const int errnos[] = { ENOSYS, EPERM, EIO, EAGAIN, EFAULT };
	struct keyring *kr;
	struct seal_random rnd;
	struct sstate_error err;
	struct token t;
	size_t i;

	for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
		kernel.fail = errnos[i];
		memset(&t, 0x55, sizeof(t));
		memset(&rnd, 0x55, sizeof(rnd));
		T(token_new(&t, key, "app", CLS_COOKIE, &err) == SSTATE_ESYS &&
			err.sys == errnos[i] && blank(&t, sizeof(t)) &&
			seal_draw(&rnd, &err) == SSTATE_ESYS &&
			blank(&rnd, sizeof(rnd)) &&
			keyring_ephemeral(&kr, 3600, NOW, &err) ==
			    SSTATE_ESYS &&
			kr == NULL,
		    "R-04 no id, salt or key when getrandom fails: %s",
		    strerrorname_np(errnos[i]));
	}
	kernel.fail = 0;
	kernel.zero = 1;
	T(token_new(&t, key, "app", CLS_COOKIE, &err) == SSTATE_ESYS &&
		blank(&t, sizeof(t)),
	    "R-04 no id when getrandom writes nothing");
	kernel.zero = 0;
	kernel.interrupts = 3;
	T(token_new(&t, key, "app", CLS_COOKIE, &err) == 0 &&
		!blank(t.sid, sizeof(t.sid)) && kernel.interrupts == 0,
	    "R-04 EINTR is repeated");
	kernel.dribble = 5;
	T(token_new(&t, key, "app", CLS_COOKIE, &err) == 0 &&
		!blank(t.sid + 27, 5),
	    "R-04 short answers are filled up");
	/* Failing in the middle leaves no half id. */
	kernel.dribble = 0;
	kernel.calls = 0;
	T(token_new(&t, key, "app", CLS_COOKIE, &err) == 0 && kernel.calls == 1,
	    "P4 one getrandom an id");
	kernel.calls = 0;
	T(seal_draw(&rnd, &err) == 0 && kernel.calls == 1,
	    "P4 one getrandom for salt and revision");
}

/* As the kernel refuses it: by seccomp, in a child. */
static void
seccomp(int e)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)e),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, code };
	struct token t;
	pid_t pid;
	int st = -1;

	if ((pid = fork()) == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
			_exit(77);
		_exit(!(token_new(&t, key, "app", CLS_COOKIE, NULL) ==
			SSTATE_ESYS &&
		    blank(&t, sizeof(t)) &&
		    rand_selftest(NULL) == SSTATE_ESYS));
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		abort();
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		tap_skip("no seccomp here");
	else
		T(st == 0, "R-04 a filter that says %s: no id",
		    strerrorname_np(e));
}

static void
one_text(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789-_";
	static const char *const bad[] = { "A", "=", " ", "%41" };
	char good[TOKEN_TEXT + 1], x[TOKEN_TEXT + 4];
	struct token t;
	int i, j, taken = 0, octets_taken = 0;
	size_t k;

	(void)token_new(&t, key, "app", CLS_COOKIE, NULL);
	token_text(good, &t);
	T(strlen(good) == TOKEN_TEXT && strspn(good, alphabet) == TOKEN_TEXT &&
		parse(good, TOKEN_TEXT, "app", CLS_COOKIE) == 0,
	    "R-45 a token is 60 characters of base64url");
	for (i = 0; i < TOKEN_TEXT; i++) {
		memcpy(x, good, sizeof(good));
		for (j = 0; j < 64; j++) {
			x[i] = alphabet[j];
			if (alphabet[j] != good[i] &&
			    parse(x, TOKEN_TEXT, "app", CLS_COOKIE) == 0)
				taken++;
		}
		for (j = 0; j < 256; j++) {
			x[i] = (char)j;
			if (j == 0 || strchr(alphabet, j) == NULL)
				octets_taken += parse(x, TOKEN_TEXT, "app",
						    CLS_COOKIE) == 0;
		}
	}
	T(taken == 0, "R-09, R-77 no other character anywhere is accepted");
	T(octets_taken == 0, "R-09 nor another octet");
	for (k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		(void)snprintf(x, sizeof(x), "%s%s", good, bad[k]);
		T(parse(x, strlen(x), "app", CLS_COOKIE) == SSTATE_EAUTH,
		    "R-09 nothing after it: '%s'", bad[k]);
		(void)snprintf(x, sizeof(x), "%s%s", bad[k], good);
		T(parse(x, TOKEN_TEXT, "app", CLS_COOKIE) == SSTATE_EAUTH,
		    "R-09 nothing before it: '%s'", bad[k]);
	}
	for (i = 0, taken = 0; i < TOKEN_TEXT; i++)
		taken +=
		    parse(good, (size_t)i, "app", CLS_COOKIE) != SSTATE_EAUTH;
	T(taken == 0, "R-08 every shorter one is refused, the empty one too");
}

static void
tampered(void)
{
	struct token t, back;
	const struct ringkey *k;
	uint8_t good[TOKEN_BYTES], raw[TOKEN_BYTES];
	int i, r, taken = 0, unknown = 0, wiped = 1;

	(void)token_new(&t, key, "app", CLS_COOKIE, NULL);
	token_bytes(good, &t);
	for (i = 0; i < TOKEN_BYTES * 8; i++) {
		memcpy(raw, good, sizeof(raw));
		raw[i / 8] ^= (uint8_t)(1 << i % 8);
		r = token_from_bytes(&back, &k, ring, "app", CLS_COOKIE, raw,
		    NOW);
		taken += r == 0;
		unknown += r == SSTATE_ENOTFOUND;
		wiped = wiped && k == NULL && blank(&back, sizeof(back));
	}
	T(taken == 0, "R-77 no flip of one bit is accepted");
	/* Of kid 1's eight neighbours 5 is retired and 9 is another entry. */
	T(unknown == 6, "ENOTFOUND is for unknown kids only");
	T(wiped, "a refused token leaves nothing");
	for (i = 0, taken = 0; i < 256; i++) {
		memcpy(raw, good, sizeof(raw));
		raw[0] = (uint8_t)i;
		taken += token_from_bytes(&back, &k, ring, "app", CLS_COOKIE,
			     raw, NOW) == 0;
	}
	T(taken == 1, "R-64 one suite of 256");
}

static void
separate(void)
{
	static const char *const ns[] = { "app", "shop", "ap", "appp", "App" };
	const struct ringkey *k;
	struct token t, u;
	char x[TOKEN_TEXT + 1];
	uint8_t raw[TOKEN_BYTES];
	size_t i, j;
	int taken = 0, diagonal = 0;
	uint8_t a, b;

	for (i = 0; i < 5; i++) {
		(void)token_new(&t, key, ns[i], CLS_COOKIE, NULL);
		token_text(x, &t);
		for (j = 0; j < 5; j++)
			*(i == j ? &diagonal : &taken) +=
			    parse(x, TOKEN_TEXT, ns[j], CLS_COOKIE) == 0;
	}
	T(taken == 0 && diagonal == 5,
	    "R-13 an id of one namespace is none in another");
	for (a = 0, taken = diagonal = 0; a < 16; a++) {
		(void)token_new(&t, key, "app", a, NULL);
		token_text(x, &t);
		for (b = 0; b < 16; b++)
			*(a == b ? &diagonal : &taken) +=
			    parse(x, TOKEN_TEXT, "app", b) == 0;
		/* Relabelled by the client. */
		token_bytes(raw, &t);
		for (b = 1; b < 4; b++) {
			raw[2] = b;
			taken += b != a &&
			    token_from_bytes(&u, &k, ring, "app", b, raw,
				NOW) == 0;
		}
	}
	T(taken == 0 && diagonal == 16,
	    "R-48 an id of one carrier is refused on another");
}

static void
places(void)
{
	struct token a, b;
	const struct ringkey *k;
	uint8_t raw[TOKEN_BYTES];
	char x[13], y[13], text[TOKEN_TEXT + 1], hex[2 * SID_BYTES + 1];

	(void)token_new(&a, key, "app", CLS_COOKIE, NULL);
	token_bytes(raw, &a);
	T(token_from_bytes(&b, &k, ring, "app", CLS_COOKIE, raw, NOW) == 0 &&
		memcmp(&a, &b, sizeof(a)) == 0 && k == key,
	    "the same place from the bytes");
	T(memcmp(a.loc, a.sid, 32) != 0 && memcmp(a.loc, a.chk, 10) != 0,
	    "R-10 the locator shows neither id nor check field");
	log_name(x, key, "app", &a);
	log_name(y, key, "shop", &a);
	token_text(text, &a);
	hex_encode(hex, a.sid, SID_BYTES);
	T(strlen(x) == 12 && strcmp(x, y) != 0 && strstr(hex, x) == NULL &&
		strstr(text, x) == NULL,
	    "R-12 a log name is another name");
	hex_encode(hex, a.loc, LOC_BYTES);
	T(strstr(hex, x) == NULL, "R-12 nor is it a part of the locator");
	token_wipe(&a);
	T(blank(&a, sizeof(a)), "R-78 token_wipe leaves nothing");
}

int
main(void)
{
	struct ringkey three[3];
	uint8_t secret[SECRET_BYTES];
	struct keyring *kr;
	int i, j;

	NEED(crypto_init(NULL) == 0 && rand_selftest(NULL) == 0, "it starts");
	for (i = 0; i < 3; i++) {
		for (j = 0; j < SECRET_BYTES; j++)
			secret[j] = (uint8_t)(i * 50 + j * j);
		three[i] = entry_of(secret, (unsigned)i * 4 + 1);
	}
	three[1].retire_at = NOW;
	ring = kr = ring_of(three, 3);
	key = keyring_find(kr, 1, NOW);
	one_text();
	tampered();
	separate();
	places();
	no_random();
	seccomp(ENOSYS);
	seccomp(EPERM);
	seccomp(EIO);
	forks();
	many_ids();
	keyring_free(kr);
	return tap_done();
}
