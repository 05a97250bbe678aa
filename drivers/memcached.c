/*
 * memcached.c - the `memcached:` store: one server, or keys spread over some
 *
 *	PREFIX r:NS:HEX		a record: 40 octets and the body
 *	PREFIX clock		the latest time that anybody saw
 *
 * A record is "sst1", length of the body (4), revision (8), expiry (8), tag
 * (16), body; numbers are big-endian, as in redis:.  A cache: what it evicts,
 * and all when it restarts, is gone; so there is no index by user, for it
 * would be evicted as well, and a log-out of all then leave some.
 *
 * Invariant: a record is made by `add` and changed by `cas`, with the mark of
 * a value whose revision was seen.  A record of some revision is removed by a `cas`
 * to a value that has expired, which is nothing to whoever comes next; for a
 * `delete` would take what was written after the look.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "memcached.h"

enum {
	MONTH = 30 * 86400, /* what is no more is a duration to a server */
	CLOCK_STEP = 10, /* seconds; not each of them is written */
	CLOCK_TRIES = 16,
	LOOKS = 3, /* of one change, if connections end between */
};

static const char magic[4] = { 's', 's', 't', '1' };

/* ---- Keys and records ------------------------------------------------- */

/* out holds MCD_KEY_BYTES.  R-96 */
static int
key_of(char *out, const struct mcd *m, const struct sstate_key *key,
    const char *op, struct sstate_error *err)
{
	static const char in_ns[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t n = key->ns != NULL ? strnlen(key->ns, MCD_NS_BYTES + 1) : 0;

	if (n == 0 || n > MCD_NS_BYTES || strspn(key->ns, in_ns) != n)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "memcached: %s: no proper namespace", op);
	out += snprintf(out, MCD_KEY_BYTES, "%sr:%s:", m->prefix, key->ns);
	driver_hex(out, key->id, sizeof(key->id));
	return 0;
}

/*
 * When a server may forget: a second after the record's end, for a month
 * after the last write where it has none, and when it likes where 32 bits
 * cannot say.  What ended long ago must not look like a duration.
 */
static int64_t
exptime(int64_t expires)
{
	if (expires == 0)
		return MONTH;
	if (expires >= INT32_MAX)
		return 0;
	return expires < MONTH ? MONTH + 1 : expires + 1;
}

static int
pack(unsigned char *p, const struct mcd *m, const struct sstate_record *rec,
    const char *op, struct sstate_error *err)
{
	const size_t n = rec->body.len;

	if (n > m->max_bytes)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "memcached: %s: %zu bytes, over max_bytes", op, n);
	memcpy(p, magic, 4);
	p[4] = (unsigned char)(n >> 24);
	p[5] = (unsigned char)(n >> 16 & 0xff);
	p[6] = (unsigned char)(n >> 8 & 0xff);
	p[7] = (unsigned char)(n & 0xff);
	driver_put64(p + 8, rec->rev);
	driver_put64(p + 16, (uint64_t)rec->expires);
	memcpy(p + 24, rec->tag, SSTATE_TAG_BYTES);
	return 0;
}

/* What is not a whole record is not handed out. */
static int
unpack(struct sstate_record *out, const struct mcd_value *v, const char *op,
    struct sstate_error *err)
{
	const unsigned char *p = (const unsigned char *)v->p;
	uint64_t expires;
	size_t n = v->n > MCD_HEAD_BYTES ? v->n - MCD_HEAD_BYTES : 0;

	memset(out, 0, sizeof(*out));
	if (n == 0 || memcmp(p, magic, 4) != 0 ||
	    n !=
		((size_t)p[4] << 24 | (size_t)p[5] << 16 | (size_t)p[6] << 8 |
		    p[7]) ||
	    (expires = driver_get64(p + 16)) > INT64_MAX)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "memcached: %s: a damaged record", op);
	out->body.ptr = v->p + MCD_HEAD_BYTES;
	out->body.len = n;
	out->rev = driver_get64(p + 8);
	out->expires = (int64_t)expires;
	memcpy(out->tag, p + 24, SSTATE_TAG_BYTES);
	return 0;
}

