/*
 * kit.h - what the session tests share: a clock set by hand, a folder of
 * one's own, requests and answers in a line each
 *
 * Public headers only, so that nothing here knows how the library does it.
 */
#ifndef KIT_H
#define KIT_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <securestate.h>

#include "../long.h"

#define KIT __attribute__((unused)) static

/* Under a sanitizer. */
#ifdef SSTATE_REPORTS
#define KIT_SLOW 1
#else
#define KIT_SLOW 0
#endif

enum { KIT_TOKEN = 60, KIT_LOGS = 64, KIT_START = 1000000000 };

/* One environment's options, hooks and what the hooks saw. */
struct kit {
	struct sstate_options o;
	const char *stores[4];
	int64_t clock;
	size_t nlogs;
	char logs[KIT_LOGS][248];
};

/* Rounds: under a sanitizer a tenth, but one at least; more for long. */
KIT unsigned
kit_scale(unsigned n)
{
	n *= test_long();
	if (!KIT_SLOW)
		return n;
	return n / 10 != 0 ? n / 10 : 1;
}

KIT int64_t
kit_now(void *arg)
{
	return ((struct kit *)arg)->clock;
}

KIT void
kit_log(void *arg, int level, const struct sstate_error *what)
{
	struct kit *k = arg;

	(void)level;
	if (k->nlogs < KIT_LOGS)
		(void)snprintf(k->logs[k->nlogs++], sizeof(k->logs[0]), "%s",
		    what->text);
}

KIT int
kit_logged(const struct kit *k, const char *word)
{
	size_t i;

	for (i = 0; i < k->nlogs; i++)
		if (strcasestr(k->logs[i], word) != NULL)
			return 1;
	return 0;
}

/* Own carrier, memory: by name NULL, a clock that stands still. */
KIT void
kit_init(struct kit *k, const char *store)
{
	static const struct sstate_options init = SSTATE_OPTIONS_INIT;

	memset(k, 0, sizeof(*k));
	k->o = init;
	k->stores[0] = store != NULL ? store : "memory:";
	k->o.stores = k->stores;
	k->o.flags = SSTATE_CARRY_OWN;
	k->clock = KIT_START;
	k->o.arg = k;
	k->o.now = kit_now;
	k->o.log = kit_log;
}

KIT struct sstate *
kit_open(struct kit *k)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate *env;

	if (sstate_open(&env, &k->o, &err) != 0) {
		printf("# open: %d %s\n", err.code, err.text);
		return NULL;
	}
	return env;
}

/* ---- One request ----------------------------------------------------- */

KIT int
kit_begin(struct sstate_session **s, struct sstate *env, const char *token,
    uint32_t flags)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;

	how.flags = flags;
	if (token != NULL) {
		web.token.ptr = token;
		web.token.len = strlen(token);
	}
	return sstate_begin(s, env, &how, &web, NULL);
}

/* Copies the token; an empty string if there is none. */
KIT void
kit_token(char out[KIT_TOKEN + 1], struct sstate_session *s)
{
	const char *t = sstate_token(s);

	(void)snprintf(out, KIT_TOKEN + 1, "%s", t != NULL ? t : "");
}

/* A session that holds one value (and a user), committed. */
KIT int
kit_make(char token[KIT_TOKEN + 1], struct sstate *env, const char *name,
    const char *value, const char *user)
{
	struct sstate_session *s;
	int r;

	token[0] = '\0';
	if ((r = kit_begin(&s, env, NULL, 0)) != 0)
		return r;
	sstate_setstr(s, SSTATE_STORED, name, value);
	if (user != NULL)
		sstate_login(s, user);
	if ((r = sstate_commit(s)) == 0)
		kit_token(token, s);
	sstate_free(s);
	return r;
}

/* 0 if the token opens a session. */
KIT int
kit_opens(struct sstate *env, const char *token)
{
	struct sstate_session *s;
	int r;

	r = kit_begin(&s, env, token, SSTATE_MUST_EXIST);
	sstate_free(s);
	return r;
}

