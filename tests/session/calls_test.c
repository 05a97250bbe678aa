/*
 * calls_test.c - what a request costs the store, and a store that says no
 *
 * I5: a forged token 0 calls, a reader 1, a writer 2, a new id one more.
 * no call for what is malformed, none for who only looks,
 * and no half session when the store fails.
 */
#include "../store/fault_driver.h"
#include "../tap.h"
#include "kit.h"

SSTATE_DRIVER_EXTERN const struct sstate_driver sstate_driver_v1_memory;

static char dir[256], ring[300];
static unsigned nth;

struct bench {
	struct kit k;
	struct fault f;
	char uri[64];
	void *handles[2];
	struct sstate *env;
};

/* An environment over fault:, counting; several share a name. */
static void
setup(struct bench *b, unsigned name, uint32_t flags)
{
	kit_init(&b->k, NULL);
	fault_init(&b->f, &sstate_driver_v1_memory, 0);
	(void)snprintf(b->uri, sizeof(b->uri), "fault:calls%u", name);
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	b->k.stores[0] = b->uri;
	b->handles[0] = &b->f;
	b->handles[1] = NULL;
	b->k.o.handles = b->handles;
	b->k.o.drivers = b->f.drivers;
	b->k.o.keyring = ring;
	if (flags != 0)
		b->k.o.flags = flags;
}

static void
ready(struct bench *b)
{
	NEED((b->env = kit_open(&b->k)) != NULL, "an environment over fault:");
}

static void
zero(struct bench *b)
{
	b->f.total = b->f.gets = b->f.creates = b->f.replaces = 0;
	b->f.removes = b->f.reaps = b->f.eachs = b->f.latests = 0;
}

/* The calls since zero(), and a text that names them if they are others. */
static int
cost(struct bench *b, unsigned long get, unsigned long create,
    unsigned long replace, unsigned long removes)
{
	struct fault *f = &b->f;

	if (f->gets == get && f->creates == create && f->replaces == replace &&
	    f->removes == removes && f->latests <= 1 &&
	    f->total - f->latests == get + create + replace + removes)
		return 1; /* the common clock: once a minute at most */
	printf("# calls: %lu get, %lu create, %lu replace, %lu remove, "
	       "%lu in all\n",
	    f->gets, f->creates, f->replaces, f->removes, f->total);
	return 0;
}

static void
cost_of_ids(struct bench *b, const char *token)
{
	static const char *const odd[] = {
		"", "a", "AAAA", "../../etc/passwd", "%00", " ", "\xff\xff",
		"AQEDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AQEDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	};
	char bad[KIT_TOKEN + 1];
	struct sstate_session *s;
	unsigned n = kit_scale(20000), i, opened = 0;
	uint32_t x = 1;

	zero(b);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		(void)snprintf(bad, sizeof(bad), "%.60s", odd[i]);
		opened += kit_opens(b->env, bad) == 0;
	}
	for (i = 0; i < n; i++) {
		(void)snprintf(bad, sizeof(bad), "%s", token);
		x = x * 1664525u + 1013904223u;
		bad[(x >> 8) % KIT_TOKEN] = "AZaz09-_=+./ %"[(x >> 20) % 14];
		if (strcmp(bad, token) == 0)
			continue;
		opened += kit_opens(b->env, bad) == 0;
	}
	T(opened == 0 && cost(b, 0, 0, 0, 0),
	    "R-08 %u malformed or forged ids: no store call, none opens", n);
	bad[0] = token[0] == 'A' ? 'B' : 'A';
	memcpy(bad + 1, token + 1, KIT_TOKEN);
	T(kit_begin(&s, b->env, bad, 0) == 0 && sstate_commit(s) == 0 &&
		cost(b, 0, 0, 0, 0),
	    "I5 forged, lenient, read: 0 calls");
	sstate_free(s);
	T(kit_begin(&s, b->env, bad, 0) == 0, "R-07 forged, and writes");
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	T(sstate_commit(s) == 0 && cost(b, 0, 1, 0, 0),
	    "R-07 one create, under a new id");
	T(strcmp(sstate_token(s), bad) != 0, "R-07 and not under that one");
	sstate_free(s);
}

