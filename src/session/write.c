/*
 * write.c - make a record of what a session holds: times, payload, seal
 *
 * Invariant: created and the absolute limit pass from record to record
 * unchanged; only a log-in sets them anew.
 */
#include "session/write.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "session/fetch.h"

enum { EXTRA = 96 }; /* what most payloads have beside names and values */

void
write_key(struct sstate_session *s, struct sstate_key *out,
    const struct token *tok)
{
	memcpy(out->id, tok->loc, sizeof(out->id));
	out->ns = s->env->ns;
}

/* The program's own deadline, which the ring's max_lifetime bounds. */
static void
explicit_times(struct sstate_session *s, struct seal_head *out, int64_t now)
{
	const struct keyring *ring;
	int64_t end = now + s->expiry;

	if (env_ring(&ring, s->env, NULL) == 0 &&
	    end > out->created + keyring_max_lifetime(ring))
		end = out->created + keyring_max_lifetime(ring);
	out->flags |= SEAL_EXPLICIT;
	out->abs_expiry = out->idle_deadline = end;
}

void
write_times(struct sstate_session *s, struct seal_head *out,
    const struct seal_head *was, const struct rec *r, int64_t now)
{
	memset(out, 0, sizeof(*out));
	out->created = was != NULL ? was->created : now;
	/* Another host's clock may be a little ahead of ours. */
	out->written = was != NULL && was->written > now ? was->written : now;
	if (r->user != NULL)
		out->flags |= SEAL_LOGIN;
	if (s->expiry_set && s->expiry > 0) {
		explicit_times(s, out, now);
		return;
	}
	if (was != NULL && (was->flags & SEAL_EXPLICIT) != 0 &&
	    !s->expiry_set) {
		out->flags |= SEAL_EXPLICIT;
		out->abs_expiry = was->abs_expiry;
		out->idle_deadline = was->idle_deadline;
		return;
	}
	out->abs_expiry = was != NULL && (was->flags & SEAL_EXPLICIT) == 0
	    ? was->abs_expiry
	    : out->created + s->env->lifetime;
	out->idle_deadline = now + s->env->idle;
	if (out->idle_deadline > out->abs_expiry)
		out->idle_deadline = out->abs_expiry;
}

int
write_seal(struct sstate_session *s, struct sealed *out, struct arena *a,
    const struct token *tok, const struct ringkey *key, struct seal_head *head,
    uint64_t was_rev, const struct rec *r, struct sstate_error *err)
{
	struct seal_random rnd;
	struct buf b;
	size_t n;
	int rc;

	if ((rc = seal_draw(&rnd, err)) != 0)
		return rc;
	/* The payload is sealed where it is made. */
	buf_init(&b, a, seal_size(s->bytes + EXTRA), LIMIT_RECORD_BYTES);
	(void)buf_room(&b, SEAL_BEFORE);
	rec_encode(&b, r);
	n = b.len - SEAL_BEFORE;
	if (b.bad == 0 && n > LIMIT_RECORD_BYTES / 2)
		b.bad = SSTATE_ETOOBIG;
	if (b.bad == 0)
		(void)buf_room(&b, seal_size(n) - b.len);
	if (b.bad != 0)
		return err_plain(err, b.bad, "commit");
	head->suite = key->suite;
	head->kid = key->kid;
	head->revision = revision_next(was_rev, &rnd);
	if (r->kind != REC_LIVE)
		head->flags |= SEAL_STUB;
	user_tag(head->usertag, key, s->env->ns, r->user);
	if ((rc = seal_make(b.p, key, s->env->ns, tok, s->bind, head, &rnd,
		 b.p + SEAL_BEFORE, n, err)) != 0)
		return rc;
	memset(&out->rec, 0, sizeof(out->rec));
	out->rec.body.ptr = (const char *)b.p;
	out->rec.body.len = b.len;
	out->rec.expires = view_deadline(head);
	out->rec.rev = head->revision;
	memcpy(out->rec.tag, head->usertag, sizeof(out->rec.tag));
	if ((head->flags & SEAL_LOGIN) != 0)
		out->rec.flags = SSTATE_REC_VERIFY;
	write_key(s, &out->key, tok);
	return 0;
}
