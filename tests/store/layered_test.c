/*
 * layered_test.c - near copies of a far store: each line of the design's
 * table, with eviction and slow readers
 */
#include "layers_kit.h"

#include <sys/wait.h>
#include <unistd.h>

static struct lk k;

/* ---- Opening ---------------------------------------------------------- */

static void
test_open(void)
{
	static const struct {
		const char *uris[4];
		int code;
		const char *says;
	} bad[] = {
		{ { "memory:?readonly=1", "memory:" }, SSTATE_EINVAL,
		    "last store" },
		{ { "memory:?disable=set", "memory:" }, SSTATE_EINVAL,
		    "last store" },
		{ { "layered:", "memory:" }, SSTATE_ENOTSUP, "layered" },
		{ { "memory:", "layered:" }, SSTATE_ENOTSUP, "layered" },
		{ { "memory:", "nosuch:" }, SSTATE_ENOTSUP, "nosuch" },
		{ { "nosuch:", "memory:" }, SSTATE_ENOTSUP, "nosuch" },
		{ { "memory:", "memory:?typo=1" }, SSTATE_EINVAL, "typo" },
		{ { "memory:", "memory:", "memory:?max_bytes=0" },
		    SSTATE_EINVAL, "max_bytes" },
		{ { "memory:", "memory:?readonly=1" }, SSTATE_ENOTSUP,
		    "may forget" },
	};
	const char *handled[] = { "memory:", "fault:x", NULL };
	struct sstate_error err;
	struct store *st;
	size_t i;

	memset(&k, 0, sizeof(k));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		st = lk_store(&k, bad[i].uris, 0, &err);
		T(st == NULL && err.code == bad[i].code &&
			strstr(err.text, bad[i].says) != NULL,
		    "%s %s does not open: %s", bad[i].uris[0], bad[i].uris[1],
		    err.text);
	}
	fault_init(&k.far, &sstate_driver_v1_memory, 0);
	k.drivers[0] = &k.far.table;
	k.handles[1] = &k.far;
	st = lk_store(&k, handled, 1, &err);
	T(st != NULL && lk_create(st, 1, 1) == 0 && k.far.creates == 1,
	    "a handle belongs to the store of its place");
	store_close(st);
	k.handles[0] = &k.far;
	T(lk_store(&k, handled, 1, &err) == NULL && err.code == SSTATE_EINVAL,
	    "one that takes none is told so: %s", err.text);
}

static void
test_caps(void)
{
	lk_open(&k, "", "");
	T(store_caps(k.st) ==
		(SSTATE_CAP_REMOTE | SSTATE_CAP_DURABLE | SSTATE_CAP_TAG),
	    "it is remote, not linear, and durable as far is");
	T(store_is_layered(k.st) && !store_is_layered(k.raw_far) &&
		strcmp(store_name(k.st), "layered") == 0,
	    "it is called layered");
	lk_close(&k);
}

/* ---- Reads ------------------------------------------------------------ */

static void
test_hit(void)
{
	struct sstate_record rec = lk_rec("sealed", 7);
	struct sstate_key key = lk_key(1);
	struct lk_got g;

	lk_open(&k, "", "");
	memset(rec.tag, 3, sizeof(rec.tag));
	rec.expires = LK_NOW + 1000;
	T(store_create(k.st, NULL, &key, &rec, NULL) == 0 &&
		lk_asked(&k, "fc nm"),
	    "write: far first, then the copy goes");
	T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng nc fg np"),
	    "near miss: a lease, far, then it is filled in");
	T(lk_entry(&g, k.raw_near, 1) == 'R' && g.rec.rev == 7 &&
		g.rec.expires == LK_NOW + 60 && g.rec.body.len == 32 + 6,
	    "for max_expires, 60 by default: %lld",
	    (long long)g.rec.expires - LK_NOW);
	memset(&g, 0, sizeof(g));
	T(store_get(k.st, NULL, &key, lk_found, &g, NULL) == 0 &&
		lk_asked(&k, "ng") && strcmp(g.body, "sealed") == 0 &&
		g.rec.rev == 7 && g.rec.expires == LK_NOW + 1000 &&
		memcmp(g.rec.tag, rec.tag, sizeof(rec.tag)) == 0 &&
		g.rec.flags == 0,
	    "near hit: near alone, all of it");
	g.ret = SSTATE_EMINDSET;
	T(store_get(k.st, NULL, &key, lk_found, &g, NULL) == SSTATE_EMINDSET &&
		lk_asked(&k, "ng"),
	    "what found says is what get says");
	k.clock += 59;
	T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng"), "until it is over");
	k.clock += 1;
	T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng np fg np"),
	    "then far is asked, and it is filled in anew");
	k.clock = LK_NOW + 990;
	T(lk_get(k.st, 1) == 7 && lk_entry(&g, k.raw_near, 1) == 'R' &&
		g.rec.expires == LK_NOW + 1000,
	    "with what is left of its life");
	k.clock = LK_NOW + 1000;
	k.trace[0] = '\0';
	T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng np fg nm") &&
		lk_entry(&g, k.raw_near, 1) == 0,
	    "and not at all when nothing is left");
	T(lk_get(k.st, 2) == SSTATE_ENOTFOUND && lk_asked(&k, "ng nc fg nm") &&
		lk_entry(&g, k.raw_near, 2) == 0,
	    "of what is nowhere, no lease stays");
	lk_close(&k);
}

