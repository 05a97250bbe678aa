/*
 * ring_test.c - keys: epoch, rotation, retirement, a ring that is not safe
 *
 * Rings are written by hand, as PROTOCOL.token has them; the session layer
 * is only watched from outside.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "../tap.h"
#include "kit.h"

#define K1 "CmNRFz_MtsfP398g33UapPafHl0aj0Ops5PDHhFBFW0"
#define K2 "9o0zjvGO3tDC08x4sGt4WN9CVKeV__ghot1tu3LHCoA"
#define K3 "Qw42i0AqRh49-wJ0rmqekiKMRfOJVE6JEPEaR3lXfO4"
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static char dir[256], ring[400], store[64];
static unsigned nth;

/* Replaced by rename, as the tool does it. */
static void
put_ring(const char *text)
{
	char tmp[410];
	FILE *f;
	int fd;

	(void)snprintf(tmp, sizeof(tmp), "%s.new", ring);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || (f = fdopen(fd, "w")) == NULL) {
		perror(tmp);
		exit(2);
	}
	(void)fputs(text, f);
	if (fclose(f) != 0 || rename(tmp, ring) != 0) {
		perror(ring);
		exit(2);
	}
}

/* A store and a ring of their own for each subject. */
static void
start(struct kit *k, const char *text)
{
	nth++;
	(void)snprintf(store, sizeof(store), "memory:ring%u", nth);
	(void)snprintf(ring, sizeof(ring), "%s/ring%u", dir, nth);
	if (text != NULL)
		put_ring(text);
	kit_init(k, store);
	k->o.keyring = ring;
}

