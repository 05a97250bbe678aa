/*
 * record_fuzzer.c - payloads: one form for each content, and no other taken
 *
 * Input: an octet (1: a map alone), the payload.
 */
#include <securestate.h>

#include "base/arena.h"
#include "fuzz.h"
#include "record/record.h"

static int
decode(struct rec *r, struct arena *a, const uint8_t *p, size_t n, int map)
{
	int x;

	if (!map)
		return rec_decode(r, a, p, n);
	rec_init(r, a);
	x = map_decode(&r->vals, a, p, n);
	return x;
}

static void
inside(const void *at, size_t n, const uint8_t *p, size_t size)
{
	const uint8_t *b = at;

	MUST(b >= p && b + n < p + size && b[n] == '\0');
}

/* Every name and value lies in the payload, with a NUL after it. */
static void
walk(const struct rec *r, const uint8_t *p, size_t size)
{
	const struct entry *e;
	const char *name = NULL;
	size_t names = 0, values = 0, bytes = 0, counted, i;

	while ((name = table_next(&r->vals, name)) != NULL) {
		names++;
		inside(name, strlen(name), p, size);
		MUST(strlen(name) <= LIMIT_NAME_BYTES);
		MUST((e = table_find(&r->vals, name)) != NULL &&
		    e->name == name);
		bytes += strlen(name);
		values += e->n > 0 ? e->n : 1;
		for (i = 0; i < e->n; i++) {
			inside(e->vals[i].ptr, e->vals[i].len, p, size);
			bytes += e->vals[i].len;
		}
	}
	MUST(names == r->vals.live && bytes <= size);
	MUST(rec_weight(r, &counted) == bytes && counted == values);
	if (r->user != NULL)
		inside(r->user, strlen(r->user), p, size);
	MUST(r->nonce <= LIMIT_ONCE && r->ncommit <= LIMIT_COMMIT_IDS);
	for (i = 0; i < r->nonce; i++)
		MUST(rec_once_used(r, r->once[i].jti, r->once[i].issued));
}

/* Written again it is the same: copied as it was read, and made anew. */
static void
again(struct rec *r, struct arena *a, const struct fz_in *in, int map)
{
	struct buf out;
	uint32_t i;
	int anew;

	for (anew = 0; anew < 2; anew++) {
		for (i = 0; anew && i < r->vals.n; i++)
			r->vals.e[i].as_read = 0;
		buf_init(&out, a, 64, SIZE_MAX / 8);
		if (map)
			map_encode(&out, &r->vals);
		else
			rec_encode(&out, r);
		MUST(out.bad == 0 && out.len == in->n &&
		    memcmp(out.p, in->p, in->n) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };
	int map = (int)(fz_byte(&in) & 1), r;
	struct arena *a = arena_new(NULL, 4096);
	struct rec *rec = fz_alloc(sizeof(*rec)),
		   *copy = fz_alloc(sizeof(*copy));
	size_t values = 0;
	uint8_t *more;

	r = in.n == 0 ? SSTATE_EPARSE : decode(rec, a, in.p, in.n, map);
	MUST(r == 0 || r == SSTATE_EPARSE || r == SSTATE_ETOOBIG);
	if (r == 0) {
		walk(rec, in.p, in.n);
		MUST(map || rec_weight(rec, &values) <= rec->most_bytes);
		MUST(map || values <= rec->most_values);
		MUST(rec_copy(copy, rec) == 0);
		again(copy, a, &in, map);
		/* neither what is cut short nor what goes on. */
		MUST(decode(copy, a, in.p, in.n - 1, map) != 0);
		more = fz_alloc(in.n + 1);
		memcpy(more, in.p, in.n);
		more[in.n] = in.p[in.n - 1];
		MUST(decode(copy, a, more, in.n + 1, map) != 0);
		free(more);
	}
	free(rec);
	free(copy);
	arena_free(a);
	return 0;
}
