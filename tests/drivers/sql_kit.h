/*
 * sql_kit.h - what the tests of mysql: and pgsql: do alike
 *
 *	sql_refuses(d, uri, SSTATE_EUNSAFE, "word");
 *	sql_opens(d, uri);
 *	sql_at_once(d, uri);	tables are made once
 *	sql_forked(d, uri, peer);
 *	sql_idle(d, uri, hang_up);
 *
 * peer() tells who at the server serves the driver, 0: nobody; hang_up() ends
 * that one.
 */
#ifndef SQL_KIT_H
#define SQL_KIT_H

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"

/* A URI from its parts. */
__attribute__((format(printf, 1, 2), unused)) static const char *
sql_uri(const char *fmt, ...)
{
	static char out[4][400];
	static int i;
	va_list ap;

	i = (i + 1) % 4;
	va_start(ap, fmt);
	(void)vsnprintf(out[i], sizeof(out[i]), fmt, ap);
	va_end(ap);
	return out[i];
}

__attribute__((unused)) static struct sstate_store *
sql_store(const struct sstate_driver *d, const char *u,
    struct sstate_error *err)
{
	memset(err, 0, sizeof(*err));
	return drv_store(d, u, "app", NULL, err);
}

/* one line, the right code, a word that helps, no password. */
__attribute__((unused)) static void
sql_refuses(const struct sstate_driver *d, const char *u, int code,
    const char *word)
{
	struct sstate_error err;
	struct sstate_store *s = sql_store(d, u, &err);
	size_t n = strlen(d->scheme);

	T(s == NULL && err.code == code && strstr(err.text, word) != NULL &&
		strncmp(err.text, d->scheme, n) == 0 &&
		strncmp(err.text + n, ": ", 2) == 0 &&
		strchr(err.text, '\n') == NULL &&
		strstr(err.text, "sesame") == NULL,
	    "R-99 %s: %d %s", u, err.code, err.text);
	sstate_store_close(s);
}

__attribute__((unused)) static void
sql_opens(const struct sstate_driver *d, const char *u)
{
	struct sstate_error err;
	struct sstate_store *s = sql_store(d, u, &err);

	T(s != NULL, "%s opens: %d %s", u, err.code, err.text);
	sstate_store_close(s);
}

/* Six programs that start at once make the tables once. */
__attribute__((unused)) static void
sql_at_once(const struct sstate_driver *d, const char *u)
{
	struct sstate_error err;
	struct sstate_store *s;
	pid_t pid[6];
	int i, st, bad = 0;

	for (i = 0; i < 6; i++) {
		(void)fflush(stdout);
		if ((pid[i] = fork()) == 0) {
			s = sql_store(d, u, &err);
			if (s == NULL)
				printf("# %d %s\n", err.code, err.text);
			(void)fflush(stdout);
			sstate_store_close(s);
			_exit(s == NULL);
		}
	}
	for (i = 0; i < 6; i++)
		bad += waitpid(pid[i], &st, 0) != pid[i] || st != 0;
	T(bad == 0, "six at once make the tables (%d failed)", bad);
}

/* Record n of a namespace. */
__attribute__((unused)) static int
sql_create(const struct sstate_driver *d, void *ctx, const char *ns, uint64_t n,
    struct sstate_error *err)
{
	struct sstate_key key = conform_key(ns, n);
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);

	memset(err, 0, sizeof(*err));
	return d->create(ctx, &key, &rec, err);
}

/* For each(): stops with 77 at the n[1]th; n[0] counts. */
__attribute__((unused)) static int
sql_count(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	unsigned *n = arg;

	(void)key;
	(void)rec;
	return ++n[0] == n[1] ? 77 : 0;
}

/*
 * A child that abandons, or dies, says nothing on the parent's connection:
 * a good-bye would end who serves it.
 */
__attribute__((unused)) static void
sql_forked(const struct sstate_driver *d, const char *u, int (*peer)(void))
{
	const struct timespec nap = { 0, 10000000 };
	struct sstate_error err;
	struct sstate_store *s;
	int i, st, before;
	void *ctx;
	pid_t pid;

	NEED((s = sql_store(d, u, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	NEED(sql_create(d, ctx, "app", 1, &err) == 0, "in use");
	before = peer();
	for (i = 0; i < 3; i++) {
		(void)fflush(stdout);
		if ((pid = fork()) == 0) {
			d->abandon(ctx);
			_exit(0);
		}
		st = -1;
		T(waitpid(pid, &st, 0) == pid && st == 0, "a child abandons");
		T(sql_create(d, ctx, "app", 2 + (uint64_t)i, &err) == 0 &&
			peer() == before && before > 0,
		    "the parent talks to the same one (%d)", before);
	}
	sstate_store_close(s);
	for (i = 0; i < 500 && peer() != 0; i++)
		(void)nanosleep(&nap, NULL);
	T(peer() == 0, "a close says good-bye");
}

/* Closed while nobody used it: the next write is none the worse. */
__attribute__((unused)) static void
sql_idle(const struct sstate_driver *d, const char *u, void (*hang_up)(void))
{
	struct sstate_error err;
	struct sstate_store *s;
	unsigned i, bad = 0;
	void *ctx;

	NEED((s = sql_store(d, u, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	for (i = 0; i < 10; i++) {
		hang_up();
		bad += sql_create(d, ctx, "app", 100 + i, &err) != 0;
	}
	T(bad == 0, "a write after the server hung up: %u failed, %s", bad,
	    err.text);
	sstate_store_close(s);
}

#endif