/* ---- Slots ------------------------------------------------------------ */

static int
mcd_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct sstate_record rec;
	struct mcd *m = ctx;
	char k[MCD_KEY_BYTES];
	struct mcd_value v;
	int r;

	m->known.key[0] = '\0';
	if ((r = key_of(k, m, key, "get", err)) != 0 ||
	    (r = mcd_gets(&v, m, k, "get", err)) != 0 ||
	    (r = unpack(&rec, &v, "get", err)) != 0)
		return r;
	memcpy(m->known.key, k, strlen(k) + 1);
	m->known.rev = rec.rev;
	m->known.mark = v.mark;
	return found(arg, &rec);
}

static int
mcd_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	unsigned char head[MCD_HEAD_BYTES];
	const struct mcd_part value[2] = { { head, sizeof(head) },
		{ rec->body.ptr, rec->body.len } };
	struct mcd *m = ctx;
	char k[MCD_KEY_BYTES];
	enum mcd_said said;
	int r;

	if ((r = key_of(k, m, key, "create", err)) != 0 ||
	    (r = pack(head, m, rec, "create", err)) != 0 ||
	    (r = mcd_store(&said, m, k, NULL, exptime(rec->expires), value,
		 "create", err)) != 0)
		return r;
	return said == MCD_DONE ? 0 : SSTATE_EEXIST;
}

/* What is there now, if it is of the revision that is expected. */
static int
look(struct mcd_mark *mark, struct mcd *m, const char *k, uint64_t expected,
    const char *op, struct sstate_error *err)
{
	struct sstate_record had;
	struct mcd_value v;
	int r;

	if ((r = mcd_gets(&v, m, k, op, err)) != 0 ||
	    (r = unpack(&had, &v, op, err)) != 0)
		return r;
	*mark = v.mark;
	return had.rev == expected ? 0 : SSTATE_ECONFLICT;
}

/*
 * A new value for what has that revision.  Who has just read it needs no look:
 * its mark tells whether anything was written since.  If so, or if the mark is
 * of a connection that ended, the look decides.
 */
static int
swap(struct mcd *m, const char *k, uint64_t expected, int64_t until,
    const struct mcd_part value[2], const char *op, struct sstate_error *err)
{
	int known = m->known.rev == expected && strcmp(m->known.key, k) == 0;
	struct mcd_mark mark = m->known.mark;
	enum mcd_said said;
	int i, r;

	m->known.key[0] = '\0';
	for (i = 0; i < LOOKS; i++) {
		if ((!known &&
			(r = look(&mark, m, k, expected, op, err)) != 0) ||
		    (r = mcd_store(&said, m, k, &mark, until, value, op,
			 err)) != 0)
			return r;
		if (said == MCD_DONE)
			return 0;
		if (said == MCD_NOT_FOUND)
			return SSTATE_ENOTFOUND;
		if (said == MCD_EXISTS && !known)
			return SSTATE_ECONFLICT;
		known = 0;
	}
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "memcached: %s: hung up each time, not written", op);
}

static int
mcd_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	unsigned char head[MCD_HEAD_BYTES];
	const struct mcd_part value[2] = { { head, sizeof(head) },
		{ rec->body.ptr, rec->body.len } };
	struct mcd *m = ctx;
	char k[MCD_KEY_BYTES];
	int r;

	if ((r = key_of(k, m, key, "replace", err)) != 0 ||
	    (r = pack(head, m, rec, "replace", err)) != 0)
		return r;
	return swap(m, k, expected, exptime(rec->expires), value, "replace",
	    err);
}

static int
mcd_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	const struct mcd_part ended[2] = { { "", 0 }, { "", 0 } };
	struct mcd *m = ctx;
	char k[MCD_KEY_BYTES];
	enum mcd_said said;
	int r;

	if ((r = key_of(k, m, key, "remove", err)) != 0)
		return r;
	if (expected == SSTATE_ANY_REV)
		return mcd_delete(&said, m, k, "remove", err);
	r = swap(m, k, expected, exptime(1), ended, "remove", err);
	return r == SSTATE_ENOTFOUND ? 0 : r;
}

