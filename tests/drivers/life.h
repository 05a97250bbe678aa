/*
 * life.h - the life of sessions over a driver, through the public interface
 *
 *	struct life l = { .uri = "redis:/run/x/socket" };
 *	life_all(&l);
 *
 * Log-in, rotation, log-out, additions by four processes and by threads,
 * lists, revocation, the races of, reaping and the clock.  The
 * store must be empty.  What was planted in it is then looked for in all
 * that the engine keeps on its disk:
 *
 *	life_dump_tree(&l, path);		or life_dump_add(&l, p, n)
 *	life_dump_check(&l);
 */
#ifndef LIFE_H
#define LIFE_H

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <securestate/store.h>

#include "base/codec.h"

#include "../session/race.h"

struct life {
	const char *uri;
	/* Linked in; NULL: the module of the build's folder is loaded. */
	const struct sstate_driver *driver;
	unsigned rounds; /* of a log-out race; 0: 200 */
	int unlisted; /* the engine cannot list */

	/* Made by life_all(). */
	char dir[256], ring[300];
	uint32_t caps;
	int has_latest, has_each;
	char token[KIT_TOKEN + 1]; /* of a session that lives on */
	unsigned char *dump;
	size_t dumped, room;
};

enum { LIFE_PROCESSES = 4, LIFE_THREADS = 4, LIFE_RAW = 45 };

/* What no store may show. */
#define LIFE_USER "marzipan-user"
#define LIFE_NAME "cinnamon-name"
#define LIFE_VALUE "gingerbread-value"

/* An environment of one namespace; by_hand: k->clock is its clock. */
KIT struct sstate *
life_open(const struct life *l, struct kit *k, const char *ns, int by_hand)
{
	static const struct sstate_driver *given[2];

	kit_init(k, l->uri);
	given[0] = l->driver;
	k->o.drivers = l->driver != NULL ? given : NULL;
	k->o.keyring = l->ring;
	k->o.ns = ns;
	k->clock = (int64_t)time(NULL);
	if (!by_hand)
		k->o.now = NULL;
	return kit_open(k);
}

/* ---- One client ------------------------------------------------------- */