/* The number under name in the token's session; -1 if not there. */
KIT int64_t
kit_int(struct sstate *env, const char *token, const char *name)
{
	struct sstate_session *s;
	int64_t v = -1;

	if (kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0)
		v = sstate_int(s, SSTATE_STORED, name, 0, INT64_MAX, -1);
	sstate_free(s);
	return v;
}

/* Set one number under the token and commit. */
KIT int
kit_put(struct sstate *env, const char *token, const char *name, int64_t v)
{
	struct sstate_session *s;
	int r;

	if ((r = kit_begin(&s, env, token, SSTATE_MUST_EXIST)) == 0) {
		sstate_setint(s, SSTATE_STORED, name, v);
		r = sstate_commit(s);
	}
	sstate_free(s);
	return r;
}

KIT int
kit_is(struct sstate_session *s, const char *name, const char *value)
{
	const char *v = sstate_str(s, SSTATE_STORED, name);

	if (value == NULL)
		return v == NULL;
	return v != NULL && strcmp(v, value) == 0;
}

/* ---- Cookies --------------------------------------------------------- */

struct kit_heads {
	unsigned n, cookies;
	char cookie[512]; /* the last Set-Cookie, whole */
	char pair[256]; /* name=value of it */
	char value[128];
	int clear; /* Clear-Site-Data seen */
};

KIT void
kit_head(void *arg, const char *name, const char *value)
{
	struct kit_heads *h = arg;
	const char *eq;

	h->n++;
	if (strcasecmp(name, "Clear-Site-Data") == 0)
		h->clear = 1;
	if (strcasecmp(name, "Set-Cookie") != 0)
		return;
	h->cookies++;
	(void)snprintf(h->cookie, sizeof(h->cookie), "%s", value);
	(void)snprintf(h->pair, sizeof(h->pair), "%.*s",
	    (int)strcspn(value, ";"), value);
	eq = strchr(h->pair, '=');
	(void)snprintf(h->value, sizeof(h->value), "%s",
	    eq != NULL ? eq + 1 : "");
}

KIT void
kit_headers(struct kit_heads *h, struct sstate_session *s)
{
	memset(h, 0, sizeof(*h));
	sstate_headers(s, kit_head, h);
}

KIT const char *
kit_cookie(void *arg, const char *name)
{
	return strcasecmp(name, "Cookie") == 0 ? arg : NULL;
}

/* pair is "name=token" as kit_headers() found it, or NULL. */
KIT int
kit_visit(struct sstate_session **s, struct sstate *env, char *pair,
    uint32_t flags)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;

	how.flags = flags;
	web.header = kit_cookie;
	web.arg = pair;
	return sstate_begin(s, env, &how, &web, NULL);
}

/* ---- Folders --------------------------------------------------------- */

KIT int
kit_unlink_(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

KIT void
kit_remove(const char *path)
{
	(void)nftw(path, kit_unlink_, 16, FTW_DEPTH | FTW_PHYS);
}

static char kit_made[256];
static pid_t kit_maker;

/* Also after a NEED that failed; a child's exit removes nothing. */
KIT void
kit_sweep(void)
{
	if (kit_maker == getpid())
		kit_remove(kit_made);
}

/* out has 256 bytes or more; exits if there can be none. */
KIT void
kit_folder(char out[256])
{
	const char *t = getenv("TMPDIR");

	(void)snprintf(out, 256, "%s/sstate-XXXXXX",
	    t != NULL && *t != '\0' ? t : "/tmp");
	if (mkdtemp(out) == NULL) {
		perror(out);
		exit(2);
	}
	(void)snprintf(kit_made, sizeof(kit_made), "%s", out);
	kit_maker = getpid();
	(void)atexit(kit_sweep);
}

/* Entries that are no directories, below path. */
KIT unsigned
kit_files(const char *path)
{
	char sub[1024];
	struct dirent *e;
	struct stat st;
	unsigned n = 0;
	DIR *d;

	if ((d = opendir(path)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (lstat(sub, &st) == 0)
			n += S_ISDIR(st.st_mode) ? kit_files(sub) : 1;
	}
	(void)closedir(d);
	return n;
}

#endif