static void
test_verify(void)
{
	struct sstate_record rec = lk_rec("a logged-in one", 7);
	struct sstate_key key = lk_key(1);
	struct lk_got g;
	int i;

	lk_open(&k, "", "");
	rec.flags = SSTATE_REC_VERIFY;
	(void)store_create(k.raw_far, NULL, &key, &rec, NULL);
	T(lk_get(k.st, 1) == 7 && lk_entry(&g, k.raw_near, 1) == 'V' &&
		g.rec.body.len == 32,
	    "of a record marked VERIFY near keeps a note without its body");
	k.trace[0] = '\0';
	for (i = 0; i < 2; i++)
		T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng fg"),
		    "and far confirms it, each time");
	(void)lk_remove(k.raw_far, 1, 7);
	T(lk_get(k.st, 1) == SSTATE_ENOTFOUND,
	    "R-26 one that ended elsewhere is not served");
	lk_close(&k);
}

static void
test_near_fails(void)
{
	unsigned n;

	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	fault_arm(&k.near, 1, FAULT_ANY, FAULT_REFUSE, SSTATE_ESTORE);
	k.near.times = 1000;
	T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng fg"),
	    "near fails: far is asked");
	for (n = 0; n < 20; n++)
		(void)lk_get(k.st, 1);
	T(k.near.gets == 1 && k.far.gets == 21,
	    "and near is left alone for a while (%lu)", k.near.gets);
	T(strstr(k.log, "left alone") != NULL &&
		strchr(k.log, '\n') == strrchr(k.log, '\n'),
	    "which is said once: %s", k.log);
	lk_close(&k);

	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	fault_arm(&k.near, 1, FAULT_CREATE, FAULT_REFUSE, SSTATE_ESTORE);
	T(lk_get(k.st, 1) == 7, "no lease: it is read all the same");
	lk_close(&k);

	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	fault_arm(&k.near, 1, FAULT_REPLACE, FAULT_REFUSE, SSTATE_ESTORE);
	T(lk_get(k.st, 1) == 7, "no room for it: as well");
	lk_close(&k);

	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	fault_arm(&k.near, 1, FAULT_REPLACE, FAULT_REFUSE, SSTATE_EBUSY);
	T(lk_get(k.st, 1) == 7 && lk_get(k.st, 1) == 7 && k.near.gets == 2,
	    "a near store that is full is not left alone for it");
	lk_close(&k);
}

static void
test_far_fails(void)
{
	struct lk_got g;

	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	(void)lk_get(k.st, 1);
	fault_arm(&k.far, 1, FAULT_GET, FAULT_REFUSE, SSTATE_ESTORE);
	k.far.times = 2;
	T(lk_get(k.st, 1) == 7, "far fails: what near has is served");
	T(lk_get(k.st, 2) == SSTATE_ESTORE && lk_entry(&g, k.raw_near, 2) == 0,
	    "else it is the failure, and no lease stays");
	T(lk_get_far(k.st, 1) == SSTATE_ESTORE, "nor does near answer for far");
	lk_close(&k);
}

/* ---- Leases, slow readers, eviction ----------------------------------- */

