/*
 * cmd_repair.c - securestate check --repair: a file: store after a crash, or
 * copied from elsewhere
 *
 * Every record is looked at and entered into the index by which it expires;
 * what has expired and old temporary files go.  What is no file of the
 * store's user alone is told, and left as it is.
 */
#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

/* A slice of reaping passes one of these at least, or removes LIMIT. */
enum { SUBS = 256, LIMIT = 1000, SHOWN = 20 };

struct found {
	uint64_t files, foreign;
};

/* Whoever can read or write it beside the user is a stranger. */
static const char *
foreign(const FTSENT *e, uid_t uid)
{
	const struct stat *st = e->fts_statp;

	if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR ||
	    e->fts_info == FTS_NS)
		return "cannot be read";
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return "is neither a file nor a directory";
	if (st->st_uid != uid)
		return "is another user's";
	if ((st->st_mode & 077) != 0)
		return "is open to others";
	return NULL;
}

/* Without its own name: where the store lies is no news. */
static int
look(struct found *f, char *dir, uid_t uid, int show)
{
	char *dirs[] = { dir, NULL };
	const char *why, *name;
	size_t n = strlen(dir);
	FTSENT *e;
	FTS *fts;

	memset(f, 0, sizeof(*f));
	if ((fts = fts_open(dirs, FTS_PHYSICAL | FTS_NOCHDIR, NULL)) == NULL)
		return -1;
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_DP)
			continue;
		f->files += e->fts_info == FTS_F;
		if ((why = foreign(e, uid)) == NULL)
			continue;
		name = e->fts_path[n] == '/' ? e->fts_path + n + 1 : ".";
		if (f->foreign++ < SHOWN && show)
			printf("foreign: %s %s\n", name, why);
	}
	(void)fts_close(fts);
	return 0;
}

static int
one(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(uint64_t *)arg;
	return 0;
}

static int
slices(const struct tool *t, struct sstate_store *s, uint64_t *removed,
    uint64_t *live, struct sstate_error *err)
{
	const struct sstate_driver *d;
	uint64_t n;
	void *ctx;
	int i, r;

	d = sstate_store_driver(s, &ctx);
	for (i = 0; i < SUBS;) {
		r = d->reap(&n, ctx, tool_ns(t), (int64_t)time(NULL), LIMIT,
		    err);
		*removed += n;
		if (r != 0)
			return r;
		if (n < LIMIT)
			i++;
		tool_progress(t, (uint64_t)i, SUBS);
	}
	tool_progress_end();
	return d->each(ctx, tool_ns(t), NULL, one, live, err);
}

int
cmd_repair(const struct tool *t)
{
	struct sstate_error err = { 0, 0, "" };
	struct found before, after;
	uint64_t removed = 0, live = 0;
	const char *uri = t->uris[0];
	char dir[4096], with[4200];
	struct sstate_store *s;
	struct stat st;
	int r;

	if (strncmp(uri, "file:/", 6) != 0 || t->nuris != 1)
		return tool_usage(t, "--repair takes file:/DIR");
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)strcspn(uri + 5, "?"),
	    uri + 5);
	if (strchr(dir, '%') != NULL || strlen(uri) >= sizeof(dir))
		return tool_usage(t, "--repair takes a plain path");
	if (stat(dir, &st) != 0) {
		(void)sstate_fail(&err, SSTATE_ESYS, errno, "file: %.160s",
		    dir);
		return tool_failed(t, SSTATE_ESYS, &err);
	}
	(void)snprintf(with, sizeof(with), "%s%cscan=1", uri,
	    strchr(uri, '?') != NULL ? '&' : '?');
	if ((r = tool_store(&s, t, with, SSTATE_NO_CREATE, &err)) != 0)
		return tool_failed(t, r, &err);
	(void)look(&before, dir, st.st_uid, 1);
	r = slices(t, s, &removed, &live, &err);
	sstate_store_close(s);
	(void)look(&after, dir, st.st_uid, 0);
	printf("%llu records, indexed; %llu expired, removed; %llu files "
	       "before, %llu after; %llu foreign\n",
	    (unsigned long long)live, (unsigned long long)removed,
	    (unsigned long long)before.files, (unsigned long long)after.files,
	    (unsigned long long)after.foreign);
	return r != 0 ? tool_failed(t, r, &err) : TOOL_OK;
}
