/*
 * redis_each.c - all records of a namespace, or one user's
 *
 * A namespace is listed by SCAN, which may name a key twice while its table
 * grows or a cluster moves it, so what was shown is remembered: 32 octets
 * for each.  A user's set may name what is not his any more.
 *
 * Invariant: a record is shown once, and only if it is what was asked for
 * now; a listing whose end cannot be reached fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "redis.h"

enum { PAGE = 64, HEX = 2 * SSTATE_ID_BYTES };

struct walk {
	struct rds *r;
	struct sstate_key key; /* ns; id: of the one that is shown */
	const unsigned char *tag;
	sstate_each_fn *fn;
	void *arg;
	struct sstate_error *err;
	char head[RDS_KEY_BYTES]; /* of each key */
	size_t nhead;
	unsigned char (*seen)[SSTATE_ID_BYTES]; /* by open addressing */
	size_t nseen, max; /* a power of two, at most half full */
};

static struct rds_word
word(const void *p, size_t n)
{
	const struct rds_word w = { p, n, NULL, 0 };

	return w;
}

/* ---- What was shown --------------------------------------------------- */

/* Its place, or the free one; ids are uniform. */
static unsigned char *
place(const struct walk *w, const unsigned char *id)
{
	static const unsigned char none[SSTATE_ID_BYTES];
	size_t i = (size_t)driver_get64(id);

	for (;; i++) {
		unsigned char *p = w->seen[i & (w->max - 1)];

		if (memcmp(p, none, SSTATE_ID_BYTES) == 0 ||
		    memcmp(p, id, SSTATE_ID_BYTES) == 0)
			return p;
	}
}

static int
grow(struct walk *w)
{
	struct walk old = *w;
	size_t i;

	w->max = old.max > 0 ? old.max * 2 : 256;
	if ((w->seen = calloc(w->max, SSTATE_ID_BYTES)) == NULL) {
		w->seen = old.seen;
		w->max = old.max;
		return -1;
	}
	for (i = 0; i < old.max; i++)
		memcpy(place(w, old.seen[i]), old.seen[i], SSTATE_ID_BYTES);
	free(old.seen);
	return 0;
}

/* 1: it was shown; 0: from now on; -1: no memory. */
static int
is_seen(struct walk *w, const unsigned char *id)
{
	unsigned char *p;

	if (w->nseen * 2 >= w->max && grow(w) != 0)
		return -1;
	p = place(w, id);
	if (memcmp(p, id, SSTATE_ID_BYTES) == 0)
		return 1;
	memcpy(p, id, SSTATE_ID_BYTES);
	w->nseen++;
	return 0;
}

/* ---- A page of names -------------------------------------------------- */

static int
unhex(unsigned char *out, const char *p)
{
	static const char digits[] = "0123456789abcdef";
	const char *hi, *lo;
	size_t i;

	for (i = 0; i < SSTATE_ID_BYTES; i++, p += 2) {
		if (p[0] == '\0' || (hi = strchr(digits, p[0])) == NULL ||
		    p[1] == '\0' || (lo = strchr(digits, p[1])) == NULL)
			return -1;
		out[i] = (unsigned char)((hi - digits) << 4 | (lo - digits));
	}
	return 0;
}

static int
show(struct walk *w, const char *hex, const redisReply *re)
{
	struct sstate_record rec;
	int r;

	if (re->type == REDIS_REPLY_NIL)
		return 0; /* gone meanwhile */
	if (unhex(w->key.id, hex) != 0 || rds_unpack(&rec, re) != 0)
		return sstate_fail(w->err, SSTATE_ESTORE, 0,
		    "%s: each: a damaged record", w->r->conf.scheme);
	if (w->tag != NULL && memcmp(rec.tag, w->tag, sizeof(rec.tag)) != 0)
		return 0;
	if ((r = is_seen(w, w->key.id)) < 0)
		return sstate_fail(w->err, SSTATE_ENOMEM, 0, "%s: each",
		    w->r->conf.scheme);
	return r ? 0 : w->fn(w->arg, &w->key, &rec);
}

static void
key_of(char *out, const struct walk *w, const char *hex)
{
	memcpy(out, w->head, w->nhead);
	memcpy(out + w->nhead, hex, HEX);
	out[w->nhead + HEX] = '\0';
}

/* By itself, wherever it is: also when the short way failed. */
static int
one(struct walk *w, const char *hex)
{
	struct rds_call call = { .op = "each",
		.nwords = 2,
		.reads = RDS_AGAIN };
	char key[RDS_KEY_BYTES];
	redisReply *re;
	int r;

	key_of(key, w, hex);
	call.key = key;
	call.word[0] = word("GET", 3);
	call.word[1] = word(key, w->nhead + HEX);
	if ((r = rds_call(&re, w->r, &call, w->err)) != 0)
		return r;
	r = show(w, hex, re);
	freeReplyObject(re);
	return r;
}

