/*
 * memcached_call.c - one command to a memcached server, and its answer
 *
 * Invariant: a write is sent once, on a connection that nobody has hung up
 * on.  One that was not sent whole is SSTATE_EBUSY: a server runs no half of
 * a command; one that was and has no answer is SSTATE_ESTORE.  What a server
 * says is in no text: it may repeat a key.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memcached.h"

enum { HEAD = MCD_KEY_BYTES + 100 }; /* of a command's first line */

/* One command on its way. */
struct trip {
	struct mcd *m;
	struct mcd_link *l;
	struct mcd_part part[MCD_PARTS];
	size_t nparts;
	const char *op;
	int64_t until;
	struct sstate_error *err;
};

/* An answer that makes no sense, or none: nothing that comes later counts. */
static int
lost(struct trip *t, const char *what, int sys)
{
	mcd_link_drop(t->l);
	return sstate_fail(t->err, SSTATE_ESTORE, sys, "memcached: %s: %s",
	    t->op, what);
}

/* An answer that is an error. */
static int
refused(struct trip *t, const char *line)
{
	/* EBUSY, ETOOBIG: it is certain that nothing was written. */
	static const struct {
		const char *line;
		int code;
		const char *text;
	} says[] = {
		{ "SERVER_ERROR object too large", SSTATE_ETOOBIG,
		    "over the server's limit (-I), not written" },
		{ "SERVER_ERROR out of memory", SSTATE_EBUSY,
		    "the server's memory is full, not written" },
		{ "ERROR Too many open connections", SSTATE_EBUSY,
		    "the server has too many connections" },
		{ "CLIENT_ERROR unauthenticated", SSTATE_ESTORE,
		    "the server asks for a password, and SASL is not served" },
	};
	size_t i;

	mcd_link_drop(t->l);
	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (strncmp(line, says[i].line, strlen(says[i].line)) == 0)
			return sstate_fail(t->err, says[i].code, 0,
			    "memcached: %s: %s", t->op, says[i].text);
	return sstate_fail(t->err, SSTATE_ESTORE, 0,
	    "memcached: %s: the server says an error", t->op);
}

/* On a connection that nobody has hung up on. */
static int
connected(struct trip *t)
{
	t->until = mcd_until(t->m->timeout_ms);
	if (t->l->fd >= 0 && !mcd_link_idle(t->l))
		mcd_link_drop(t->l); /* it hung up meanwhile */
	return mcd_link_up(t->l, t->until) == 0
	    ? 0
	    : sstate_fail(t->err, SSTATE_EBUSY, errno,
		  "memcached: %s: cannot connect", t->op);
}

/* All of it. */
static int
sent(struct trip *t)
{
	int e;

	if (mcd_link_send(t->l, t->part, t->nparts, t->until) == 0)
		return 0;
	e = errno;
	mcd_link_drop(t->l);
	return sstate_fail(t->err, SSTATE_EBUSY, e, "memcached: %s: not sent",
	    t->op);
}

static void
add(struct trip *t, const void *p, size_t n)
{
	t->part[t->nparts++] = (struct mcd_part){ p, n };
}

/* To the server of a key. */
static int
plan(struct trip *t, struct mcd *m, const char *key, const char *op,
    struct sstate_error *err)
{
	size_t i;

	memset(t, 0, sizeof(*t));
	t->m = m;
	t->op = op;
	t->err = err;
	i = m->nlinks == 1 ? 0
			   : memcached_generate_hash(m->pool, key, strlen(key));
	if (i >= m->nlinks)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "memcached: %s: the handle's servers have changed", op);
	t->l = &m->link[i];
	return 0;
}

/* Digits, then a space or the end; 0: none. */
static int
number(uint64_t *out, char **p)
{
	char *end;

	errno = 0;
	if (**p < '0' || **p > '9')
		return 0;
	*out = strtoull(*p, &end, 10);
	if (errno != 0 || (*end != ' ' && *end != '\0'))
		return 0;
	*p = *end == ' ' ? end + 1 : end;
	return 1;
}

/* ---- Reads ------------------------------------------------------------ */

/* VALUE key flags bytes cas, the value, END; or END alone. */
static int
value(struct mcd_value *out, struct trip *t, const char *key)
{
	size_t nkey = strlen(key);
	uint64_t flags, n;
	char *p, *data;

	if (mcd_link_line(&p, t->l, t->until) != 0)
		return lost(t, "no answer", errno);
	if (strcmp(p, "END") == 0)
		return SSTATE_ENOTFOUND;
	if (strncmp(p, "VALUE ", 6) != 0)
		return refused(t, p);
	p += 6;
	if (strncmp(p, key, nkey) != 0 || p[nkey] != ' ')
		return lost(t, "a strange answer", 0);
	p += nkey + 1;
	if (!number(&flags, &p) || !number(&n, &p) ||
	    !number(&out->mark.cas, &p) || n > (16 << 20) + MCD_HEAD_BYTES)
		return lost(t, "a strange answer", 0);
	/* With the last line, for that may move what came before. */
	n += 2;
	if (mcd_link_data(&data, t->l, (size_t)n + 3, t->until) != 0)
		return lost(t, "no whole answer", errno);
	if (memcmp(data + n - 2, "\r\nEND", 5) != 0)
		return lost(t, "a strange answer", 0);
	out->p = data;
	out->n = (size_t)n - 2;
	out->mark.ended = t->l->ended;
	return 0;
}