static void
writes(struct lk *l)
{
	struct store *other = lk_store(l,
	    (const char *const[]){ "memory:n", "memory:f", NULL }, 0, NULL);

	T(other != NULL && lk_replace(other, 1, 7, 8) == 0,
	    "(another writes meanwhile)");
	store_close(other);
}

static void
ends(struct lk *l)
{
	struct store *other = lk_store(l,
	    (const char *const[]){ "memory:n", "memory:f", NULL }, 0, NULL);

	T(other != NULL && lk_remove(other, 1, 7) == 0,
	    "(another ends it meanwhile)");
	store_close(other);
}

static void
evicts(struct lk *l)
{
	(void)lk_remove(l->raw_near, 1, SSTATE_ANY_REV);
}

static void
reads(struct lk *l)
{
	struct store *other = lk_store(l,
	    (const char *const[]){ "memory:n", "memory:f", NULL }, 0, NULL);
	struct lk_got g;

	T(other != NULL && lk_get(other, 1) == 7 &&
		lk_entry(&g, l->raw_near, 1) == 'L',
	    "(another reads meanwhile: far, and fills nothing in)");
	store_close(other);
}

static void
slow(void (*fn)(struct lk *), struct fault *whose, int kind, int after)
{
	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	k.meanwhile = fn;
	k.whose = whose;
	k.kind = kind;
	k.after = after;
}

static void
test_slow(void)
{
	struct lk_got g;

	slow(writes, &k.near, FAULT_REPLACE, 0);
	T(lk_get(k.st, 1) == 7 && lk_entry(&g, k.raw_near, 1) == 0 &&
		lk_get(k.st, 1) == 8,
	    "R-26 a slow reader does not put back what was changed");
	lk_close(&k);
	slow(ends, &k.near, FAULT_REPLACE, 0);
	T(lk_get(k.st, 1) == 7 && lk_entry(&g, k.raw_near, 1) == 0 &&
		lk_get(k.st, 1) == SSTATE_ENOTFOUND,
	    "R-26 nor what was ended");
	lk_close(&k);
	slow(writes, &k.far, FAULT_GET, 0);
	T(lk_get(k.st, 1) == 8 && lk_entry(&g, k.raw_near, 1) == 0,
	    "a lease that a writer met fills nothing in");
	lk_close(&k);
	slow(evicts, &k.far, FAULT_GET, 1);
	T(lk_get(k.st, 1) == 7 && lk_entry(&g, k.raw_near, 1) == 0,
	    "nor one that was evicted");
	lk_close(&k);
	slow(reads, &k.far, FAULT_GET, 0);
	T(lk_get(k.st, 1) == 7 && lk_entry(&g, k.raw_near, 1) == 'R',
	    "one lease at a time, and it fills in");
	lk_close(&k);
	slow(evicts, &k.near, FAULT_GET, 1);
	T(lk_get(k.st, 1) == 7 && lk_get(k.st, 1) == 7,
	    "what is evicted after a look is read again");
	lk_close(&k);
}

static void
test_lease(void)
{
	struct sstate_key key = lk_key(1);
	unsigned char head[32] = "SSN1L";
	struct sstate_record e = lk_rec("", 99);
	struct lk_got g;

	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	e.body.ptr = (const char *)head;
	e.body.len = sizeof(head);
	e.expires = LK_NOW + 10;
	(void)store_create(k.raw_near, NULL, &key, &e, NULL);
	T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng fg"),
	    "while another reads, far is asked and nothing filled in");
	k.clock += 10;
	T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng np fg np") &&
		lk_entry(&g, k.raw_near, 1) == 'R',
	    "a dead reader's lease stands for ten seconds");
	lk_close(&k);
}

/* ---- Writes ----------------------------------------------------------- */