/* The second octet of a token. */
static int
kid_of(const char *t)
{
	static const char a[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
				"qrstuvwxyz0123456789-_";
	const char *one = strchr(a, t[1]), *two = strchr(a, t[2]);

	return one == NULL || two == NULL
	    ? -1
	    : (int)(((one - a) & 15) << 4 | (two - a) >> 2);
}

/* The epoch: what was made before it is dead, at once and for all. */
static void
epoch(void)
{
	char text[400], old[KIT_TOKEN + 1], new[KIT_TOKEN + 1];
	struct sstate *env, *late;
	struct kit k, k2;

	start(&k, "max_lifetime 43200\n1 1 " K1 " 0 0 0\n");
	NEED((env = kit_open(&k)) != NULL, "a ring by hand is read");
	NEED(kit_make(old, env, "a", "1", "ann") == 0, "a session");
	T(kid_of(old) == 1, "issued under kid 1");
	(void)snprintf(text, sizeof(text),
	    "max_lifetime 43200\n1 1 " K1 " 0 0 %d\n", KIT_START + 1);
	put_ring(text);
	k2 = k;
	k2.o.arg = &k2;
	k2.o.stores = k2.stores;
	NEED((late = kit_open(&k2)) != NULL, "a process that starts later");
	T(kit_opens(late, old) != 0, "R-27 min_created: dead for it");
	k.clock += 61;
	(void)kit_opens(env, NULL);
	T(kit_opens(env, old) != 0,
	    "R-27 min_created: dead for one that runs, in a minute");
	NEED(kit_make(new, env, "a", "1", NULL) == 0, "a new session");
	k2.clock += 61;
	T(kit_opens(env, new) == 0 && kit_opens(late, new) == 0,
	    "what is made after it lives");
	sstate_close(late);
	sstate_close(env);
}

/* accepted when loaded, issuing from not_before, until retire_at. */
static void
several(void)
{
	char text[600], t[3][KIT_TOKEN + 1];
	struct sstate *env;
	uint64_t n = 0;
	struct kit k;

	(void)snprintf(text, sizeof(text),
	    "# by hand\n\nmax_lifetime 43200\n"
	    "1 1 " K1 " 0 %d 0\n2 1 " K2 " %d 0 0\n",
	    KIT_START + 200, KIT_START + 100);
	start(&k, NULL);
	put_ring(text);
	NEED((env = kit_open(&k)) != NULL, "two keys");
	NEED(kit_make(t[0], env, "a", "1", "ann") == 0, "a session");
	k.clock += 99;
	NEED(kit_make(t[1], env, "a", "1", NULL) == 0, "99 s later");
	k.clock += 2;
	NEED(kit_make(t[2], env, "a", "1", "ann") == 0, "101 s later");
	T(kid_of(t[0]) == 1 && kid_of(t[1]) == 1 && kid_of(t[2]) == 2,
	    "R-75 kid 2 issues from its not_before (%d %d %d)", kid_of(t[0]),
	    kid_of(t[1]), kid_of(t[2]));
	T(kit_opens(env, t[0]) == 0 && kit_opens(env, t[2]) == 0,
	    "R-75 both open");
	T(kit_put(env, t[0], "a", 2) == 0 && kit_int(env, t[0], "a") == 2,
	    "R-75 the older one is written under its own");
	k.clock = KIT_START + 199;
	T(kit_opens(env, t[0]) == 0, "R-75 until its retire_at");
	T(sstate_revoke(&n, env, "ann", NULL, NULL) == 0 && n == 2 &&
		kit_opens(env, t[0]) != 0 && kit_opens(env, t[2]) != 0,
	    "R-27 revoke asks under every accepted key (%u)", (unsigned)n);
	k.clock = KIT_START + 201;
	T(kit_opens(env, t[1]) == SSTATE_EAUTH, "R-75 retired: EAUTH");
	sstate_close(env);
}

/* An unknown kid makes the process look at the file, once a second. */
static void
unknown(void)
{
	char two[KIT_TOKEN + 1], three[KIT_TOKEN + 1];
	struct sstate *a, *b;
	struct kit k, k2;

	start(&k, "max_lifetime 43200\n1 1 " K1 " 0 0 0\n");
	NEED((a = kit_open(&k)) != NULL, "one process");
	put_ring("max_lifetime 43200\n1 1 " K1 " 0 0 0\n2 1 " K2 " 1 0 0\n");
	k2 = k;
	k2.o.arg = &k2;
	k2.o.stores = k2.stores;
	NEED((b = kit_open(&k2)) != NULL, "another, with a newer ring");
	NEED(kit_make(two, b, "a", "1", NULL) == 0 && kid_of(two) == 2,
	    "issues under kid 2");
	T(kit_opens(a, two) == 0, "R-75 the first one looks at the file");
	sstate_close(b);
	put_ring("max_lifetime 43200\n1 1 " K1 " 0 0 0\n2 1 " K2 " 1 0 0\n"
		 "3 1 " K3 " 2 0 0\n");
	NEED((b = kit_open(&k2)) != NULL &&
		kit_make(three, b, "a", "1", NULL) == 0 && kid_of(three) == 3,
	    "and under kid 3, in the same second");
	T(kit_opens(a, three) == SSTATE_EAUTH,
	    "not looked at twice in one second");
	k.clock++;
	T(kit_opens(a, three) == 0, "but in the next");
	put_ring("max_lifetime 43200\nnonsense\n");
	k.clock += 61;
	T(kit_opens(a, two) == 0 && kit_opens(a, three) == 0 && k.nlogs > 0,
	    "a broken ring is logged; the known keys stay");
	T(!kit_logged(&k, K1) && !kit_logged(&k, K2), "R-12 no key in logs");
	sstate_close(b);
	sstate_close(a);
}

/* another namespace, another carrier: not authentic. */
static void
apart(void)
{
	static const struct {
		uint32_t carry;
		const char *ns;
	} tab[] = { { SSTATE_CARRY_OWN, "shop" }, { SSTATE_CARRY_OWN, "shopx" },
		{ SSTATE_CARRY_COOKIE, "shop" },
		{ SSTATE_CARRY_PAGE, "shop" } };
	char t[4][KIT_TOKEN + 1], cookie[4][280], query[280];
	static const struct sstate_web init = SSTATE_WEB_INIT;
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate *env[4];
	struct sstate_session *s;
	struct kit_heads h;
	struct sstate_web web;
	struct kit k[4];
	int i, j, r;

	how.flags = SSTATE_MUST_EXIST;
	start(&k[0], "max_lifetime 43200\n1 1 " K1 " 0 0 0\n");
	for (i = 0; i < 4; i++) {
		if (i > 0)
			kit_init(&k[i], store);
		k[i].o.keyring = ring;
		k[i].o.flags = tab[i].carry;
		k[i].o.ns = tab[i].ns;
		NEED((env[i] = kit_open(&k[i])) != NULL, "opens");
		NEED(kit_begin(&s, env[i], NULL, SSTATE_EAGER) == 0 &&
			sstate_commit(s) == 0,
		    "a session");
		kit_token(t[i], s);
		kit_headers(&h, s);
		sstate_free(s);
		(void)snprintf(cookie[i], sizeof(cookie[i]), "__Host-sstate=%s",
		    t[i]);
	}
	for (i = 0; i < 4; i++)
		for (j = 0; j < 4; j++) {
			web = init;
			web.header = kit_cookie;
			web.arg = cookie[j];
			web.token.ptr = t[j];
			web.token.len = strlen(t[j]);
			(void)snprintf(query, sizeof(query), ".id=%s", t[j]);
			web.query = query;
			r = sstate_begin(&s, env[i], &how, &web, NULL);
			T(r == (i == j ? 0 : SSTATE_EAUTH),
			    "R-13 R-48 token "
			    "of %d at %d: %s (%d)",
			    j, i, i == j ? "opens" : "EAUTH", r);
			sstate_free(s);
		}
	for (i = 0; i < 4; i++)
		sstate_close(env[i]);
}

/* ---- What is refused ------------------------------------------------- */

static void
refused(const char *what, struct kit *k, int code)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate *env;
	int r;

	r = sstate_open(&env, &k->o, &err);
	T(r == code && env == NULL && err.code == r, "R-76 %s: %s (%d)", what,
	    sstate_strerror(code), r);
	T(err.text[0] != '\0' && strchr(err.text, '\n') == NULL &&
		strstr(err.text, "CmNRFz_MtsfP39") == NULL,
	    "R-76 one line, no key: %s", err.text);
	sstate_close(env);
}

