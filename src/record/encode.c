/*
 * encode.c - names and values become bytes
 *
 * Invariant: one content has one form; what was read and not changed is
 * copied in the form in which it was read, which is that one.
 */
#include <assert.h>
#include <string.h>

#include <securestate.h>

#include "base/bytes.h"
#include "base/hint.h"
#include "record/form.h"
#include "record/record.h"

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