int
mcd_gets(struct mcd_value *out, struct mcd *m, const char *key, const char *op,
    struct sstate_error *err)
{
	struct sstate_error mine = { 0, 0, "" };
	char line[HEAD];
	struct trip t;
	int i, r;

	if ((r = plan(&t, m, key, op, &mine)) == 0) {
		add(&t, line,
		    (size_t)snprintf(line, sizeof(line), "gets %s\r\n", key));
		for (i = 0; i < 2; i++) {
			if ((r = connected(&t)) == 0 && (r = sent(&t)) == 0)
				r = value(out, &t, key);
			/* A read may be asked twice, but not waited for. */
			if ((r != SSTATE_ESTORE && r != SSTATE_EBUSY) ||
			    mine.sys == 0 || mine.sys == ETIMEDOUT)
				break;
		}
	}
	if (r != 0 && r != SSTATE_ENOTFOUND && err != NULL)
		*err = mine;
	return r;
}

int
mcd_items(uint64_t *out, struct mcd *m, struct mcd_link *l, const char *op,
    struct sstate_error *err)
{
	static const char items[] = "STAT curr_items ";
	struct trip t;
	int r, found = 0;
	char *p;

	memset(&t, 0, sizeof(t));
	t.m = m;
	t.l = l;
	t.op = op;
	t.err = err;
	add(&t, "stats\r\n", 7);
	if ((r = connected(&t)) != 0 || (r = sent(&t)) != 0)
		return r;
	for (;;) {
		if (mcd_link_line(&p, l, t.until) != 0)
			return lost(&t, "no answer", errno);
		if (strcmp(p, "END") == 0)
			break;
		if (strncmp(p, "STAT ", 5) != 0)
			return refused(&t, p);
		if (strncmp(p, items, sizeof(items) - 1) == 0) {
			p += sizeof(items) - 1;
			found = number(out, &p);
		}
	}
	return found ? 0 : lost(&t, "a strange answer", 0);
}

/* ---- Writes ----------------------------------------------------------- */

static int
answer(enum mcd_said *said, struct trip *t)
{
	static const struct {
		const char *line;
		enum mcd_said said;
	} says[] = {
		{ "STORED", MCD_DONE },
		{ "DELETED", MCD_DONE },
		{ "NOT_STORED", MCD_NOT_STORED },
		{ "EXISTS", MCD_EXISTS },
		{ "NOT_FOUND", MCD_NOT_FOUND },
	};
	char *p;
	size_t i;
	int r;

	if ((r = sent(t)) != 0)
		return r;
	if (mcd_link_line(&p, t->l, t->until) != 0)
		return lost(t, "no answer, perhaps written", errno);
	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (strcmp(p, says[i].line) == 0) {
			*said = says[i].said;
			return 0;
		}
	return refused(t, p);
}

int
mcd_store(enum mcd_said *said, struct mcd *m, const char *key,
    const struct mcd_mark *was, int64_t exptime, const struct mcd_part value[2],
    const char *op, struct sstate_error *err)
{
	char line[HEAD], last[24] = "";
	struct trip t;
	int r;

	if ((r = plan(&t, m, key, op, err)) != 0 || (r = connected(&t)) != 0)
		return r;
	/* Another server, or this one anew, begins to count at 1. */
	if (was != NULL && was->ended != t.l->ended) {
		*said = MCD_UNKNOWN;
		return 0;
	}
	if (was != NULL)
		(void)snprintf(last, sizeof(last), " %" PRIu64, was->cas);
	add(&t, line,
	    (size_t)snprintf(line, sizeof(line),
		"%s %s 0 %" PRId64 " %zu%s\r\n", was != NULL ? "cas" : "add",
		key, exptime, value[0].n + value[1].n, last));
	add(&t, value[0].p, value[0].n);
	add(&t, value[1].p, value[1].n);
	add(&t, "\r\n", 2);
	return answer(said, &t);
}

int
mcd_delete(enum mcd_said *said, struct mcd *m, const char *key, const char *op,
    struct sstate_error *err)
{
	char line[HEAD];
	struct trip t;
	int r;

	if ((r = plan(&t, m, key, op, err)) != 0 || (r = connected(&t)) != 0)
		return r;
	add(&t, line,
	    (size_t)snprintf(line, sizeof(line), "delete %s\r\n", key));
	return answer(said, &t);
}