static void
test_writes(void)
{
	struct lk_got g;

	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	(void)lk_get(k.st, 1);
	k.trace[0] = '\0';
	T(lk_replace(k.st, 1, 7, 8) == 0 && lk_asked(&k, "fp nm") &&
		lk_entry(&g, k.raw_near, 1) == 0 && lk_get(k.st, 1) == 8,
	    "a change: far, then the copy goes");
	k.trace[0] = '\0';
	T(lk_remove(k.st, 1, 8) == 0 && lk_asked(&k, "fm nm") &&
		lk_entry(&g, k.raw_near, 1) == 0 &&
		lk_get(k.st, 1) == SSTATE_ENOTFOUND,
	    "an end: far, then the copy goes");
	(void)lk_create(k.st, 1, 9);
	k.trace[0] = '\0';
	fault_arm(&k.far, 1, FAULT_WRITE, FAULT_REFUSE, SSTATE_EBUSY);
	T(lk_replace(k.st, 1, 9, 10) == SSTATE_EBUSY && lk_asked(&k, "fp"),
	    "what was not written leaves the copy");
	T(lk_create(k.st, 1, 9) == SSTATE_EEXIST && lk_asked(&k, "fc"),
	    "and so does EEXIST");
	fault_arm(&k.far, 1, FAULT_WRITE, FAULT_LOSE_ANSWER, SSTATE_ESTORE);
	(void)lk_get(k.st, 1);
	k.trace[0] = '\0';
	T(lk_replace(k.st, 1, 9, 10) == SSTATE_ESTORE &&
		lk_asked(&k, "fp nm") && lk_get(k.st, 1) == 10,
	    "a far write without an answer: the copy goes, too");
	lk_close(&k);
}

/* A writer that was killed between far and near, or a near of another host. */
static void
test_stale(void)
{
	struct lk_got g;

	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	(void)lk_get(k.st, 1);
	(void)lk_replace(k.raw_far, 1, 7, 8);
	T(lk_get(k.st, 1) == 7, "an old copy is served for a while");
	T(lk_get_far(k.st, 1) == 8 && lk_entry(&g, k.raw_near, 1) == 0 &&
		lk_get(k.st, 1) == 8,
	    "C: a read of the store that decides drops it");
	(void)lk_replace(k.raw_far, 1, 8, 9);
	T(lk_replace(k.st, 1, 8, 10) == SSTATE_ECONFLICT &&
		lk_get(k.st, 1) == 9,
	    "R-33 a lost race drops it as well, so none is lost for ever");
	(void)lk_remove(k.raw_far, 1, 9);
	T(lk_get(k.st, 1) == 9 &&
		lk_replace(k.st, 1, 9, 10) == SSTATE_ENOTFOUND &&
		lk_get(k.st, 1) == SSTATE_ENOTFOUND,
	    "R-26 and so does a write to what has ended");
	(void)lk_create(k.raw_far, 2, 7);
	(void)lk_get(k.st, 2);
	(void)lk_remove(k.raw_far, 2, 7);
	k.clock += 60;
	T(lk_get(k.st, 2) == SSTATE_ENOTFOUND,
	    "max_expires is the longest that an old copy is believed");
	(void)lk_create(k.raw_far, 3, 7);
	(void)lk_get(k.st, 3);
	(void)lk_replace(k.raw_far, 3, 7, 8);
	k.clock -= 5;
	T(lk_get(k.st, 3) == 8,
	    "a copy for longer than that, of another clock, is not");
	lk_close(&k);
}

static void
test_undropped(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_key key = lk_key(1);
	struct sstate_record rec = lk_rec("body", 8);
	unsigned n;

	lk_open(&k, "?max_expires=2", "");
	(void)lk_create(k.raw_far, 1, 7);
	(void)lk_get(k.st, 1);
	fault_arm(&k.near, 1, FAULT_REMOVE, FAULT_REFUSE, SSTATE_ESTORE);
	k.near.times = 2;
	T(store_replace(k.st, NULL, &key, 7, &rec, &err) == SSTATE_ESTORE &&
		lk_get(k.raw_far, 1) == 8,
	    "the copy cannot be removed: undecided: %s", err.text);
	k.near.gets = 0;
	for (n = 0; n < 5; n++)
		T(lk_get(k.st, 1) == 8, "near is left alone: far is read");
	T(k.near.gets == 0, "for each");
	T(lk_get_far(k.st, 1) == SSTATE_ESTORE,
	    "while it cannot be removed, no re-read settles a doubt");
	T(lk_get_far(k.st, 1) == 8, "removed, it does");
	fault_arm(&k.near, 1, FAULT_REMOVE, FAULT_REFUSE, SSTATE_ESTORE);
	T(lk_get_far(k.st, 9) == SSTATE_ESTORE,
	    "R-25 also whether something has ended");
	T(lk_replace(k.st, 1, 8, 9) == 0 &&
		lk_get(k.raw_near, 1) == SSTATE_ENOTFOUND,
	    "writes go on removing");
	lk_close(&k);

	lk_open(&k, "?errors=log", "");
	(void)lk_create(k.raw_far, 1, 7);
	(void)lk_get(k.st, 1);
	fault_arm(&k.near, 1, FAULT_REMOVE, FAULT_REFUSE, SSTATE_ESTORE);
	T(lk_replace(k.st, 1, 7, 8) == 0 && lk_get(k.st, 1) == 8 &&
		strstr(k.log, "an old copy may be read") != NULL,
	    "near?errors=log: it is acknowledged, and logged: %s", k.log);
	lk_close(&k);
}

