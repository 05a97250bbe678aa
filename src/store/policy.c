/*
 * policy.c - what a URI asks of every store, whichever driver it has
 *
 * Invariant: what is refused or skipped here never reaches the driver; what
 * is refused says so (EBUSY: not written), only what was disabled says
 * nothing.  No lock: a race of two threads lets one call more through.
 */
#include "store/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/conf.h"

#define BIT(call) (1u << (call))

enum {
	SECOND_US = 1000000,
	RECOUNT_US = SECOND_US, /* between two counts, at least */
	MARGIN = 10 /* 1/10 more, for those who are logged in */
};

const char *
policy_name(enum policy_call call)
{
	static const char *const names[] = { [CALL_GET] = "get",
		[CALL_CREATE] = "create",
		[CALL_REPLACE] = "replace",
		[CALL_REMOVE] = "remove",
		[CALL_REAP] = "reap",
		[CALL_EACH] = "each",
		[CALL_LATEST] = "latest",
		[CALL_COUNT] = "count" };

	return names[call];
}

/* ---- The parameters --------------------------------------------------- */

static int
bad(const struct sstate_conf *c, const char *what, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_EINVAL, 0, "%s: %s", conf_scheme(c),
	    what);
}

/* Digits alone, from 1 to max; 0 if it is anything else. */
static uint64_t
number(const char **p, uint64_t max)
{
	uint64_t n = 0;

	for (; **p >= '0' && **p <= '9' && n <= max; ++*p)
		n = n * 10 + (uint64_t)(**p - '0');
	return n <= max ? n : 0;
}

static int
take_throttle(struct policy *p, struct sstate_conf *c, struct sstate_error *err)
{
	const char *s = sstate_conf_str(c, "throttle", NULL);
	uint64_t n, seconds = 0;

	if (s == NULL)
		return 0;
	n = number(&s, 1000000);
	if (n > 0 && *s == '/') {
		s++;
		seconds = number(&s, 86400);
	}
	if (seconds == 0 || *s != '\0')
		return bad(c,
		    "throttle is failures/seconds, 1000000/86400 at most", err);
	p->failures = (uint32_t)n;
	p->pause_us = seconds * SECOND_US;
	return 0;
}

static int
take_disable(struct policy *p, struct sstate_conf *c, struct sstate_error *err)
{
	static const struct {
		const char *name;
		unsigned bits;
	} what[] = { { "get", BIT(CALL_GET) | BIT(CALL_EACH) },
		{ "set", BIT(CALL_CREATE) | BIT(CALL_REPLACE) },
		{ "remove", BIT(CALL_REMOVE) | BIT(CALL_REAP) } };
	const char *s = sstate_conf_str(c, "disable", NULL);
	size_t i, n;

	for (; s != NULL; s = s[n] == ',' ? s + n + 1 : NULL) {
		n = strcspn(s, ",");
		for (i = 0; i < 3; i++)
			if (strlen(what[i].name) == n &&
			    memcmp(what[i].name, s, n) == 0)
				break;
		if (i == 3)
			return bad(c, "disable is a list of set, get, remove",
			    err);
		p->disabled |= what[i].bits;
	}
	return 0;
}

int
policy_take(struct policy *p, struct sstate_conf *c, struct sstate_error *err)
{
	const char *errors = sstate_conf_str(c, "errors", "fail");
	int64_t readonly, reap, records;
	int r;

	memset(p, 0, sizeof(*p));
	if (strcmp(errors, "fail") != 0 && strcmp(errors, "log") != 0)
		return bad(c, "errors is fail or log", err);
	p->soft = strcmp(errors, "log") == 0;
	if ((r = sstate_conf_int(&p->max_expires, c, "max_expires", 0, 1,
		 INT32_MAX, err)) != 0 ||
	    (r = sstate_conf_int(&readonly, c, "readonly", 0, 0, 1, err)) !=
		0 ||
	    (r = sstate_conf_int(&reap, c, "reap", 1, 0, 1, err)) != 0 ||
	    (r = sstate_conf_int(&records, c, "max_records", 0, 1,
		 INT64_MAX / 2, err)) != 0 ||
	    (r = take_throttle(p, c, err)) != 0 ||
	    (r = take_disable(p, c, err)) != 0)
		return r;
	p->readonly = readonly != 0;
	p->reaps = reap != 0;
	p->max_records = (uint64_t)records;
	return 0;
}