KIT void
life_single(const struct life *l)
{
	char cart[KIT_TOKEN + 1], in[KIT_TOKEN + 1], next[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env, *other;
	struct kit k, k2;

	NEED((env = life_open(l, &k, "lifeone", 0)) != NULL, "it opens");
	NEED((other = life_open(l, &k2, "lifeone", 0)) != NULL, "twice");
	T(kit_make(cart, env, "cart", "apples", NULL) == 0 &&
		kit_opens(other, cart) == 0,
	    "a session, seen by another environment");
	NEED(kit_begin(&s, other, cart, SSTATE_MUST_EXIST) == 0, "begun there");
	T(kit_is(s, "cart", "apples") && sstate_login(s, "ann") == 0 &&
		sstate_commit(s) == 0,
	    "it logs in there");
	kit_token(in, s);
	sstate_free(s);
	T(strcmp(in, cart) != 0 && kit_opens(env, cart) != 0,
	    "R-24 by a new id; the old one opens nothing");
	NEED(kit_begin(&s, env, in, SSTATE_MUST_EXIST) == 0, "the new one");
	T(kit_is(s, "cart", "apples") && sstate_user(s) != NULL &&
		strcmp(sstate_user(s), "ann") == 0,
	    "it has what was there, and who");
	T(sstate_rotate(s) == 0 && sstate_commit(s) == 0, "rotated");
	kit_token(next, s);
	sstate_free(s);
	T(strcmp(next, in) != 0 && kit_put(other, in, "late", 7) == 0 &&
		kit_int(env, next, "late") == 7,
	    "within its grace the old id leads to the new one");
	T(kit_put(env, next, "cart", 3) == 0 &&
		kit_int(other, next, "cart") == 3,
	    "replaced, seen by the other");
	NEED(kit_begin(&s, other, next, SSTATE_MUST_EXIST) == 0, "again");
	T(sstate_logout(s) == 0, "R-25 logged out");
	sstate_free(s);
	T(kit_opens(env, next) != 0 && kit_opens(env, in) != 0 &&
		kit_opens(other, next) != 0,
	    "R-25 no id of it opens anything, anywhere");
	sstate_close(other);
	sstate_close(env);
}

/* Pages of values: what is larger than one page or buffer of an engine. */
KIT void
life_large(const struct life *l)
{
	static char big[60000];
	char token[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;
	size_t n;
	unsigned wrong = 0;

	NEED((env = life_open(l, &k, "lifebig", 0)) != NULL, "it opens");
	for (n = 1; n < sizeof(big); n = n * 3 + 1) {
		struct sstate_session *s;

		memset(big, 'b', n);
		big[n] = '\0';
		if (kit_make(token, env, "big", big, NULL) != 0 ||
		    kit_begin(&s, env, token, SSTATE_MUST_EXIST) != 0) {
			wrong++;
			continue;
		}
		wrong += !kit_is(s, "big", big);
		sstate_free(s);
	}
	T(wrong == 0, "R-98 values of 1 to 59048 bytes come back (%u did not)",
	    wrong);
	sstate_close(env);
}

/* ---- Many at once ----------------------------------------------------- */

struct life_sum {
	struct sstate *env;
	const char *token;
	unsigned rounds, busy, bad;
	int code;
};

KIT void *
life_adds(void *arg)
{
	struct life_sum *a = arg;
	struct sstate_session *s;
	unsigned i;
	int r;

	for (i = 0; i < a->rounds && a->bad == 0;) {
		r = kit_begin(&s, a->env, a->token, SSTATE_MUST_EXIST);
		if (r == 0) {
			sstate_incr(NULL, s, "n", 1);
			r = sstate_commit(s);
			sstate_free(s);
		}
		if (r == 0)
			i++;
		else if (r == SSTATE_EBUSY) /* nothing was written */
			a->busy++;
		else {
			a->bad++;
			a->code = r;
		}
	}
	return NULL;
}

/* Half of them use what they inherited, half open anew. */
KIT void
life_processes(const struct life *l)
{
	unsigned rounds = kit_scale(l->rounds), i, sick = 0;
	char token[KIT_TOKEN + 1];
	pid_t pid[LIFE_PROCESSES];
	struct life_sum a;
	struct kit k, k2;
	int st;

	memset(&a, 0, sizeof(a));
	NEED((a.env = life_open(l, &k, "lifesum", 0)) != NULL, "it opens");
	NEED(kit_make(token, a.env, "n", "0", NULL) == 0, "a counter");
	a.token = token;
	a.rounds = rounds;
	for (i = 0; i < LIFE_PROCESSES; i++) {
		(void)fflush(stdout);
		if ((pid[i] = fork()) != 0)
			continue;
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (i % 2 != 0)
			a.env = life_open(l, &k2, "lifesum", 0);
		if (a.env == NULL)
			_exit(2);
		(void)life_adds(&a);
		if (a.bad != 0)
			printf("# process %u: code %d\n", i, a.code);
		(void)fflush(stdout);
		sstate_close(a.env);
		_exit(a.bad != 0);
	}
	for (i = 0; i < LIFE_PROCESSES; i++)
		sick +=
		    pid[i] < 0 || waitpid(pid[i], &st, 0) != pid[i] || st != 0;
	T(sick == 0, "R-34 %d processes add, half after a fork (%u failed)",
	    LIFE_PROCESSES, sick);
	T(kit_int(a.env, token, "n") == (int64_t)rounds * LIFE_PROCESSES,
	    "R-33 %u increments, none lost (%lld)", rounds * LIFE_PROCESSES,
	    (long long)kit_int(a.env, token, "n"));
	sstate_close(a.env);
}

KIT void
life_threads(const struct life *l)
{
	struct life_sum a[LIFE_THREADS];
	unsigned rounds = kit_scale(l->rounds), i, bad = 0;
	pthread_t th[LIFE_THREADS];
	char token[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	NEED((env = life_open(l, &k, "lifethread", 0)) != NULL, "it opens");
	NEED(kit_make(token, env, "n", "0", NULL) == 0, "a counter");
	memset(a, 0, sizeof(a));
	for (i = 0; i < LIFE_THREADS; i++) {
		a[i].env = env;
		a[i].token = token;
		a[i].rounds = rounds;
		NEED(pthread_create(&th[i], NULL, life_adds, &a[i]) == 0,
		    "thread %u", i);
	}
	for (i = 0; i < LIFE_THREADS; i++) {
		(void)pthread_join(th[i], NULL);
		if (a[i].bad != 0)
			printf("# thread %u: code %d\n", i, a[i].code);
		bad += a[i].bad;
	}
	T(bad == 0, "R-34 %d threads of one environment add (%u failed)",
	    LIFE_THREADS, bad);
	T(kit_int(env, token, "n") == (int64_t)rounds * LIFE_THREADS,
	    "R-33 %u increments of threads, none lost (%lld)",
	    rounds * LIFE_THREADS, (long long)kit_int(env, token, "n"));
	sstate_close(env);
}

/* ---- Lists and revocation --------------------------------------------- */

struct life_list {
	unsigned n;
	char handle[20]; /* the last one's */
};

KIT int
life_count(void *arg, const struct sstate_info *info)
{
	struct life_list *list = arg;

	list->n++;
	(void)snprintf(list->handle, sizeof(list->handle), "%s", info->handle);
	return 0;
}

KIT unsigned
life_listed(struct life_list *list, struct sstate *env, const char *user)
{
	struct sstate_error err = { 0, 0, "" };

	memset(list, 0, sizeof(*list));
	if (sstate_list(env, user, life_count, list, &err) != 0) {
		printf("# list: %d %s\n", err.code, err.text);
		return UINT32_MAX;
	}
	return list->n;
}

KIT void
life_users(const struct life *l)
{
	char ann[5][KIT_TOKEN + 1], bob[KIT_TOKEN + 1], none[KIT_TOKEN + 1];
	struct life_list list;
	struct sstate *env;
	unsigned i, bad = 0;
	uint64_t n = 0;
	struct kit k;

	NEED((env = life_open(l, &k, "lifeuser", 0)) != NULL, "it opens");
	if (!l->has_each) {
		T(sstate_list(env, "ann", life_count, &list, NULL) ==
			    SSTATE_ENOTSUP &&
			sstate_revoke(&n, env, "ann", NULL, NULL) ==
			    SSTATE_ENOTSUP,
		    "R-27 a store that cannot list says so, and revokes none");
		sstate_close(env);
		return;
	}
	for (i = 0; i < 5; i++)
		bad += kit_make(ann[i], env, "a", "1", "ann") != 0;
	bad += kit_make(bob, env, "b", "1", "bob") != 0;
	bad += kit_make(none, env, "c", "1", NULL) != 0;
	NEED(bad == 0, "seven sessions");
	T(life_listed(&list, env, NULL) == 7, "R-27 seven are listed (%u)",
	    list.n);
	T(life_listed(&list, env, "eve") == 0, "R-27 none of a stranger");
	T(life_listed(&list, env, "ann") == 5, "R-27 five of a user (%u)",
	    list.n);
	T(sstate_revoke(&n, env, "bob", list.handle, NULL) ==
		    SSTATE_ENOTFOUND &&
		sstate_revoke(&n, env, "ann", list.handle, NULL) == 0 && n == 1,
	    "R-27 one is revoked by its handle, as its user's only");
	T(life_listed(&list, env, "ann") == 4, "four are left (%u)", list.n);
	T(sstate_revoke(&n, env, NULL, list.handle, NULL) == 0 && n == 1 &&
		life_listed(&list, env, "ann") == 3,
	    "R-27 one by its handle alone");
	T(sstate_revoke(&n, env, "ann", NULL, NULL) == 0 && n == 3,
	    "R-27 all others of the user, by one call (%llu)",
	    (unsigned long long)n);
	for (i = 0, bad = 0; i < 5; i++)
		bad += kit_opens(env, ann[i]) == 0;
	T(bad == 0 && life_listed(&list, env, "ann") == 0,
	    "R-27 none of them opens (%u did)", bad);
	T(kit_opens(env, bob) == 0 && kit_opens(env, none) == 0 &&
		life_listed(&list, env, NULL) == 2,
	    "R-27 nobody else's was ended");
	sstate_close(env);
}

/* ---- Races ------------------------------------------------------------ */

KIT void
life_races(const struct life *l)
{
	int i, st, fd[2], sick = 0;
	pid_t pid[RACE_PEERS];
	struct sstate *env;
	struct race rc;
	struct kit k;

	memset(&rc, 0, sizeof(rc));
	NEED((rc.env = life_open(l, &k, "liferace", 0)) != NULL, "it opens");
	for (i = 0; i < RACE_PEERS; i++) {
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "a pair");
		(void)fflush(stdout);
		if ((pid[i] = fork()) == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)close(fd[0]);
			while (i > 0)
				(void)close(rc.fd[--i]);
			env = life_open(l, &k, "liferace", 0);
			if (env == NULL)
				_exit(2);
			race_peer(env, fd[1]);
			sstate_close(env);
			_exit(0);
		}
		(void)close(fd[1]);
		rc.fd[i] = fd[0];
	}
	race_ending(&rc, END_LOGOUT, kit_scale(l->rounds), "log-out");
	if ((l->caps & SSTATE_CAP_TAG) != 0)
		race_ending(&rc, END_USER, kit_scale(l->rounds / 2) | 1,
		    "revoke by user");
	if (l->has_each)
		race_ending(&rc, END_HANDLE, kit_scale(l->rounds / 20) + 4,
		    "revoke by handle");
	race_login(&rc, kit_scale(l->rounds / 4) + 1);
	race_rotate(&rc, 'b', kit_scale(l->rounds / 8) + 1);
	race_rotate(&rc, 'r', kit_scale(l->rounds / 8) + 1);
	race_tell(&rc, 'q', NULL, 0);
	for (i = 0; i < RACE_PEERS; i++) {
		sick += waitpid(pid[i], &st, 0) != pid[i] || st != 0;
		(void)close(rc.fd[i]);
	}
	T(sick == 0, "the peers ended well");
	sstate_close(rc.env);
}

/* ---- Time ------------------------------------------------------------- */

/* A session that ends in so many seconds. */
KIT int
life_short(char token[KIT_TOKEN + 1], struct sstate *env, int64_t seconds)
{
	struct sstate_session *s;
	int r;

	if ((r = kit_begin(&s, env, NULL, 0)) != 0)
		return r;
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	sstate_set_expires(s, seconds);
	if ((r = sstate_commit(s)) == 0)
		kit_token(token, s);
	sstate_free(s);
	return r;
}

KIT void
life_reap(const struct life *l)
{
	char dead[12][KIT_TOKEN + 1], live[3][KIT_TOKEN + 1];
	unsigned i, bad = 0, opened = 0;
	struct life_list list;
	struct sstate *env;
	uint64_t n = 99;
	struct kit k;

	NEED((env = life_open(l, &k, "lifereap", 1)) != NULL, "it opens");
	for (i = 0; i < 12; i++)
		bad += life_short(dead[i], env, 20 + i % 3) != 0;
	for (i = 0; i < 3; i++)
		bad += life_short(live[i], env, 1000) != 0;
	NEED(bad == 0, "12 sessions with little time, 3 with more");
	T(sstate_reap(&n, env, 0, 0, NULL) == 0 && n == 0, "none is due yet");
	k.clock += 22;
	for (i = 0; i < 12; i++)
		opened += kit_opens(env, dead[i]) == 0;
	T(opened == 0, "R-20 to the second, reaped or not (%u opened)", opened);
	if (l->has_each)
		T(life_listed(&list, env, NULL) == 3,
		    "nor are they listed (%u)", list.n);
	if ((l->caps & SSTATE_CAP_EXPIRE) != 0) {
		T(sstate_reap(&n, env, 0, 0, NULL) == 0 && n == 0,
		    "reap: this store forgets by itself");
	} else {
		T(sstate_reap(&n, env, 0, 5, NULL) == 0 && n == 5,
		    "R-32 five are reaped (%llu)", (unsigned long long)n);
		T(sstate_reap(&n, env, 0, 0, NULL) == 0 && n == 7,
		    "R-32 and then the rest (%llu)", (unsigned long long)n);
	}
	for (i = 0; i < 3; i++)
		bad += kit_opens(env, live[i]) != 0;
	T(bad == 0, "R-32 those that live are left");
	sstate_close(env);
}

/* Last: the store remembers the time of a clock that was ahead. */
KIT void
life_clock(const struct life *l)
{
	struct sstate *early, *late;
	char token[KIT_TOKEN + 1];
	struct kit k, k2;

	if (!l->has_latest) {
		tap_skip("R-23 between processes: this store has no latest");
		return;
	}
	NEED((early = life_open(l, &k, "lifeclock", 1)) != NULL, "it opens");
	NEED(life_short(token, early, 500) == 0, "it has 500 seconds");
	NEED((late = life_open(l, &k2, "lifeclock", 1)) != NULL, "another");
	k2.clock += 1000;
	T(kit_opens(late, token) != 0, "after 1000 it has expired");
	sstate_close(late);
	sstate_close(early);
	NEED((early = life_open(l, &k, "lifeclock", 1)) != NULL,
	    "a process whose clock is 1000 behind");
	T(kit_opens(early, token) != 0,
	    "R-23 does not bring it back: the store knows the time");
	sstate_close(early);
}

/* ---- What the engine shows -------------------------------------------- */

KIT void
life_plant(struct life *l)
{
	struct sstate *env;
	struct kit k;

	NEED((env = life_open(l, &k, "lifedump", 0)) != NULL, "it opens");
	T(kit_make(l->token, env, LIFE_NAME, LIFE_VALUE, LIFE_USER) == 0 &&
		kit_opens(env, l->token) == 0,
	    "R-10 a session to look for");
	sstate_close(env);
	NEED((env = life_open(l, &k, "lifedump", 0)) != NULL, "opened anew");
	T(kit_opens(env, l->token) == 0, "it is there");
	sstate_close(env);
}

KIT void
life_dump_add(struct life *l, const void *p, size_t n)
{
	if (l->room < l->dumped + n) {
		l->room = 2 * (l->dumped + n);
		if ((l->dump = realloc(l->dump, l->room)) == NULL)
			abort();
	}
	memcpy(l->dump + l->dumped, p, n);
	l->dumped += n;
}

static struct life *life_to;

KIT int
life_dump_file(const char *path, const struct stat *st, int type, struct FTW *f)
{
	static char buf[65536];
	FILE *in;
	size_t n;

	(void)st;
	(void)f;
	if (type != FTW_F || (in = fopen(path, "rb")) == NULL)
		return 0;
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		life_dump_add(life_to, buf, n);
	(void)fclose(in);
	return 0;
}

/* A file, or all below a folder. */
KIT void
life_dump_tree(struct life *l, const char *path)
{
	life_to = l;
	(void)nftw(path, life_dump_file, 16, FTW_PHYS);
}

KIT int
life_shows(const struct life *l, const void *p, size_t n)
{
	return memmem(l->dump, l->dumped, p, n) != NULL;
}

/* Any 8 bytes of the id in a row, raw or as hex; any 12 letters of it. */
KIT void
life_dump_check(struct life *l)
{
	static const char *const kept[] = { LIFE_USER, LIFE_NAME, LIFE_VALUE };
	unsigned char raw[LIFE_RAW];
	char hex[2 * LIFE_RAW + 1];
	unsigned bad = 0;
	size_t i;

	NEED(b64_decode(raw, sizeof(raw), l->token, KIT_TOKEN) == LIFE_RAW,
	    "the token's bytes");
	hex_encode(hex, raw, sizeof(raw));
	/* That it is the right dump: each record begins so (PROTOCOL). */
	T(life_shows(l, "SSR1", 4) || life_shows(l, "53535231", 8),
	    "%zu bytes, sealed records among them", l->dumped);
	for (i = 2; i + 8 <= LIFE_RAW; i++)
		bad +=
		    life_shows(l, raw + i, 8) || life_shows(l, hex + 2 * i, 16);
	for (i = 4; i + 12 <= KIT_TOKEN; i++)
		bad += life_shows(l, l->token + i, 12) != 0;
	T(bad == 0, "R-10 no part of an id is in them (%u)", bad);
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		T(!life_shows(l, kept[i], strlen(kept[i])),
		    "R-71 nor a user, a name or a value: %s", kept[i]);
	free(l->dump);
	l->dump = NULL;
	l->dumped = l->room = 0;
}

/* ---- All -------------------------------------------------------------- */

/* What the driver can do, asked by a raw store. */
KIT void
life_look(struct life *l)
{
	const struct sstate_driver *given[] = { l->driver, NULL }, *d;
	const char *stores[] = { l->uri, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	void *ctx;

	o.stores = stores;
	o.drivers = given;
	o.ns = "life";
	NEED(sstate_store_open(&s, &o, &err) == 0, "a raw store opens: %s",
	    err.text);
	d = sstate_store_driver(s, &ctx);
	l->caps = d->caps;
	l->has_latest = d->latest != NULL;
	l->has_each = d->each != NULL;
	T((d->reap != NULL) == ((d->caps & SSTATE_CAP_EXPIRE) == 0) &&
		l->has_each == !l->unlisted && d->abandon != NULL,
	    "it %s, can be forked%s",
	    d->reap != NULL ? "can be reaped" : "forgets by itself",
	    l->unlisted ? "" : ", listed");
	sstate_store_close(s);
}

/* The key ring lies in l->dir; a store of files may lie there, too. */
KIT void
life_all(struct life *l)
{
	if (l->rounds == 0)
		l->rounds = 200;
	if (l->dir[0] == '\0')
		kit_folder(l->dir);
	(void)snprintf(l->ring, sizeof(l->ring), "%s/ring", l->dir);
	life_look(l);
	life_single(l);
	life_large(l);
	life_processes(l);
	life_threads(l);
	life_users(l);
	life_races(l);
	life_plant(l);
	life_reap(l);
	life_clock(l);
}

#endif