/* The time that is kept: digits alone. */
static int
time_of(int64_t *out, const struct mcd_value *v, struct sstate_error *err)
{
	size_t i;

	*out = 0;
	for (i = 0; i < v->n && i < 18 && v->p[i] >= '0' && v->p[i] <= '9'; i++)
		*out = *out * 10 + (v->p[i] - '0');
	if (i == 0 || i != v->n)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "memcached: latest: something else is under a key of ours");
	return 0;
}

static int
mcd_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	char key[MCD_PREFIX_BYTES + 8], digits[24];
	struct mcd *m = ctx;
	struct mcd_part value[2] = { { digits, 0 }, { "", 0 } };
	enum mcd_said said = MCD_EXISTS;
	struct mcd_value v;
	int64_t had;
	int r, i, fresh;

	(void)snprintf(key, sizeof(key), "%sclock", m->prefix);
	value[0].n = (size_t)snprintf(digits, sizeof(digits), "%" PRId64, now);
	*seen = now;
	for (i = 0; i < CLOCK_TRIES; i++) {
		r = mcd_gets(&v, m, key, "latest", err);
		fresh = r == SSTATE_ENOTFOUND;
		if ((r != 0 && !fresh) ||
		    (!fresh && (r = time_of(&had, &v, err)) != 0))
			return r;
		if (!fresh && had >= now)
			*seen = had;
		if (!fresh && had > now - CLOCK_STEP)
			return 0;
		if ((r = mcd_store(&said, m, key, fresh ? NULL : &v.mark, 0,
			 value, "latest", err)) != 0 ||
		    said == MCD_DONE)
			return r;
	}
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "memcached: latest: others wrote it each time");
}

/* All that the servers have, whosesoever; one that is down has nothing. */
static int
mcd_count(uint64_t *about, void *ctx, const char *ns, struct sstate_error *err)
{
	struct sstate_error down = { 0, 0, "" };
	struct mcd *m = ctx;
	size_t i, up = 0;
	uint64_t n;
	int r;

	(void)ns;
	*about = 0;
	for (i = 0; i < m->nlinks; i++) {
		r = mcd_items(&n, m, &m->link[i], "count", &down);
		if (r == 0) {
			*about += n;
			up++;
		} else if (r != SSTATE_EBUSY)
			break;
	}
	if (up > 0 && i == m->nlinks)
		return 0;
	if (err != NULL)
		*err = down;
	return down.code;
}

/* ---- Contexts --------------------------------------------------------- */

/* Says nothing to anybody: the pool has no connections. */
static void
mcd_close(void *ctx)
{
	struct mcd *m = ctx;
	size_t i;

	for (i = 0; i < m->nlinks; i++) {
		mcd_link_drop(&m->link[i]);
		free(m->link[i].buf);
	}
	free(m->link);
	if (!m->given && m->pool != NULL)
		memcached_free(m->pool);
	free(m);
}

/* Nothing is connected before it is used: a lost server costs its own keys. */
static int
mcd_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	struct mcd *m;
	int r;

	*ctx = NULL;
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "memcached: open");
	if ((r = mcd_conf_read(m, conf, err)) != 0) {
		mcd_close(m);
		return r;
	}
	*ctx = m;
	return 0;
}

SSTATE_DRIVER(memcached) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_REMOTE | SSTATE_CAP_EXPIRE | SSTATE_CAP_HANDLE,
	.scheme = "memcached",
	.open = mcd_open,
	.close = mcd_close,
	.get = mcd_get,
	.create = mcd_create,
	.replace = mcd_replace,
	.remove = mcd_remove,
	/* No reap: a server forgets what expired. */
	/* No each: what a server has is not listed, nor kept for certain. */
	.abandon = mcd_close,
	.latest = mcd_latest,
	.count = mcd_count,
};