static void
bad_text(void)
{
	static const struct {
		const char *what, *text;
	} tab[] = {
		{ "an empty file", "" },
		{ "no entry", "max_lifetime 43200\n" },
		{ "no max_lifetime", "1 1 " K1 " 0 0 0\n" },
		{ "max_lifetime 0", "max_lifetime 0\n1 1 " K1 " 0 0 0\n" },
		{ "max_lifetime twice",
		    "max_lifetime 43200\n"
		    "max_lifetime 43200\n1 1 " K1 " 0 0 0\n" },
		{ "a short secret", "max_lifetime 43200\n1 1 AQID 0 0 0\n" },
		{ "a long secret", "max_lifetime 43200\n1 1 " K1 "AA 0 0 0\n" },
		{ "zeros", "max_lifetime 43200\n1 1 " ZEROS " 0 0 0\n" },
		{ "one octet repeated",
		    "max_lifetime 43200\n1 1 "
		    "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE 0 0 0\n" },
		{ "a secret that counts up",
		    "max_lifetime 43200\n1 1 "
		    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA 0 0 0\n" },
		{ "padding", "max_lifetime 43200\n1 1 " K1 "= 0 0 0\n" },
		{ "an unknown suite",
		    "max_lifetime 43200\n1 2 " K1 " 0 0 0\n" },
		{ "kid 256", "max_lifetime 43200\n256 1 " K1 " 0 0 0\n" },
		{ "a kid twice",
		    "max_lifetime 43200\n1 1 " K1 " 0 0 0\n1 1 " K2
		    " 0 0 0\n" },
		{ "a secret twice",
		    "max_lifetime 43200\n1 1 " K1 " 0 0 0\n2 1 " K1
		    " 0 0 0\n" },
		{ "a negative time",
		    "max_lifetime 43200\n1 1 " K1 " -1 0 0\n" },
		{ "a word too few", "max_lifetime 43200\n1 1 " K1 " 0 0\n" },
		{ "a word too many",
		    "max_lifetime 43200\n1 1 " K1 " 0 0 0 0\n" },
		{ "a last line that does not end",
		    "max_lifetime 43200\n1 1 " K1 " 0 0 0" },
		{ "a secret in the wrong place",
		    "max_lifetime 43200\n" K1 " 1 1 0 0 0\n" },
	};
	struct kit k;
	size_t i;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		start(&k, tab[i].text);
		refused(tab[i].what, &k, SSTATE_EPARSE);
	}
	start(&k, "max_lifetime 3600\n1 1 " K1 " 0 0 0\n");
	k.o.lifetime = 3601;
	refused("a longer lifetime than the ring's", &k, SSTATE_EINVAL);
	k.o.lifetime = 0;
	refused("the default lifetime, longer than the ring's", &k,
	    SSTATE_EINVAL);
}

