/*
 * record.c - what a session's record holds: bytes <-> names and values
 *
 * Invariant: one content has one form (PROTOCOL.record, Payload): what
 * rec_decode() takes, rec_encode() writes again octet by octet, and what
 * rec_encode() writes without a failure, rec_decode() takes.
 */
#include "record/record.h"

#include <assert.h>
#include <string.h>

#include <securestate.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/hint.h"
#include "record/marks.h"

enum {
	PAYLOAD_VERSION = 1,
	F_KIND = 0x03,
	F_MINDSET = 0x0c,
	F_MINDSET_SHIFT = 2,
	F_FRESH = 0x10,
	F_USER = 0x20,
	F_ALL = F_KIND | F_MINDSET | F_FRESH | F_USER,
	VARINT_MAX = 10,
	NAME_MIN = 3, /* octets of the shortest name: head, NUL, count */
	VALUE_MIN = 2, /* of the shortest value: length, NUL */
	RESERVE = 32 /* names for which room is made on their word */
};

/* What is left to decode; the first failure stays, and takes give 0 then. */
struct in {
	const uint8_t *p, *end;
	int bad;
};

void
rec_init(struct rec *r, struct arena *a)
{
	memset(r, 0, sizeof(*r));
	table_init(&r->vals, a);
}

int
rec_copy(struct rec *dst, const struct rec *src)
{
	*dst = *src;
	table_init(&dst->vals, src->vals.a);
	return table_copy(&dst->vals, &src->vals);
}

/* ---- Encode ---- */