/* ---- Damage ----------------------------------------------------------- */

static int
not_authentic(void *arg, const struct sstate_record *rec)
{
	unsigned *calls = arg;

	if (++*calls == 1)
		return SSTATE_EAUTH;
	return rec->rev == 7 ? 0 : SSTATE_EAUTH;
}

static void
test_damage(void)
{
	static const struct {
		const char *body;
		size_t len;
		int64_t expires;
	} bad[] = {
		{ "x", 1, LK_NOW + 5 },
		{ "SSN1R\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		    32, LK_NOW + 5 },
		{ "SSN2R\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		  "body",
		    36, LK_NOW + 5 },
		{ "SSN1V\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		  "body",
		    36, LK_NOW + 5 },
		{ "SSN1R\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		  "body",
		    36, 0 },
		{ "SSN1R\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		  "body",
		    36, LK_LIVE },
	};
	struct sstate_key key = lk_key(1);
	struct sstate_record e;
	struct lk_got g;
	unsigned calls = 0;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		lk_open(&k, "", "");
		(void)lk_create(k.raw_far, 1, 7);
		e = lk_rec("", 3);
		e.body.ptr = bad[i].body;
		e.body.len = bad[i].len;
		e.expires = bad[i].expires;
		(void)store_create(k.raw_near, NULL, &key, &e, NULL);
		T(lk_get(k.st, 1) == 7 && lk_entry(&g, k.raw_near, 1) == 'R' &&
			g.rec.rev == 7,
		    "R-98 entry %zu is none: far is asked, and it is replaced",
		    i);
		lk_close(&k);
	}
	lk_open(&k, "", "");
	(void)lk_create(k.raw_far, 1, 7);
	(void)lk_get(k.st, 1);
	k.trace[0] = '\0';
	T(store_get(k.st, NULL, &key, not_authentic, &calls, NULL) == 0 &&
		calls == 2 && lk_asked(&k, "ng np fg np"),
	    "R-77 a copy whose seal does not open: far is asked");
	calls = 0;
	(void)lk_remove(k.raw_near, 1, SSTATE_ANY_REV);
	T(store_get(k.st, NULL, &key, not_authentic, &calls, NULL) ==
		    SSTATE_EAUTH &&
		lk_entry(&g, k.raw_near, 1) == 0,
	    "and what does not open in far is not filled in");
	lk_close(&k);
}

/* What is stored is never taken for a lease, a note or a mark of ours. */
static void
test_markers(void)
{
	static const char *const like[] = { "SSN1L", "SSN1V", "SSN1R" };
	struct sstate_key key = lk_key(1);
	struct sstate_record rec;
	char body[33];
	struct lk_got g;
	unsigned i, n;

	for (i = 0; i < 3; i++) {
		lk_open(&k, "", "");
		memset(body, 'x', 32);
		body[32] = '\0';
		memcpy(body, like[i], 5);
		rec = lk_rec(body, 7);
		(void)store_create(k.st, NULL, &key, &rec, NULL);
		for (n = 0; n < 2; n++) {
			memset(&g, 0, sizeof(g));
			T(store_get(k.st, NULL, &key, lk_found, &g, NULL) ==
				    0 &&
				strcmp(g.body, body) == 0,
			    "a body that looks like an entry of ours (%s) "
			    "comes back from %s",
			    like[i], n == 0 ? "far" : "near");
		}
		T(k.far.gets == 1, "as it is");
		lk_close(&k);
	}
}

/* ---- All of them ------------------------------------------------------ */

static int
count_key(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(unsigned *)arg;
	return 0;
}