static void
costs(void)
{
	char t[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct bench b;

	setup(&b, ++nth, 0);
	b.k.o.idle = 1000;
	ready(&b);
	zero(&b);
	T(kit_begin(&s, b.env, NULL, 0) == 0 && sstate_commit(s) == 0 &&
		cost(&b, 0, 0, 0, 0),
	    "R-31 a visitor who only looks: 0 calls");
	sstate_free(s);
	T(kit_make(t, b.env, "a", "1", NULL) == 0 && cost(&b, 0, 1, 0, 0),
	    "I5 a new session: 1 create");
	zero(&b);
	NEED(kit_begin(&s, b.env, t, 0) == 0, "a reader");
	(void)sstate_str(s, SSTATE_STORED, "a");
	(void)sstate_inspect(s)->expires;
	(void)sstate_next(s, SSTATE_MERGED, NULL);
	T(sstate_commit(s) == 0 && cost(&b, 1, 0, 0, 0),
	    "I5 a reader: 1 get; looking at expires touches nothing");
	T(sstate_commit(s) == 0 && cost(&b, 1, 0, 0, 0),
	    "commit repeated: nothing");
	sstate_free(s);
	zero(&b);
	T(kit_put(b.env, t, "a", 2) == 0 && cost(&b, 1, 0, 1, 0),
	    "I5 a writer: 1 get, 1 replace");
	b.k.clock += 99;
	zero(&b);
	NEED(kit_begin(&s, b.env, t, 0) == 0, "a reader");
	T(sstate_commit(s) == 0 && cost(&b, 1, 0, 0, 0),
	    "renewal is not due within idle/10");
	sstate_free(s);
	b.k.clock += 2;
	zero(&b);
	NEED(kit_begin(&s, b.env, t, 0) == 0, "a reader");
	T(sstate_commit(s) == 0 && b.f.gets == 1 && b.f.replaces == 1 &&
		b.f.creates == 0,
	    "renewal that is due: 1 replace");
	sstate_free(s);
	zero(&b);
	NEED(kit_begin(&s, b.env, t, SSTATE_EAGER) == 0, "EAGER");
	T(sstate_commit(s) == 0 && cost(&b, 1, 0, 1, 0), "EAGER writes");
	sstate_free(s);
	zero(&b);
	NEED(kit_begin(&s, b.env, t, SSTATE_NO_STORE) == 0, "NO_STORE");
	T(sstate_commit(s) == 0 && cost(&b, 0, 0, 0, 0), "NO_STORE: 0 calls");
	sstate_free(s);
	zero(&b);
	NEED(kit_begin(&s, b.env, t, 0) == 0, "a login");
	T(sstate_login(s, "ann") == 0 && cost(&b, 1, 0, 0, 0),
	    "login only marks the session");
	T(sstate_commit(s) == 0 && cost(&b, 1, 1, 1, 0),
	    "I5 a new id: one call more");
	kit_token(t, s);
	sstate_free(s);
	zero(&b);
	NEED(kit_begin(&s, b.env, t, 0) == 0, "a rotation");
	T(sstate_rotate(s) == 0 && sstate_commit(s) == 0 &&
		cost(&b, 1, 1, 1, 0),
	    "I5 a rotation: the same");
	kit_token(t, s);
	sstate_free(s);
	zero(&b);
	NEED(kit_begin(&s, b.env, t, 0) == 0, "a log-out");
	T(sstate_logout(s) == 0 && cost(&b, 1, 0, 0, 1),
	    "a log-out: 1 remove, at once");
	T(sstate_commit(s) == 0 && cost(&b, 1, 0, 0, 1), "and no more");
	sstate_free(s);
	NEED(kit_make(t, b.env, "a", "1", NULL) == 0, "a session");
	cost_of_ids(&b, t);
	sstate_close(b.env);
}

/* a store that fails is an error, never an empty session. */
static void
fails(void)
{
	static const int code[] = { SSTATE_ESTORE, SSTATE_EBUSY, SSTATE_ESYS,
		SSTATE_ENOMEM };
	struct sstate_error err;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	char t[KIT_TOKEN + 1], u[KIT_TOKEN + 1];
	struct bench b;
	uint64_t n;
	size_t i;
	int r;

	setup(&b, ++nth, 0);
	ready(&b);
	NEED(kit_make(t, b.env, "a", "1", "ann") == 0, "a session");
	for (i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
		memset(&err, 0, sizeof(err));
		web.token.ptr = t;
		web.token.len = strlen(t);
		fault_arm(&b.f, 1, FAULT_GET, FAULT_REFUSE, code[i]);
		r = sstate_begin(&s, b.env, NULL, &web, &err);
		T(r == code[i] && s == NULL && err.code == code[i] &&
			err.text[0] != '\0',
		    "R-99 get says %s: begin says so",
		    sstate_strerror(code[i]));
		T(strstr(err.text, t) == NULL, "R-12 without the id");
		NEED(kit_begin(&s, b.env, t, 0) == 0, "a request");
		sstate_setstr(s, SSTATE_STORED, "a", "2");
		fault_arm(&b.f, 1, FAULT_REPLACE, FAULT_REFUSE, code[i]);
		T(sstate_commit(s) == code[i] &&
			sstate_failure(s)->code == code[i],
		    "R-99 replace says it: commit says so");
		sstate_free(s);
		T(kit_int(b.env, t, "a") == 1, "R-99 and it is as it was");
		fault_arm(&b.f, 1, FAULT_CREATE, FAULT_REFUSE, code[i]);
		T(kit_make(u, b.env, "a", "1", NULL) == code[i] && u[0] == '\0',
		    "R-99 create says it: no token");
		/* ends ask again after an ESTORE, so all are refused */
		fault_arm(&b.f, 1, FAULT_EACH, FAULT_REFUSE, code[i]);
		T(sstate_revoke(&n, b.env, "ann", NULL, &err) == code[i] &&
			n == 0 && kit_opens(b.env, t) == 0,
		    "R-99 each says it: revoke says so");
		fault_arm(&b.f, 1, FAULT_REMOVE, FAULT_REFUSE, code[i]);
		b.f.times = 50;
		NEED(kit_begin(&s, b.env, t, 0) == 0, "a request");
		T(sstate_logout(s) == code[i],
		    "R-99 remove says it: logout says so");
		sstate_free(s);
		fault_arm(&b.f, 0, 0, 0, 0);
		T(kit_opens(b.env, t) == 0, "R-99 and it is not ended");
	}
	sstate_close(b.env);
}

/* An EEXIST of a new id is no overwriting: somebody broke the store. */
static void
exists(void)
{
	char t[KIT_TOKEN + 1];
	struct bench b;

	setup(&b, ++nth, 0);
	ready(&b);
	fault_arm(&b.f, 1, FAULT_CREATE, FAULT_REFUSE, SSTATE_EEXIST);
	zero(&b);
	T(kit_make(t, b.env, "a", "1", NULL) != 0 && t[0] == '\0' &&
		b.f.replaces == 0,
	    "R-07 EEXIST for a new id fails the commit");
	sstate_close(b.env);
}

/* a record from the future, where the store has no common clock. */
static void
future(void)
{
	static const struct {
		int64_t ahead;
		int opens;
	} tab[] = { { 0, 1 }, { 299, 1 }, { 302, 0 }, { 86400, 0 } };
	char t[KIT_TOKEN + 1];
	struct bench a, b;
	size_t i;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		setup(&a, ++nth, 0);
		a.f.table.latest = NULL;
		a.k.clock += tab[i].ahead;
		ready(&a);
		setup(&b, nth, 0);
		b.f.table.latest = NULL;
		ready(&b);
		NEED(kit_make(t, a.env, "a", "1", NULL) == 0, "a session");
		T((kit_opens(b.env, t) == 0) == tab[i].opens,
		    "R-23 from %lld s ahead: %s", (long long)tab[i].ahead,
		    tab[i].opens ? "taken" : "refused");
		T(kit_opens(a.env, t) == 0, "R-23 at home it opens");
		sstate_close(b.env);
		sstate_close(a.env);
	}
}

