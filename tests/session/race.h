/*
 * race.h - rounds of requests that race each other on one session
 *
 * A peer (a process or a thread, it cannot tell) begins and changes the
 * session when told, and commits when told, so that what happens between
 * its begin and its commit is ours to choose.  Nobody sleeps in hope.
 */
#ifndef RACE_H
#define RACE_H

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <sys/socket.h>

#include "../tap.h"
#include "kit.h"

enum { RACE_PEERS = 2 };

struct race_msg {
	char what; /* b begin, r begin and rotate, c commit, q quit */
	int code;
	int who;
	int64_t value;
	char token[KIT_TOKEN + 1];
};

struct race {
	struct sstate *env; /* the leader's */
	int fd[RACE_PEERS];
	unsigned ok, gone, odd; /* what the peers' commits returned */
};

KIT int
race_read(int fd, struct race_msg *m)
{
	size_t n = 0;
	ssize_t k;

	while (n < sizeof(*m)) {
		k = read(fd, (char *)m + n, sizeof(*m) - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		n += (size_t)k;
	}
	return 0;
}

KIT void
race_write(int fd, const struct race_msg *m)
{
	if (send(fd, m, sizeof(*m), MSG_NOSIGNAL) != (ssize_t)sizeof(*m))
		perror("# race: send");
}

/* What a peer does until it is told to stop or its leader is gone. */
KIT void
race_peer(struct sstate *env, int fd)
{
	struct sstate_session *s = NULL;
	struct race_msg m;
	char name[16];

	while (race_read(fd, &m) == 0 && m.what != 'q') {
		if (m.what != 'c') {
			sstate_free(s);
			m.code = kit_begin(&s, env, m.token, SSTATE_MUST_EXIST);
			if (m.code == 0) {
				(void)snprintf(name, sizeof(name), "w%d",
				    m.who);
				sstate_setint(s, SSTATE_STORED, name, m.value);
				sstate_incr(NULL, s, "c", 1);
			}
			if (m.code == 0 && m.what == 'r')
				m.code = sstate_rotate(s);
		} else {
			m.code = s != NULL ? sstate_commit(s) : SSTATE_EINVAL;
			m.token[0] = '\0';
			if (m.code == 0)
				kit_token(m.token, s);
			sstate_free(s);
			s = NULL;
		}
		race_write(fd, &m);
	}
	sstate_free(s);
	(void)close(fd);
}

KIT void
race_tell(struct race *rc, char what, const char *token, int64_t value)
{
	struct race_msg m;
	int i;

	memset(&m, 0, sizeof(m));
	m.what = what;
	m.value = value;
	if (token != NULL)
		(void)snprintf(m.token, sizeof(m.token), "%s", token);
	for (i = 0; i < RACE_PEERS; i++) {
		m.who = i;
		race_write(rc->fd[i], &m);
	}
}

KIT void
race_hear(struct race *rc, struct race_msg m[RACE_PEERS])
{
	int i;

	for (i = 0; i < RACE_PEERS; i++)
		if (race_read(rc->fd[i], &m[i]) != 0)
			m[i].code = SSTATE_ESYS;
}

/* Begin on all peers; all must get the session. */
KIT int
race_begin(struct race *rc, char what, const char *token, int64_t value)
{
	struct race_msg m[RACE_PEERS];
	int i, bad = 0;

	race_tell(rc, what, token, value);
	race_hear(rc, m);
	for (i = 0; i < RACE_PEERS; i++)
		bad |= m[i].code != 0;
	return bad;
}

KIT void
race_count(struct race *rc, const struct race_msg m[RACE_PEERS])
{
	int i;

	for (i = 0; i < RACE_PEERS; i++) {
		if (m[i].code == 0)
			rc->ok++;
		else if (m[i].code == SSTATE_EGONE)
			rc->gone++;
		else
			rc->odd++;
	}
}

/* Let the others win some of the rounds. */
KIT void
race_dither(unsigned i)
{
	unsigned n;

	for (n = i % 7; n > 1; n--)
		(void)sched_yield();
}

enum { END_LOGOUT, END_USER, END_HANDLE };

/* A session to be raced for, with its handle. */
KIT int
race_make(struct race *rc, int how, char token[KIT_TOKEN + 1], char handle[20])
{
	struct sstate_session *s;
	int r;

	if ((r = kit_begin(&s, rc->env, NULL, 0)) != 0)
		return r;
	sstate_setint(s, SSTATE_STORED, "c", 0);
	if (how != END_LOGOUT)
		sstate_login(s, "racer");
	if ((r = sstate_commit(s)) == 0) {
		kit_token(token, s);
		(void)snprintf(handle, 20, "%s", sstate_inspect(s)->handle);
	}
	sstate_free(s);
	return r;
}

KIT int
race_end_it(struct race *rc, int how, const char *token, const char *handle)
{
	struct sstate_session *s;
	uint64_t n = 0;
	int r;

	if (how == END_USER) {
		r = sstate_revoke(&n, rc->env, "racer", NULL, NULL);
		return r != 0 ? r : n != 1;
	}
	if (how == END_HANDLE) {
		r = sstate_revoke(&n, rc->env, NULL, handle, NULL);
		return r != 0 ? r : n != 1;
	}
	if ((r = kit_begin(&s, rc->env, token, SSTATE_MUST_EXIST)) == 0)
		r = sstate_logout(s);
	sstate_free(s);
	return r;
}

/*
 * begin and set, the session is ended, commit.  In odd
 * rounds the end is acknowledged before the commits start, in even ones
 * they run at the same time.
 */
KIT void
race_ending(struct race *rc, int how, unsigned rounds, const char *what)
{
	struct race_msg m[RACE_PEERS];
	char token[KIT_TOKEN + 1], handle[20];
	unsigned i, late = 0, back = 0, failed = 0;
	int k;

	rc->ok = rc->gone = rc->odd = 0;
	for (i = 0; i < rounds && failed < 10; i++) {
		if (race_make(rc, how, token, handle) != 0 ||
		    race_begin(rc, 'b', token, i) != 0) {
			failed++;
			continue;
		}
		if (i & 1) {
			failed += race_end_it(rc, how, token, handle) != 0;
			race_tell(rc, 'c', NULL, 0);
			race_hear(rc, m);
			for (k = 0; k < RACE_PEERS; k++)
				late += m[k].code != SSTATE_EGONE;
		} else {
			race_tell(rc, 'c', NULL, 0);
			race_dither(i / 2);
			failed += race_end_it(rc, how, token, handle) != 0;
			race_hear(rc, m);
		}
		race_count(rc, m);
		back += kit_opens(rc->env, token) == 0;
	}
	printf("# %s: %u rounds, commits: %u before, %u refused\n", what, i,
	    rc->ok, rc->gone);
	T(failed == 0, "%s: every session made, begun and ended (%u not)", what,
	    failed);
	T(late == 0, "R-26 %s: a commit after it is EGONE (%u were not)", what,
	    late);
	T(rc->odd == 0,
	    "R-26 %s: a commit beside it is 0 or EGONE (%u were "
	    "not)",
	    what, rc->odd);
	T(back == 0, "R-26 %s: never undone, the token opens nothing (%u did)",
	    what, back);
	T(rc->gone > 0, "%s: the race took place", what);
}

/* After a race of a new id: did what was acknowledged get there? */
KIT unsigned
race_lost(struct race *rc, const char *token, unsigned i, int64_t own,
    const struct race_msg m[RACE_PEERS])
{
	struct sstate_session *s;
	int64_t sum = own;
	unsigned lost = 0;
	char name[16];
	int k;

	if (kit_begin(&s, rc->env, token, SSTATE_MUST_EXIST) != 0)
		return 100;
	for (k = 0; k < RACE_PEERS; k++) {
		(void)snprintf(name, sizeof(name), "w%d", k);
		if (m[k].code != 0)
			continue;
		sum++;
		lost += sstate_int(s, SSTATE_STORED, name, 0, INT64_MAX, -1) !=
		    (int64_t)i;
	}
	lost += sstate_int(s, SSTATE_STORED, "c", 0, INT64_MAX, -1) != sum;
	sstate_free(s);
	return lost;
}

/*
 * The leader's commit and the peers': of four rounds one has the leader
 * first, one the peers, and in two they race.
 */
KIT int
race_commit(struct race *rc, struct sstate_session *s, unsigned i,
    struct race_msg m[RACE_PEERS])
{
	int r;

	if (i % 4 == 0) {
		r = sstate_commit(s);
		race_tell(rc, 'c', NULL, 0);
		race_hear(rc, m);
		return r;
	}
	race_tell(rc, 'c', NULL, 0);
	if (i % 4 == 1)
		race_hear(rc, m);
	else
		race_dither(i);
	r = sstate_commit(s);
	if (i % 4 != 1)
		race_hear(rc, m);
	return r;
}

/* a log-in beside writers.  Their commits count, or are EGONE. */
KIT void
race_login(struct race *rc, unsigned rounds)
{
	struct race_msg m[RACE_PEERS];
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1], handle[20];
	unsigned i, failed = 0, lost = 0, old_opens = 0, same = 0;
	struct sstate_session *s;

	rc->ok = rc->gone = rc->odd = 0;
	for (i = 0; i < rounds && failed < 10; i++) {
		if (race_make(rc, END_LOGOUT, old, handle) != 0 ||
		    race_begin(rc, 'b', old, i) != 0 ||
		    kit_begin(&s, rc->env, old, SSTATE_MUST_EXIST) != 0) {
			failed++;
			continue;
		}
		sstate_incr(NULL, s, "c", 1);
		sstate_login(s, "racer");
		failed += race_commit(rc, s, i, m) != 0;
		kit_token(new, s);
		sstate_free(s);
		race_count(rc, m);
		same += strcmp(old, new) == 0;
		old_opens += kit_opens(rc->env, old) == 0;
		lost += race_lost(rc, new, i, 1, m);
		failed += race_end_it(rc, END_LOGOUT, new, NULL) != 0;
	}
	printf("# login: %u rounds, commits: %u before, %u refused\n", i,
	    rc->ok, rc->gone);
	T(failed == 0, "R-24 login beside writers succeeds (%u did not)",
	    failed);
	T(same == 0 && old_opens == 0,
	    "R-24 the old id opens nothing (%u same, %u opened)", same,
	    old_opens);
	T(rc->odd == 0, "R-24 a writer gets 0 or EGONE (%u did not)", rc->odd);
	T(lost == 0,
	    "R-33 login: what was acknowledged is in the new session "
	    "(%u lost)",
	    lost);
	/* Who is first is the scheduler's: it may always be the same one. */
	if (rc->ok == 0 || rc->gone == 0)
		tap_skip("login: only one outcome of the race was seen");
}