static void
test_all(void)
{
	struct sstate_record rec = lk_rec("body", 1);
	struct sstate_key key;
	uint64_t removed = 0, about = 0;
	unsigned n, seen = 0;
	int64_t latest;

	lk_open(&k, "", "");
	for (n = 0; n < 10; n++) {
		key = lk_key(n);
		rec.expires = LK_NOW + (n < 4 ? 30 : 3000);
		(void)store_create(k.st, NULL, &key, &rec, NULL);
		(void)lk_get(k.st, n);
	}
	k.trace[0] = '\0';
	T(store_each(k.st, "test", NULL, count_key, &seen, NULL) == 0 &&
		seen == 10 && lk_asked(&k, "fe"),
	    "each: far");
	T(store_latest(&latest, k.st, LK_NOW, NULL) == 0 && lk_asked(&k, "fl"),
	    "latest: far");
	k.clock += 100;
	T(store_reap(&removed, k.st, "test", k.clock, 0, NULL) == 0 &&
		removed == 4 && lk_asked(&k, "nr fr"),
	    "reap: both, and far's are counted (%u)", (unsigned)removed);
	seen = 0;
	(void)store_each(k.raw_near, "test", NULL, count_key, &seen, NULL);
	T(seen == 0, "no copy is left whose time is over (%u)", seen);
	fault_arm(&k.near, 1, FAULT_REAP, FAULT_REFUSE, SSTATE_ESTORE);
	T(store_reap(&removed, k.st, "test", k.clock, 0, NULL) == 0,
	    "that near cannot is no failure");
	fault_arm(&k.far, 1, FAULT_REAP, FAULT_REFUSE, SSTATE_ESTORE);
	T(store_reap(&removed, k.st, "test", k.clock, 0, NULL) == SSTATE_ESTORE,
	    "that far cannot is");
	lk_close(&k);
	k.st = lk_store(&k, (const char *const[]){ "memory:", "memory:", NULL },
	    0, NULL);
	(void)lk_create(k.st, 1, 1);
	T(store_count(&about, k.st, "test", NULL) == 0 && about == 1,
	    "count: far");
	store_close(k.st);
}

static void
nested(const char *near, const char *mid, int64_t near_is, int64_t mid_is)
{
	const char *uris[] = { near, mid, "memory:f", NULL };
	struct store *rn, *rm, *rf;
	struct lk_got g;

	memset(&k, 0, sizeof(k));
	k.clock = LK_NOW;
	rn = lk_raw(&k, "memory:n");
	rm = lk_raw(&k, "memory:m");
	rf = lk_raw(&k, "memory:f");
	k.st = lk_store(&k, uris, 0, NULL);
	NEED(k.st != NULL && rn != NULL && rm != NULL && rf != NULL,
	    "{ %s, %s, far } opens", near, mid);
	(void)lk_create(rf, 1, 7);
	T(lk_get(k.st, 1) == 7 && lk_entry(&g, rn, 1) == 'R' &&
		g.rec.expires == LK_NOW + near_is &&
		lk_entry(&g, rm, 1) == 'R' && g.rec.expires == LK_NOW + mid_is,
	    "both have a copy: for %d and %d seconds", (int)near_is,
	    (int)mid_is);
	(void)lk_remove(rn, 1, SSTATE_ANY_REV);
	(void)lk_replace(rf, 1, 7, 8);
	T(lk_get(k.st, 1) == 7, "mid answers for far");
	T(lk_get_far(k.st, 1) == 8 && lk_entry(&g, rn, 1) == 0 &&
		lk_entry(&g, rm, 1) == 0,
	    "C: the one that decides is the last, and all copies go");
	(void)lk_get(k.st, 1);
	T(lk_replace(k.st, 1, 8, 9) == 0 && lk_entry(&g, rn, 1) == 0 &&
		lk_entry(&g, rm, 1) == 0 && lk_get(rf, 1) == 9,
	    "a write is acknowledged when both are gone");
	(void)lk_get(k.st, 1);
	T(lk_remove(k.st, 1, 9) == 0 && lk_get(k.st, 1) == SSTATE_ENOTFOUND,
	    "and so is an end");
	store_close(k.st);
	store_close(rn);
	store_close(rm);
	store_close(rf);
}

