/*
 * file_reap.c - one record judged by the reaper, under its lock
 *
 * Invariant: what is removed had expired when nobody could change it.
 * No ended slot and no sync: whoever waits for the lock sees that the name is
 * gone, and one that a power cut brings back leads to an expired record.
 */
#include "store/file_reap.h"

#include <string.h>

#include "store/file_rec.h"
#include "store/file_user.h"

enum { PATIENCE_MS = 50, TRIES = 4 };

static int
locked(struct frec *r, const struct sstate_key *key, int64_t before,
    struct sstate_error *err)
{
	unsigned char tag[SSTATE_TAG_BYTES];
	const struct fslot *s = &r->s;

	if (s->at < 0)
		return FREAP_DAMAGED;
	if (s->ended) /* its ender was killed before the last step */
		return frec_unlink(r, err) != 0 ? FREAP_LATER : FREAP_ABSENT;
	if (s->rec.expires == 0 || s->rec.expires > before)
		return FREAP_LIVE;
	memcpy(tag, s->rec.tag, sizeof(tag));
	if (frec_unlink(r, err) != 0)
		return FREAP_LATER;
	if (fuser_tagged(tag))
		fuser_del(r->d, key, tag);
	return FREAP_REMOVED;
}

int
freap_one(struct frec *r, const struct sstate_key *key, int64_t before,
    struct sstate_error *err)
{
	int tries, x;

	for (tries = 0; tries < TRIES; tries++) {
		x = frec_open(r, key, err);
		if (x == SSTATE_ENOTFOUND)
			return FREAP_ABSENT;
		if (x == SSTATE_EUNSAFE || x == SSTATE_ETOOBIG)
			return FREAP_FOREIGN;
		if (x != 0)
			return FREAP_LATER;
		if ((x = frec_lock(r, PATIENCE_MS, err)) == 0)
			return locked(r, key, before, err);
		if (x != FREC_MOVED)
			return FREAP_LATER;
	}
	(void)sstate_fail(err, SSTATE_EBUSY, 0, "file: reap: a record moves");
	return FREAP_LATER;
}