/* Rotation beside writers (what b) or beside other rotations (what r). */
KIT void
race_rotate(struct race *rc, char what, unsigned rounds)
{
	const char *by = what == 'r' ? "other rotations" : "writers";
	struct race_msg m[RACE_PEERS];
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1], handle[20];
	unsigned i, failed = 0, lost = 0, theirs = 0, grace = 0, back = 0;
	struct sstate_session *s;
	int k;

	rc->ok = rc->gone = rc->odd = 0;
	for (i = 0; i < rounds && failed < 10; i++) {
		if (race_make(rc, END_LOGOUT, old, handle) != 0 ||
		    race_begin(rc, what, old, i) != 0 ||
		    kit_begin(&s, rc->env, old, SSTATE_MUST_EXIST) != 0) {
			failed++;
			continue;
		}
		sstate_incr(NULL, s, "c", 1);
		failed += sstate_rotate(s) != 0;
		failed += race_commit(rc, s, i, m) != 0;
		kit_token(new, s);
		sstate_free(s);
		race_count(rc, m);
		lost += race_lost(rc, new, i, 1, m);
		grace += race_lost(rc, old, i, 1, m);
		for (k = 0; k < RACE_PEERS; k++)
			if (m[k].code == 0)
				theirs += race_lost(rc, m[k].token, i, 1, m);
		failed += race_end_it(rc, END_LOGOUT, old, NULL) != 0;
		back += kit_opens(rc->env, new) == 0;
		back += kit_opens(rc->env, old) == 0;
	}
	T(failed == 0, "rotation beside %s succeeds (%u did not)", by, failed);
	T(rc->gone == 0 && rc->odd == 0,
	    "rotation: %s all commit (%u gone, "
	    "%u else)",
	    by, rc->gone, rc->odd);
	T(lost == 0, "R-33 rotation beside %s: nothing lost (%u)", by, lost);
	T(grace == 0,
	    "rotation beside %s: the old token follows within the "
	    "grace (%u did not)",
	    by, grace);
	T(theirs == 0,
	    "rotation beside %s: whatever token a client holds "
	    "opens the one session (%u did not)",
	    by, theirs);
	T(back == 0,
	    "R-25 a log-out by the old token within the grace ends "
	    "the successor (%u opened)",
	    back);
}

#endif