/* R-99, A6: what the store hands out is not believed. */
struct liar {
	struct sstate_record rec;
	unsigned char body[4096];
	sstate_found_fn *found;
	void *arg;
	int lie;
};

static struct liar liar;

static int
lie(void *arg, const struct sstate_record *rec)
{
	struct liar *l = arg;

	l->rec = *rec;
	if (rec->body.len > sizeof(l->body))
		return SSTATE_ETOOBIG;
	memcpy(l->body, rec->body.ptr, rec->body.len);
	l->rec.body.ptr = (char *)l->body;
	switch (l->lie) {
	case 1:
		l->rec.rev++;
		break;
	case 2:
		l->rec.tag[3] ^= 1;
		break;
	case 3:
		l->rec.expires += 100;
		break;
	case 4:
		l->body[rec->body.len - 1] ^= 1;
		break;
	case 5:
		l->rec.body.len--;
		break;
	case 6:
		l->body[20] ^= 0x80;
		break;
	default:
		break;
	}
	return l->found(l->arg, &l->rec);
}

static int
lying_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	liar.found = found;
	liar.arg = arg;
	return fault_get(ctx, key, lie, &liar, err);
}

static void
lies(void)
{
	static const char *const what[] = { "nothing", "rev", "tag",
		"a later expires", "a flipped bit", "a cut body",
		"a header's bit" };
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct bench b;
	int i, r;

	setup(&b, ++nth, 0);
	b.f.table.get = lying_get;
	ready(&b);
	NEED(kit_make(t, b.env, "a", "1", NULL) == 0, "a session");
	for (i = 0; i < 7; i++) {
		liar.lie = i;
		r = kit_opens(b.env, t);
		if (i == 6) /* a time: judged before the seal is tried */
			T(r != 0, "R-77 the store changed %s: (%d)", what[i],
			    r);
		else
			T(r == (i == 0 ? 0 : SSTATE_EAUTH),
			    "R-77 the store "
			    "changed %s: %s (%d)",
			    what[i], i == 0 ? "opens" : "EAUTH", r);
		if (i == 0)
			continue;
		NEED(kit_begin(&s, b.env, t, 0) == 0, "lenient");
		T(kit_is(s, "a", NULL), "R-77 %s: a new session", what[i]);
		sstate_free(s);
	}
	sstate_close(b.env);
}