/* Answers of one server to all at once; those it has not are NULL. */
static void
together(redisReply **re, struct walk *w, struct rds_link *l,
    const char *const *hex, size_t n)
{
	struct rds_cmd *cmd = &w->r->cmd;
	char key[RDS_KEY_BYTES];
	size_t i;

	cmd->len = 0;
	for (i = 0; i < n; i++) {
		key_of(key, w, hex[i]);
		rds_begin(cmd, 2);
		rds_str(cmd, "GET");
		rds_str(cmd, key);
	}
	if (cmd->bad || l->c == NULL || rds_link_send(l, cmd) != 0) {
		rds_link_drop(l);
		return;
	}
	for (i = 0; i < n; i++) {
		if (rds_link_recv(&re[i], l, w->r->conf.timeout_ms) != 0) {
			rds_link_drop(l);
			return;
		}
		if (re[i]->type == REDIS_REPLY_ERROR) {
			freeReplyObject(re[i]); /* moved, perhaps */
			re[i] = NULL;
		}
	}
}

static int
page(struct walk *w, struct rds_link *l, const char *const *hex, size_t n)
{
	redisReply *re[PAGE] = { NULL };
	size_t i;
	int r = 0;

	if (l != NULL && n > 0)
		together(re, w, l, hex, n);
	for (i = 0; i < n; i++) {
		if (r == 0)
			r = re[i] != NULL ? show(w, hex[i], re[i])
					  : one(w, hex[i]);
		freeReplyObject(re[i]);
	}
	return r;
}

/* skip: octets before the digits of each name. */
static int
pages(struct walk *w, struct rds_link *l, const redisReply *names, size_t skip)
{
	const char *hex[PAGE];
	size_t i, n = 0;
	int r = 0;

	for (i = 0; i < names->elements && r == 0; i++) {
		const redisReply *e = names->element[i];

		if (e->type != REDIS_REPLY_STRING || e->len != skip + HEX)
			continue; /* not ours */
		hex[n++] = e->str + skip;
		if (n == PAGE) {
			r = page(w, l, hex, n);
			n = 0;
		}
	}
	return r == 0 ? page(w, l, hex, n) : r;
}

/* ---- Where the names are from ----------------------------------------- */

static int
user(struct walk *w)
{
	struct rds_call call = { .op = "each",
		.nwords = 4,
		.reads = RDS_AGAIN };
	struct rds *r = w->r;
	char key[RDS_KEY_BYTES];
	redisReply *re;
	int rc;

	if ((rc = rds_key(key, r, RDS_USER, w->key.ns, w->tag, SSTATE_TAG_BYTES,
		 "each", w->err)) != 0)
		return rc;
	call.key = key;
	call.word[0] = word("ZRANGE", 6);
	call.word[1] = word(key, strlen(key));
	call.word[2] = word("0", 1);
	call.word[3] = word("-1", 2);
	if ((rc = rds_call(&re, r, &call, w->err)) != 0)
		return rc;
	rc = re->type == REDIS_REPLY_ARRAY
	    ? pages(w, r->map == NULL ? r->link[0] : NULL, re, 0)
	    : rds_strange(r, "each", w->err);
	freeReplyObject(re);
	return rc;
}

static int
names_of(const redisReply *re, char *cursor, size_t max)
{
	if (re->type != REDIS_REPLY_ARRAY || re->elements != 2 ||
	    re->element[0]->type != REDIS_REPLY_STRING ||
	    re->element[1]->type != REDIS_REPLY_ARRAY ||
	    re->element[0]->len >= max)
		return -1;
	memcpy(cursor, re->element[0]->str, re->element[0]->len + 1);
	return 0;
}

/* Of one server.  Its cursor is of no use to another, nor after a restart. */
static int
scan(void *arg, struct rds_link *l)
{
	struct walk *w = arg;
	struct rds_call call = { .op = "each", .nwords = 6, .link = l };
	char cursor[32] = "0", match[RDS_KEY_BYTES + 1];
	unsigned born = 0;
	redisReply *re;
	int rc;

	memcpy(match, w->head, w->nhead);
	memcpy(match + w->nhead, "*", 2);
	call.word[0] = word("SCAN", 4);
	call.word[2] = word("MATCH", 5);
	call.word[3] = word(match, w->nhead + 1);
	call.word[4] = word("COUNT", 5);
	call.word[5] = word("1000", 4);
	do {
		call.word[1] = word(cursor, strlen(cursor));
		call.reads = born == 0 ? RDS_AGAIN : RDS_ONCE;
		if ((rc = rds_call(&re, w->r, &call, w->err)) != 0)
			return rc;
		if (born == 0)
			born = l->born + 1;
		if (names_of(re, cursor, sizeof(cursor)) != 0)
			rc = rds_strange(w->r, "each", w->err);
		else if (born != l->born + 1)
			rc = sstate_fail(w->err, SSTATE_ESTORE, 0,
			    "%s: each: the server was lost on the way",
			    w->r->conf.scheme);
		else
			rc = pages(w, l, re->element[1], w->nhead);
		freeReplyObject(re);
	} while (rc == 0 && strcmp(cursor, "0") != 0);
	return rc;
}

int
rds_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	static const unsigned char nobody[SSTATE_ID_BYTES];
	struct walk w;
	int r;

	memset(&w, 0, sizeof(w));
	w.r = ctx;
	w.key.ns = ns;
	w.tag = tag;
	w.fn = fn;
	w.arg = arg;
	w.err = err;
	if ((r = rds_key(w.head, w.r, RDS_RECORD, ns, nobody, sizeof(nobody),
		 "each", err)) != 0)
		return r;
	w.nhead = strlen(w.head) - HEX;
	r = tag != NULL ? user(&w) : rds_servers(w.r, "each", scan, &w, err);
	free(w.seen);
	return r;
}
