/*
 * memcached_nodes_test.c - keys spread over several memcached servers, one of
 * them lost; and a pool that the program made
 *
 * driver: memcached
 */
#include "memcached_kit.h"

enum { NODES = 3, KEYS = 60 };

static const struct sstate_driver *const d = &sstate_driver_v1_memcached;
static struct mckit k[NODES];

/* Which node has it, asked past the driver; -1: none. */
static int
where(unsigned n)
{
	char cmd[300], *said;
	int i, at = -1;

	(void)snprintf(cmd, sizeof(cmd), "mg %s\r\n", mckit_name(n));
	for (i = 0; i < NODES; i++) {
		said = mckit_say(&k[i], cmd, "\r\n");
		if (strncmp(said, "HD", 2) == 0)
			at = at < 0 ? i : 99;
		free(said);
	}
	return at;
}

/* As libmemcached's own tools do it, from another list of the same. */
static void
by_the_library(void)
{
	memcached_st *m = memcached_create(NULL);
	memcached_return_t rc;
	unsigned n, found = 0;
	uint32_t flags;
	size_t len;
	char *p;
	int i;

	(void)memcached_behavior_set(m, MEMCACHED_BEHAVIOR_KETAMA, 1);
	for (i = NODES - 1; i >= 0; i--)
		(void)memcached_server_add(m, "127.0.0.1",
		    (in_port_t)k[i].port);
	for (n = 0; n < KEYS; n++) {
		p = memcached_get(m, mckit_name(n), strlen(mckit_name(n)), &len,
		    &flags, &rc);
		found += p != NULL && len == 44;
		free(p);
	}
	T(found == KEYS,
	    "libmemcached finds each of them, its servers in another order "
	    "(%u)",
	    found);
	memcached_free(m);
}

static void
lost(void *ctx)
{
	int at[KEYS], code[KEYS], i;
	struct sstate_error err;
	unsigned n, wrong = 0, on[NODES] = { 0 };

	for (n = 0; n < KEYS; n++) {
		wrong += mckit_make(ctx, n, CONFORM_LIVE, &err) != 0;
		at[n] = where(n);
		if (at[n] >= 0 && at[n] < NODES)
			on[at[n]]++;
		else
			wrong++;
	}
	T(wrong == 0 && on[0] > 5 && on[1] > 5 && on[2] > 5,
	    "keys are spread: %u, %u, %u", on[0], on[1], on[2]);
	by_the_library();

	server_kill(&k[1].s);
	for (n = 0; n < KEYS; n++) {
		code[n] = mckit_read(ctx, n, &err);
		wrong += code[n] != (at[n] == 1 ? SSTATE_EBUSY : 0);
		if (at[n] != 1)
			continue;
		/* Never another server's: it would come back with this one. */
		wrong +=
		    mckit_make(ctx, n, CONFORM_LIVE, &err) != SSTATE_EBUSY ||
		    mckit_replace(ctx, n, &err) != SSTATE_EBUSY ||
		    mckit_remove(ctx, n, 1, &err) != SSTATE_EBUSY ||
		    mckit_remove(ctx, n, SSTATE_ANY_REV, &err) != SSTATE_EBUSY;
	}
	T(wrong == 0,
	    "R-99 a lost server costs its own keys alone, each EBUSY (%u)",
	    wrong);
	for (n = 0; n < KEYS; n++)
		if (at[n] == 1)
			wrong += where(n) != -1;
	T(wrong == 0, "R-26 and none of them went to another server");
	NEED(mckit_again(&k[1]) == 0, "it is back");
	for (n = 0; n < KEYS; n++)
		wrong += mckit_read(ctx, n, &err) !=
		    (at[n] == 1 ? SSTATE_ENOTFOUND : 0);
	T(wrong == 0, "its keys are not found then: they were in memory (%u)",
	    wrong);
	for (n = 0; n < KEYS; n++)
		if (at[n] == 1)
			wrong += mckit_make(ctx, n, CONFORM_LIVE, &err) != 0 ||
			    where(n) != 1;
	T(wrong == 0, "and new ones are made there, with the same context");
	for (i = 0; i < NODES; i++)
		server_kill(&k[i].s);
}

/* ---- Handles ---------------------------------------------------------- */

static memcached_st *
pool(void)
{
	memcached_st *m = memcached_create(NULL);

	(void)memcached_server_add_unix_socket(m, k[0].sock);
	return m;
}

/* Refused, with these words. */
static int
refused(memcached_st *m, const char *uri, int code, const char *words)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s = drv_store(d, uri, "app", m, &err);
	int good =
	    s == NULL && err.code == code && strstr(err.text, words) != NULL;

	if (!good)
		printf("# %d %s\n", err.code, err.text);
	sstate_store_close(s);
	return good;
}

static void
handles(void)
{
	memcached_st *m = pool();
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	memcached_return_t rc;
	uint32_t flags;
	size_t len;
	void *ctx;
	char *p;

	s = drv_store(d, "memcached:", "app", m, &err);
	NEED(s != NULL, "a store over a pool %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(mckit_make(ctx, 1, CONFORM_LIVE, &err) == 0 &&
		mckit_make(ctx, 1, CONFORM_LIVE, &err) == SSTATE_EEXIST,
	    "it is written to its servers %s", err.text);
	sstate_store_close(s);
	p = memcached_get(m, mckit_name(1), strlen(mckit_name(1)), &len, &flags,
	    &rc);
	T(p != NULL && len == 44, "and the pool is still the program's");
	free(p);

	T(refused(m, "memcached://127.0.0.1", SSTATE_EINVAL, "besides"),
	    "a handle and a place");
	(void)memcached_server_add(m, "192.0.2.1", 11211);
	T(refused(m, "memcached:", SSTATE_EUNSAFE, "TLS"),
	    "R-81 a server of it on another host");
	memcached_free(m);
	m = memcached_create(NULL);
	T(refused(m, "memcached:", SSTATE_EINVAL, "no host"), "an empty one");
	memcached_free(m);
	m = pool();
	(void)memcached_behavior_set(m, MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS, 1);
	T(refused(m, "memcached:", SSTATE_EUNSAFE, "moves keys"),
	    "R-26 one that ejects servers");
	memcached_free(m);
	m = pool();
	(void)memcached_behavior_set(m, MEMCACHED_BEHAVIOR_DISTRIBUTION,
	    MEMCACHED_DISTRIBUTION_RANDOM);
	T(refused(m, "memcached:", SSTATE_EINVAL, "random"),
	    "one that spreads at random");
	memcached_free(m);
}

int
main(void)
{
	struct sstate_error err;
	char uri[300];
	void *ctx;
	int i;

	for (i = 0; i < NODES; i++)
		mckit_start_at(&k[i], server_port(), NULL);
	(void)snprintf(uri, sizeof(uri),
	    "memcached://127.0.0.1:%d/?hosts=127.0.0.1:%d,127.0.0.1:%d",
	    k[0].port, k[1].port, k[2].port);
	NEED((ctx = mckit_open(uri, &err)) != NULL, "%s", err.text);
	lost(ctx);
	mckit_close(ctx);
	for (i = 0; i < NODES; i++)
		mckit_end(&k[i]);
	mckit_start(&k[0], NULL);
	handles();
	mckit_end(&k[0]);
	return tap_done();
}