/* no id in logs, texts and metrics. */
static char metrics[65536];

static void
metric(void *arg, const struct sstate_metric *m)
{
	size_t n = strlen(metrics);

	(void)arg;
	(void)snprintf(metrics + n, sizeof(metrics) - n, "%s %s\n", m->store,
	    m->operation);
}

static void
quiet(void)
{
	char t[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct bench b;
	int i, r = 0;

	setup(&b, ++nth, 0);
	b.k.o.metric = metric;
	ready(&b);
	NEED(kit_make(t, b.env, "a", "1", NULL) == 0, "a session");
	for (i = 0; i < 8; i++) {
		fault_arm(&b.f, 1, FAULT_ANY, FAULT_REFUSE, SSTATE_ESTORE);
		if ((r |= kit_begin(&s, b.env, t, 0)) == 0)
			r |= sstate_commit(s);
		sstate_free(s);
		r |= kit_put(b.env, t, "a", i);
	}
	T(r != 0, "calls fail");
	T(metrics[0] != '\0', "the metric hook is called");
	T(strstr(metrics, t) == NULL && !kit_logged(&b.k, t) &&
		strstr(metrics, "calls") == NULL,
	    "R-12 no id in logs and metrics");
	sstate_close(b.env);
}

int
main(void)
{
	kit_folder(dir);
	costs();
	fails();
	exists();
	future();
	lies();
	quiet();
	kit_remove(dir);
	return tap_done();
}