static size_t
varint_size(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

static uint8_t *
varint_put(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static void
put_int(struct buf *out, uint64_t v)
{
	uint8_t *p = buf_room(out, varint_size(v));

	if (p != NULL)
		(void)varint_put(p, v);
}

/* Seconds since the epoch; a clock before 1970 is no time to seal. */
static void
put_time(struct buf *out, int64_t t)
{
	if (t < 0 && out->bad == 0)
		out->bad = SSTATE_EINVAL;
	put_int(out, (uint64_t)t);
}

/* Head (its length, in some form), octets, NUL; and what that takes. */
static uint8_t *
text_put(uint8_t *p, uint64_t head, const char *s, size_t n)
{
	p = varint_put(p, head);
	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p + n + 1;
}

static size_t
text_size(uint64_t head, size_t n)
{
	return varint_size(head) + n + 1;
}

static APART void
put_user(struct buf *out, const char *user)
{
	size_t n = strlen(user);
	uint8_t *p;

	if (n > LIMIT_USER_BYTES && out->bad == 0)
		out->bad = SSTATE_ETOOBIG;
	if ((p = buf_room(out, text_size(n, n))) != NULL)
		(void)text_put(p, n, user, n);
}

static uint64_t
name_head(const struct entry *e)
{
	return (uint64_t)e->len << 1 | (e->counts ? 1 : 0);
}

static void
put_name(struct buf *out, const struct entry *e)
{
	size_t i, size, n = e->len;
	uint64_t head = name_head(e);
	uint8_t *p;

	if (n > LIMIT_NAME_BYTES && out->bad == 0)
		out->bad = SSTATE_ETOOBIG;
	size = text_size(head, n) + varint_size(e->n);
	for (i = 0; i < e->n; i++)
		size += text_size(e->vals[i].len, e->vals[i].len);
	if ((p = buf_room(out, size)) == NULL)
		return;
	p = text_put(p, head, e->name, n);
	p = varint_put(p, e->n);
	for (i = 0; i < e->n; i++)
		p = text_put(p, e->vals[i].len, e->vals[i].ptr, e->vals[i].len);
}

/* Where the octets of a name that was read begin, and where they end. */
static const uint8_t *
read_from(const struct entry *e)
{
	return (const uint8_t *)e->name - varint_size(name_head(e));
}

static const uint8_t *
read_to(const struct entry *e)
{
	if (e->n == 0) /* the name's NUL, and the number of values */
		return (const uint8_t *)e->name + e->len + 2;
	return (const uint8_t *)e->vals[e->n - 1].ptr + e->vals[e->n - 1].len +
	    1;
}

/*
 * Names from the i-th on, which is there, that were read and not changed
 * since: one content has one form, so they are copied as they lie.  What one
 * table read it read at once, so neighbours touch.  The index after them.
 */
static uint32_t
put_run(struct buf *out, const struct table *t, uint32_t i)
{
	const uint8_t *from;

	if (!t->e[i].as_read) {
		put_name(out, &t->e[i]);
		return i + 1;
	}
	from = read_from(&t->e[i]);
	for (i++; i < t->n && t->e[i].as_read; i++)
		assert(read_from(&t->e[i]) == read_to(&t->e[i - 1]));
	buf_put(out, from, (size_t)(read_to(&t->e[i - 1]) - from));
	return i;
}

void
map_encode(struct buf *out, const struct table *t)
{
	uint64_t names = 0, values = 0;
	uint32_t i;

	for (i = 0; i < t->n; i++)
		if (t->e[i].present) {
			names++;
			values += t->e[i].n;
		}
	put_int(out, names);
	put_int(out, values);
	for (i = 0; i < t->n;)
		if (t->e[i].present)
			i = put_run(out, t, i);
		else
			i++;
}

static void
put_marks(struct buf *out, const struct rec *r)
{
	uint8_t *p;
	size_t i;

	put_time(out, r->once_floor);
	put_int(out, r->nonce);
	for (i = 0; i < r->nonce; i++) {
		buf_put(out, r->once[i].jti, sizeof(r->once[i].jti));
		put_time(out, r->once[i].issued);
	}
	put_int(out, r->ncommit);
	for (i = 0; i < r->ncommit; i++)
		if ((p = buf_room(out, 8)) != NULL)
			put64(p, r->commit[i]);
}

void
rec_encode(struct buf *out, const struct rec *r)
{
	unsigned flags;
	uint8_t *p;

	assert(r->kind <= REC_MOVED && r->mindset <= SSTATE_UNFORGETFUL);
	assert(r->nonce <= LIMIT_ONCE && r->ncommit <= LIMIT_COMMIT_IDS);
	if (r->kind == REC_ENDED) { /* nothing of what it was stays */
		buf_byte(out, PAYLOAD_VERSION);
		buf_byte(out, REC_ENDED);
		return;
	}
	flags = r->kind | (unsigned)r->mindset << F_MINDSET_SHIFT;
	if (r->fresh)
		flags |= F_FRESH;
	if (r->user != NULL)
		flags |= F_USER;
	if ((p = buf_room(out, 2 + sizeof(r->psk))) != NULL) {
		p[0] = PAYLOAD_VERSION;
		p[1] = (uint8_t)flags;
		memcpy(p + 2, r->psk, sizeof(r->psk));
	}
	put_time(out, r->id_since);
	put_time(out, r->login);
	if (r->user != NULL)
		put_user(out, r->user);
	if (r->kind == REC_MOVED) {
		put_time(out, r->grace_until);
		buf_put(out, r->succ, sizeof(r->succ));
	}
	put_marks(out, r);
	map_encode(out, &r->vals);
}

/* ---- Decode ---- */

static size_t
left(const struct in *in)
{
	return (size_t)(in->end - in->p);
}

static void
spoil(struct in *in, int code)
{
	if (in->bad == 0)
		in->bad = code;
	in->p = in->end;
}

static const uint8_t *
take(struct in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (n > left(in)) {
		spoil(in, SSTATE_EPARSE);
		return NULL;
	}
	in->p += n;
	return p;
}

/*
 * The shortest form only: no last group of zeros, no bit beyond the 64th;
 * over is the failure of a value beyond max.  Returns where the next one
 * begins.  It knows no struct in, so that one can live in registers.
 */
static const uint8_t *
take_long(uint64_t *out, int *bad, const uint8_t *p, const uint8_t *end,
    uint64_t max, int over)
{
	uint64_t v = 0;
	unsigned shift, b;

	*out = 0;
	*bad = SSTATE_EPARSE;
	for (shift = 0; shift < 64 && p != end; shift += 7) {
		b = *p++;
		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b >= 0x80)
			continue;
		if (b == 0 && shift > 0)
			break;
		*bad = v <= max ? 0 : over;
		if (*bad == 0)
			*out = v;
		break;
	}
	return p;
}

static inline uint64_t
take_int(struct in *in, uint64_t max, int over)
{
	uint64_t v;
	int bad;

	if (in->p != in->end && *in->p < 0x80 && *in->p <= max)
		return *in->p++; /* nearly all of them */
	in->p = take_long(&v, &bad, in->p, in->end, max, over);
	if (bad != 0)
		spoil(in, bad);
	return v;
}

static int64_t
take_time(struct in *in)
{
	return (int64_t)take_int(in, INT64_MAX, SSTATE_EPARSE);
}

/* n octets with the NUL after them. */
static inline const char *
take_text(struct in *in, uint64_t n)
{
	const uint8_t *p;

	if (n >= left(in)) {
		spoil(in, SSTATE_EPARSE);
		return NULL;
	}
	p = in->p;
	in->p += n + 1;
	if (p[n] != '\0') {
		spoil(in, SSTATE_EPARSE);
		return NULL;
	}
	return (const char *)p;
}

/* One name; its values go to v, which ends at end.  The next one's go there. */
static inline struct sstate_val *
take_name(struct table *t, struct in *in, struct sstate_val *v,
    const struct sstate_val *end)
{
	uint64_t head, len, n;
	struct entry *e;
	const char *name, *p;
	struct sstate_val *first = v;
	int r;

	head = take_int(in, LIMIT_NAME_BYTES << 1 | 1, SSTATE_ETOOBIG);
	name = take_text(in, head >> 1);
	n = take_int(in, (uint64_t)(end - v), SSTATE_EPARSE);
	for (; n > 0; n--, v++) {
		len = take_int(in, left(in), SSTATE_EPARSE);
		if ((p = take_text(in, len)) == NULL)
			return v;
		v->ptr = p;
		v->len = (size_t)len;
	}
	if (in->bad != 0)
		return v;
	/* Twice (which one would win?), or with a NUL inside. */
	e = table_new(&r, t, name, head >> 1, first, (size_t)(v - first));
	if (e == NULL) {
		spoil(in, r == SSTATE_EEXIST ? SSTATE_EPARSE : r);
		return v;
	}
	e->counts = head & 1;
	e->as_read = 1;
	return v;
}

/* The map, to the end; how many values there are at most. */
static size_t
take_map(struct table *t, struct arena *a, struct in *from)
{
	struct in in = *from;
	struct sstate_val *v, *end;
	uint64_t names, total;

	/* Before memory is taken: could so many be there at all? */
	names = take_int(&in, left(&in) / NAME_MIN, SSTATE_EPARSE);
	total = take_int(&in, left(&in) / VALUE_MIN, SSTATE_EPARSE);
	if (in.bad != 0)
		goto out;
	v = arena_get(a, (size_t)total * sizeof(*v));
	if (v == NULL ||
	    table_reserve(t, names < RESERVE ? (uint32_t)names : RESERVE) !=
		0) {
		spoil(&in, SSTATE_ENOMEM);
		goto out;
	}
	for (end = v + total; names > 0 && in.bad == 0; names--)
		v = take_name(t, &in, v, end);
	if (v != end || in.p != in.end)
		spoil(&in, SSTATE_EPARSE);
out:
	*from = in;
	return (size_t)(total + t->n);
}

static APART void
once_list(struct rec *r, struct arena *a, struct in *in, size_t n)
{
	const struct rec_once *last = NULL;
	struct rec_once *list, *o;
	const uint8_t *p;
	size_t i;

	if ((list = arena_get(a, n * sizeof(*list))) == NULL) {
		spoil(in, SSTATE_ENOMEM);
		return;
	}
	for (i = 0; i < n; i++, last = o) {
		o = &list[i];
		if ((p = take(in, sizeof(o->jti))) == NULL)
			return;
		memcpy(o->jti, p, sizeof(o->jti));
		o->issued = take_time(in);
		/* Beyond the floor and in order: one form for one set. */
		if (o->issued <= r->once_floor ||
		    (last != NULL && marks_order(last, o->jti, o->issued) >= 0))
			spoil(in, SSTATE_EPARSE);
		if (in->bad != 0)
			return;
	}
	r->once = list;
	r->nonce = n;
}

static APART void
commit_list(struct rec *r, struct arena *a, struct in *in, size_t n)
{
	const uint8_t *p;
	uint64_t *list;
	size_t i;

	if ((p = take(in, n * 8)) == NULL)
		return;
	if ((list = arena_get(a, n * sizeof(*list))) == NULL) {
		spoil(in, SSTATE_ENOMEM);
		return;
	}
	r->commit = list;
	for (i = 0; i < n; i++, p += 8) {
		if (rec_commit_known(r, get64(p)))
			spoil(in, SSTATE_EPARSE);
		list[r->ncommit++] = get64(p);
	}
}

/* Most records have no marks. */
static void
take_marks(struct rec *r, struct arena *a, struct in *in)
{
	size_t n;

	r->once_floor = take_time(in);
	n = (size_t)take_int(in, LIMIT_ONCE, SSTATE_ETOOBIG);
	if (n > 0)
		once_list(r, a, in, n);
	n = (size_t)take_int(in, LIMIT_COMMIT_IDS, SSTATE_ETOOBIG);
	if (n > 0)
		commit_list(r, a, in, n);
}

static void
take_live(struct rec *r, struct arena *a, unsigned flags, struct in *in)
{
	const uint8_t *p;
	uint64_t n;

	r->mindset = (uint8_t)((flags & F_MINDSET) >> F_MINDSET_SHIFT);
	r->fresh = (flags & F_FRESH) != 0;
	if (r->mindset > SSTATE_UNFORGETFUL)
		spoil(in, SSTATE_EPARSE);
	if ((p = take(in, sizeof(r->psk))) != NULL)
		memcpy(r->psk, p, sizeof(r->psk));
	r->id_since = take_time(in);
	r->login = take_time(in);
	if (flags & F_USER) {
		n = take_int(in, LIMIT_USER_BYTES, SSTATE_ETOOBIG);
		r->user = take_text(in, n);
		if (r->user != NULL && memchr(r->user, '\0', n) != NULL)
			spoil(in, SSTATE_EPARSE);
	}
	if (r->kind == REC_MOVED) {
		r->grace_until = take_time(in);
		if ((p = take(in, sizeof(r->succ))) != NULL)
			memcpy(r->succ, p, sizeof(r->succ));
	}
	take_marks(r, a, in);
	r->most_bytes = left(in);
	r->most_values = take_map(&r->vals, a, in);
}

int
rec_decode(struct rec *out, struct arena *a, const uint8_t *p, size_t n)
{
	struct in in = { p, p + n, 0 };
	unsigned flags;

	rec_init(out, a);
	if (n > LIMIT_RECORD_BYTES)
		return SSTATE_ETOOBIG;
	if (n < 2 || p[0] != PAYLOAD_VERSION)
		return SSTATE_EPARSE;
	flags = p[1];
	in.p += 2;
	out->kind = flags & F_KIND;
	if ((flags & ~(unsigned)F_ALL) != 0 || out->kind > REC_MOVED)
		spoil(&in, SSTATE_EPARSE);
	else if (out->kind != REC_ENDED)
		take_live(out, a, flags, &in);
	else if (flags != REC_ENDED || n != 2)
		spoil(&in, SSTATE_EPARSE);
	if (in.bad != 0)
		rec_init(out, a);
	return in.bad;
}

int
map_decode(struct table *out, struct arena *a, const uint8_t *p, size_t n)
{
	struct in in = { p, p + n, 0 };

	table_init(out, a);
	if (n > LIMIT_RECORD_BYTES)
		return SSTATE_ETOOBIG;
	(void)take_map(out, a, &in);
	if (in.bad != 0)
		table_init(out, a);
	return in.bad;
}

/* ---- Weight ---- */

APART size_t
rec_weight(const struct rec *r, size_t *values)
{
	const struct table *t = &r->vals;
	size_t bytes = 0, n = 0, k;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		if (!t->e[i].present)
			continue;
		bytes += t->e[i].len;
		for (k = 0; k < t->e[i].n; k++)
			bytes += t->e[i].vals[k].len;
		/* An empty list takes room too: none is free of charge. */
		n += t->e[i].n > 0 ? t->e[i].n : 1;
	}
	*values = n;
	return bytes;
}
