/*
 * marks.c - what a record notes of the past: once pages used, commits done
 *
 * Invariant: a list is shared by the copies of a record and never written
 * again; a mark more is another list.
 */
#include "record/marks.h"

#include <string.h>

#include <securestate.h>

#include "base/arena.h"

/* Used marks lie by (issued, jti). */
int
marks_order(const struct rec_once *o, const uint8_t jti[16], int64_t issued)
{
	if (o->issued != issued)
		return o->issued < issued ? -1 : 1;
	return memcmp(o->jti, jti, sizeof(o->jti));
}

int
rec_once_used(const struct rec *r, const uint8_t jti[16], int64_t issued)
{
	size_t i;

	if (issued <= r->once_floor)
		return 1;
	for (i = 0; i < r->nonce; i++)
		if (memcmp(r->once[i].jti, jti, sizeof(r->once[i].jti)) == 0)
			return 1;
	return 0;
}

/* Every mark at or before when leaves the list, told by the floor. */
static void
once_raise(struct rec *r, int64_t when)
{
	while (r->nonce > 0 && r->once[0].issued <= when) {
		r->once++;
		r->nonce--;
	}
	r->once_floor = when;
}

int
rec_once_take(struct rec *r, const uint8_t jti[16], int64_t issued)
{
	struct rec_once *list;
	size_t i, at;

	if (rec_once_used(r, jti, issued))
		return SSTATE_EEXIST;
	if ((list = arena_get(r->vals.a, (r->nonce + 1) * sizeof(*list))) ==
	    NULL)
		return SSTATE_ENOMEM;
	if (r->nonce == LIMIT_ONCE) {
		/* The earliest goes, so that the floor rises least. */
		if (issued <= r->once[0].issued) {
			once_raise(r, issued);
			return 0;
		}
		once_raise(r, r->once[0].issued);
	}
	for (at = r->nonce; at > 0; at--)
		if (marks_order(&r->once[at - 1], jti, issued) < 0)
			break;
	for (i = 0; i < at; i++)
		list[i] = r->once[i];
	memcpy(list[at].jti, jti, sizeof(list[at].jti));
	list[at].issued = issued;
	for (i = at; i < r->nonce; i++)
		list[i + 1] = r->once[i];
	r->once = list;
	r->nonce++;
	return 0;
}

int
rec_commit_note(struct rec *r, uint64_t id)
{
	const uint64_t *was = r->commit;
	size_t n = r->ncommit;
	uint64_t *list;

	if (rec_commit_known(r, id))
		return 0;
	if ((list = arena_get(r->vals.a, LIMIT_COMMIT_IDS * sizeof(*list))) ==
	    NULL)
		return SSTATE_ENOMEM;
	if (n == LIMIT_COMMIT_IDS) {
		was++;
		n--;
	}
	if (n > 0)
		memcpy(list, was, n * sizeof(*list));
	list[n] = id;
	r->commit = list;
	r->ncommit = n + 1;
	return 0;
}

int
rec_commit_known(const struct rec *r, uint64_t id)
{
	size_t i;

	for (i = 0; i < r->ncommit; i++)
		if (r->commit[i] == id)
			return 1;
	return 0;
}