/* The far store's cap is its own: of its records, and so of their copies. */
static void
test_far_cap(void)
{
	struct lk_got g;

	lk_open(&k, "?max_expires=50", "?max_expires=20");
	T(lk_create(k.st, 1, 1) == 0 && lk_get(k.st, 1) == 1 &&
		lk_entry(&g, k.raw_near, 1) == 'R' &&
		g.rec.expires == LK_NOW + 20 &&
		store_policy(k.st)->max_expires == 20,
	    "far's max_expires caps the record, near's only the copy");
	lk_close(&k);
	lk_open(&k, "?max_expires=5", "");
	T(lk_create(k.st, 1, 1) == 0 && lk_get(k.raw_far, 1) == 1 &&
		store_policy(k.st)->max_expires == 0,
	    "the last store inherits none");
	lk_close(&k);
}

/* ---- Forks ------------------------------------------------------------ */

static void
test_fork(void)
{
	pid_t pid;
	int status;

	memset(&k, 0, sizeof(k));
	k.clock = LK_NOW;
	k.st = lk_store(&k, (const char *const[]){ "memory:", "memory:", NULL },
	    0, NULL);
	(void)lk_create(k.st, 1, 1);
	(void)lk_get(k.st, 1);
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		status = lk_get(k.st, 1) == 1 &&
		    lk_replace(k.st, 1, 1, 2) == 0 && lk_get(k.st, 1) == 2;
		store_close(k.st);
		_exit(status ? 0 : 1);
	}
	T(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	    "a child goes on with the layers that it inherited");
	T(lk_get(k.st, 1) == 1 && lk_replace(k.st, 1, 1, 3) == 0,
	    "and so does its parent");
	store_close(k.st);
}

/* ---- Memory runs out -------------------------------------------------- */

static long left;
static int held;

static void *
stingy(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	(void)arg;
	(void)oldsz;
	if (newsz == 0) {
		held -= ptr != NULL;
		free(ptr);
		return NULL;
	}
	if (left-- <= 0)
		return NULL;
	held += ptr == NULL;
	return realloc(ptr, newsz);
}

/* A life over layers; *wrong: something was read that was not written. */
static int
life(const char *const *uris, int *wrong)
{
	struct store_options o;
	struct store *st;
	int i, r;

	memset(&o, 0, sizeof(o));
	o.uris = uris;
	o.ns = "test";
	o.hook.fn = stingy;
	if ((r = store_open(&st, &o, NULL)) != 0)
		return r;
	if ((r = lk_create(st, 1, 1)) == 0) {
		for (i = 0; i < 3; i++)
			if ((r = lk_get(st, 1)) != 1 && r != SSTATE_ENOMEM)
				*wrong = 1;
		if ((r = lk_replace(st, 1, 1, 2)) == 0)
			*wrong |=
			    (r = lk_get(st, 1)) != 2 && r != SSTATE_ENOMEM;
		if ((r = lk_remove(st, 1, SSTATE_ANY_REV)) == 0)
			*wrong |= (r = lk_get(st, 1)) != SSTATE_ENOTFOUND &&
			    r != SSTATE_ENOMEM;
	}
	store_close(st);
	return r;
}

static void
test_memory(void)
{
	static const char *const two[] = { "memory:", "memory:", NULL };
	static const char *const three[] = { "memory:", "memory:", "memory:",
		NULL };
	int n, r, leaks = 0, wrong = 0, odd = 0;

	for (n = 0; n < 300; n++) {
		left = n / 2;
		r = life(n % 2 ? three : two, &wrong);
		odd += r != SSTATE_ENOMEM && r != SSTATE_ENOTFOUND;
		leaks += held != 0;
		held = 0;
	}
	T(r == SSTATE_ENOTFOUND && odd == 0,
	    "R-101 the n-th allocation fails until none does (%d odd)", odd);
	T(wrong == 0, "R-101 nothing is read that was not written");
	T(leaks == 0, "R-101 and nothing is leaked");
}

int
main(void)
{
	test_open();
	test_caps();
	test_hit();
	test_verify();
	test_near_fails();
	test_far_fails();
	test_slow();
	test_lease();
	test_writes();
	test_stale();
	test_undropped();
	test_damage();
	test_markers();
	test_all();
	nested("memory:n", "memory:m", 60, 60);
	nested("memory:n?max_expires=10", "memory:m", 10, 10);
	nested("memory:n?max_expires=10", "memory:m?max_expires=90", 10, 90);
	test_far_cap();
	test_fork();
	test_memory();
	return tap_done();
}