static void
bad_file(void)
{
	static const mode_t mode[] = { 0644, 0640, 0620, 0604, 0660, 0666 };
	static const char good[] = "max_lifetime 43200\n1 1 " K1 " 0 0 0\n";
	char sub[300], path[410], name[64];
	struct sstate *env;
	struct kit k;
	size_t i;

	for (i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
		start(&k, good);
		NEED(chmod(ring, mode[i]) == 0, "chmod");
		(void)snprintf(name, sizeof(name), "mode %04o",
		    (unsigned)mode[i]);
		refused(name, &k, SSTATE_EUNSAFE);
	}
	start(&k, good);
	(void)snprintf(path, sizeof(path), "%s.link", ring);
	NEED(symlink(ring, path) == 0, "a symlink");
	k.o.keyring = path;
	refused("a symlink", &k, SSTATE_EUNSAFE);
	start(&k, good);
	(void)snprintf(path, sizeof(path), "%s.hard", ring);
	NEED(link(ring, path) == 0, "a second link");
	refused("a second hard link", &k, SSTATE_EUNSAFE);
	start(&k, NULL);
	NEED(mkdir(ring, 0700) == 0, "a directory");
	refused("a directory", &k, SSTATE_EUNSAFE);
	start(&k, NULL);
	NEED(mkfifo(ring, 0600) == 0, "a FIFO");
	refused("a FIFO, without waiting", &k, SSTATE_EUNSAFE);
	(void)snprintf(sub, sizeof(sub), "%s/open", dir);
	NEED(mkdir(sub, 0700) == 0 && chmod(sub, 0777) == 0,
	    "a directory that others can write");
	start(&k, NULL);
	(void)snprintf(ring, sizeof(ring), "%s/ring", sub);
	refused("a ring to be made where others can write", &k, SSTATE_EUNSAFE);
	T(kit_files(sub) == 0, "R-76 and nothing was made there");
	put_ring(good);
	refused("a ring where others can write", &k, SSTATE_EUNSAFE);
	NEED(chmod(sub, 01777) == 0, "sticky");
	NEED((env = kit_open(&k)) != NULL, "F-02 sticky is safe");
	sstate_close(env);
	if (geteuid() != 0) {
		tap_skip("planting another owner's ring needs root");
		return;
	}
	start(&k, good);
	NEED(chown(ring, 65534, 65534) == 0, "another owner");
	refused("another user's ring", &k, SSTATE_EUNSAFE);
}

/* Made on first use, 0600, by whoever comes first; NO_CREATE makes none. */
static void
made(void)
{
	static const mode_t mask[] = { 0, 022, 0777 };
	char t[KIT_TOKEN + 1];
	struct sstate *env;
	struct stat st;
	struct kit k;
	mode_t was;
	uint64_t n;
	size_t i;

	for (i = 0; i < 3; i++) {
		start(&k, NULL);
		was = umask(mask[i]);
		env = kit_open(&k);
		(void)umask(was);
		T(env != NULL && stat(ring, &st) == 0 &&
			(st.st_mode & 07777) == 0600 && st.st_uid == geteuid(),
		    "R-76 made 0600 under umask %03o", (unsigned)mask[i]);
		NEED(env != NULL && kit_make(t, env, "a", "1", NULL) == 0,
		    "issues at once");
		sstate_close(env);
		NEED((env = kit_open(&k)) != NULL, "read again");
		T(kit_opens(env, t) != SSTATE_EAUTH, "the same keys");
		sstate_close(env);
	}
	start(&k, NULL);
	k.o.flags |= SSTATE_NO_CREATE;
	NEED((env = kit_open(&k)) != NULL, "NO_CREATE opens without a ring");
	T(kit_make(t, env, "a", "1", NULL) == SSTATE_EUNSAFE,
	    "what needs a key fails");
	T(sstate_reap(&n, env, 0, 0, NULL) != SSTATE_EUNSAFE,
	    "reaping needs none");
	T(access(ring, F_OK) != 0, "and none was made");
	sstate_close(env);
}