bool
policy_asks(const struct policy *p)
{
	return p->soft || p->readonly || p->disabled != 0 || p->failures != 0 ||
	    p->max_expires != 0 || p->max_records != 0;
}

/* ---- Before and after a call ------------------------------------------ */

/* Left alone?  The one thread that finds the pause over tries. */
static bool
is_paused(struct policy *p)
{
	uint64_t until = atomic_load(&p->until_us), now;

	if (until == 0)
		return false;
	now = clock_mono_us();
	return now < until ||
	    !atomic_compare_exchange_strong(&p->until_us, &until,
		now + p->pause_us);
}

int
policy_gate(struct policy *p, enum policy_call call, const char *name,
    struct sstate_error *err)
{
	const unsigned writes = BIT(CALL_CREATE) | BIT(CALL_REPLACE) |
	    BIT(CALL_REMOVE) | BIT(CALL_REAP);

	if ((p->disabled & BIT(call)) != 0)
		return POLICY_SKIP;
	if (p->readonly && call == CALL_LATEST)
		return POLICY_SKIP;
	if (p->readonly && (writes & BIT(call)) != 0)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "%s: %s: this store is read-only", name, policy_name(call));
	if (p->failures != 0 && is_paused(p))
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "%s: %s: left alone after %u failures", name,
		    policy_name(call), p->failures);
	return 0;
}

/*
 * EBUSY of a write may be a full store or another writer's lock: neither is
 * mended by leaving the readers alone.  Of a read it is a time-out.
 */
static bool
is_failure(enum policy_call call, int r)
{
	return r == SSTATE_ESTORE || r == SSTATE_ESYS ||
	    (r == SSTATE_EBUSY && call == CALL_GET);
}

void
policy_note(struct policy *p, enum policy_call call, int r)
{
	if (p->failures == 0)
		return;
	if (!is_failure(call, r)) {
		if (atomic_load(&p->failed) != 0)
			atomic_store(&p->failed, 0);
		if (atomic_load(&p->until_us) != 0)
			atomic_store(&p->until_us, 0);
		return;
	}
	if (atomic_load(&p->until_us) == 0 &&
	    atomic_fetch_add(&p->failed, 1) + 1 < p->failures)
		return;
	atomic_store(&p->failed, 0);
	atomic_store(&p->until_us, clock_mono_us() + p->pause_us);
}

const struct sstate_record *
policy_cap(const struct policy *p, struct sstate_record *copy,
    const struct sstate_record *rec, int64_t now)
{
	int64_t most;

	most =
	    now < INT64_MAX - p->max_expires ? now + p->max_expires : INT64_MAX;
	if (rec->expires != 0 && rec->expires <= most)
		return rec;
	*copy = *rec;
	copy->expires = most;
	return copy;
}

/* ---- How many (R-103) ------------------------------------------------- */

bool
policy_counts(struct policy *p)
{
	uint64_t was = atomic_load(&p->counted_us), now = clock_mono_us() + 1;

	return (was == 0 || now - was >= RECOUNT_US) &&
	    atomic_compare_exchange_strong(&p->counted_us, &was, now);
}

void
policy_counted(struct policy *p, uint64_t about)
{
	atomic_store(&p->about, about);
}

int
policy_room(struct policy *p, const struct sstate_record *rec, const char *name,
    struct sstate_error *err)
{
	static const unsigned char nobody[SSTATE_TAG_BYTES];
	bool user = memcmp(rec->tag, nobody, sizeof(nobody)) != 0;
	uint64_t most = p->max_records;

	if (user)
		most += most / MARGIN + 1;
	if (atomic_load(&p->about) < most) {
		atomic_fetch_add(&p->about, 1);
		return 0;
	}
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "%s: create: over max_records=%llu", name,
	    (unsigned long long)p->max_records);
}
