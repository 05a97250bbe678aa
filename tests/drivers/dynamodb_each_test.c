/*
 * dynamodb_each_test.c - listings of more than a page, which is 1 MiB
 *
 * driver: dynamodb
 */
#include "dynamodb_kit.h"

enum { RECORDS = 12, BODY = 300000 };

static const struct sstate_driver *const d = &sstate_driver_v1_dynamodb;

struct list {
	unsigned seen[RECORDS], strange, stop;
};

static int
one(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	struct list *l = arg;
	struct sstate_key k;
	unsigned i;

	for (i = 0; i < RECORDS; i++) {
		k = conform_key(CONFORM_NS, i);
		if (memcmp(k.id, key->id, sizeof(k.id)) == 0 &&
		    rec->body.len == BODY &&
		    rec->body.ptr[BODY - 1] == (char)('a' + i)) {
			l->seen[i]++;
			break;
		}
	}
	l->strange += i == RECORDS;
	return l->stop > 0 && --l->stop == 0 ? 7 : 0;
}

/* Each once, and no other. */
static int
whole(const struct list *l)
{
	unsigned i;

	for (i = 0; i < RECORDS; i++)
		if (l->seen[i] != 1)
			return 0;
	return l->strange == 0;
}

int
main(void)
{
	static char body[BODY];
	struct sstate_error err;
	struct sstate_record rec;
	struct sstate_key key;
	unsigned i, wrong = 0;
	struct list l;
	struct dkit k;
	void *ctx;

	dkit_start(&k, 0);
	NEED((ctx = dkit_open(k.uri, &err)) != NULL, "%s", err.text);
	for (i = 0; i < RECORDS; i++) {
		memset(body, (int)('a' + i), sizeof(body));
		rec = conform_rec(body, sizeof(body), CONFORM_LIVE, 1);
		conform_tag(rec.tag, 1);
		key = conform_key(CONFORM_NS, i);
		wrong += d->create(ctx, &key, &rec, &err) != 0;
	}
	T(wrong == 0, "%u records of %u bytes %s", RECORDS, BODY, err.text);
	dkit_file(&k, "tally", "");
	memset(&l, 0, sizeof(l));
	T(d->each(ctx, CONFORM_NS, NULL, one, &l, &err) == 0 && whole(&l) &&
		dkit_tally(&k, "Scan") > 3,
	    "R-27 all are listed, once each, in %u pages %s",
	    dkit_tally(&k, "Scan"), err.text);
	memset(&l, 0, sizeof(l));
	T(d->each(ctx, CONFORM_NS, rec.tag, one, &l, &err) == 0 && whole(&l),
	    "R-27 and as one user's %s", err.text);
	memset(&l, 0, sizeof(l));
	l.stop = RECORDS - 1;
	T(d->each(ctx, CONFORM_NS, NULL, one, &l, &err) == 7 && l.stop == 0,
	    "it is stopped on a later page");
	dkit_close(ctx);
	dkit_end(&k);
	return tap_done();
}