/* Many processes at once: one ring. */
static void
at_once(void)
{
	enum { PROCS = 6 };
	char t[PROCS][KIT_TOKEN + 1];
	int fd[2], i, st, go[2], foreign = 0, sick = 0;
	struct sstate *env = NULL;
	pid_t pid[PROCS];
	struct kit k;
	char c;

	start(&k, NULL);
	NEED(pipe(fd) == 0 && pipe(go) == 0, "pipes");
	(void)fflush(stdout);
	for (i = 0; i < PROCS; i++) {
		if ((pid[i] = fork()) != 0)
			continue;
		(void)close(go[1]);
		if (read(go[0], &c, 1) != 0)
			_exit(1);
		if ((env = kit_open(&k)) == NULL ||
		    kit_make(t[0], env, "a", "1", NULL) != 0 ||
		    write(fd[1], t[0], sizeof(t[0])) != sizeof(t[0]))
			_exit(1);
		_exit(0);
	}
	(void)close(go[0]);
	(void)close(go[1]); /* all at once */
	(void)close(fd[1]);
	for (i = 0; i < PROCS; i++)
		sick += read(fd[0], t[i], sizeof(t[i])) != sizeof(t[i]);
	for (i = 0; i < PROCS; i++)
		sick += waitpid(pid[i], &st, 0) != pid[i] || st != 0;
	(void)close(fd[0]);
	NEED(sick == 0 && (env = kit_open(&k)) != NULL,
	    "%d processes make the ring at once", PROCS);
	for (i = 0; i < PROCS; i++)
		foreign += kit_opens(env, t[i]) == SSTATE_EAUTH;
	T(foreign == 0, "R-76 all have the same (%d have not)", foreign);
	sstate_close(env);
}

/* ---- Threads --------------------------------------------------------- */

enum { TOGETHER = 8 };

struct visitor {
	struct sstate *env;
	pthread_barrier_t *gate;
	const char *token;
	int r;
};

static void *
visit_one(void *arg)
{
	struct visitor *v = arg;

	(void)pthread_barrier_wait(v->gate);
	v->r = kit_opens(v->env, v->token);
	return NULL;
}

/*
 * The first tokens of a new key, all in one instant: one thread reads the
 * ring, and no other may take its own token for a forged one meanwhile.
 */
static void
together(void)
{
	struct visitor v[TOGETHER];
	char token[KIT_TOKEN + 1];
	pthread_t thread[TOGETHER];
	pthread_barrier_t gate;
	struct sstate *env, *maker;
	unsigned i, round, lost = 0, sick = 0;
	struct kit k, k2;

	for (round = 0; round < kit_scale(100); round++) {
		start(&k, "max_lifetime 43200\n1 1 " K1 " 0 0 0\n");
		k.o.log = NULL;
		env = kit_open(&k);
		put_ring("max_lifetime 43200\n1 1 " K1 " 0 0 0\n"
			 "2 1 " K2 " 1 0 0\n");
		k2 = k;
		k2.o.arg = &k2;
		k2.o.stores = k2.stores;
		maker = kit_open(&k2);
		if (env == NULL || maker == NULL ||
		    kit_make(token, maker, "a", "1", NULL) != 0 ||
		    kid_of(token) != 2 ||
		    pthread_barrier_init(&gate, NULL, TOGETHER) != 0) {
			T(0, "two processes, two keys");
			return;
		}
		for (i = 0; i < TOGETHER; i++) {
			v[i] = (struct visitor){ env, &gate, token, -1 };
			sick += pthread_create(&thread[i], NULL, visit_one,
				    &v[i]) != 0;
		}
		for (i = 0; i < TOGETHER && sick == 0; i++) {
			sick += pthread_join(thread[i], NULL) != 0;
			lost += v[i].r != 0;
		}
		(void)pthread_barrier_destroy(&gate);
		sstate_close(maker);
		sstate_close(env);
	}
	T(sick == 0 && lost == 0,
	    "R-75 %d threads, the first tokens of a new key: all open (%u did "
	    "not)",
	    TOGETHER, lost);
}

int
main(void)
{
	kit_folder(dir);
	epoch();
	several();
	unknown();
	apart();
	bad_text();
	bad_file();
	made();
	at_once();
	together();
	kit_remove(dir);
	return tap_done();
}
