/*
 * dump_test.c - R-10: whoever has all of a store has no session
 *
 * Sessions are made through the public interface; then every byte that the
 * store holds is searched for what the client holds and for what was kept,
 * and everything found in it is presented as a token.
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <securestate/store.h>

#include "store/conf.h"
#include "tap.h"

extern const struct sstate_driver sstate_driver_v1_memory;

enum { SESSIONS = 20, TOKEN = 60, RAW = 45 };

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* All bytes of the store, and names of its files, behind one another. */
static struct {
	unsigned char *p;
	size_t len;
	unsigned char id[256][SSTATE_ID_BYTES];
	size_t ids;
} dump;

static void
dump_add(const void *p, size_t n)
{
	if ((dump.p = realloc(dump.p, dump.len + n + 1)) == NULL)
		abort();
	memcpy(dump.p + dump.len, p, n);
	dump.len += n;
}

static int
dump_record(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	(void)arg;
	dump_add(key->id, sizeof(key->id));
	dump_add(rec->body.ptr, rec->body.len);
	dump_add(rec->tag, sizeof(rec->tag));
	if (dump.ids < 256)
		memcpy(dump.id[dump.ids++], key->id, sizeof(key->id));
	return 0;
}

static void
dump_memory(const char *uri)
{
	struct sstate_conf *conf;
	void *ctx = NULL;

	NEED(conf_parse(&conf, uri, NULL, 0, "default", NULL, NULL) == 0 &&
		sstate_driver_v1_memory.open(&ctx, conf, NULL) == 0,
	    "a look into %s", uri);
	conf_free(conf);
	(void)sstate_driver_v1_memory.each(ctx, "dump", NULL, dump_record, NULL,
	    NULL);
	sstate_driver_v1_memory.close(ctx);
}

static unsigned
hexdigits(const char *s)
{
	return (unsigned)strspn(s, "0123456789abcdef");
}

static int
dump_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;
	char both[80], buf[4096];
	FILE *f;
	size_t n, i;
	unsigned v;

	(void)st;
	dump_add(path, strlen(path) + 1);
	if (type != FTW_F || (f = fopen(path, "rb")) == NULL)
		return 0;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		dump_add(buf, n);
	(void)fclose(f);
	if (hexdigits(name) != 62 || dump.ids == 256)
		return 0;
	/* 2 + 62 digits are a key (F-06). */
	(void)snprintf(both, sizeof(both), "%.2s%.62s", name - 3, name);
	for (i = 0; i < SSTATE_ID_BYTES; i++) {
		if (sscanf(both + 2 * i, "%2x", &v) != 1)
			return 0;
		dump.id[dump.ids][i] = (unsigned char)v;
	}
	dump.ids++;
	return 0;
}

static int
rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
unbase64(unsigned char *out, const char *text)
{
	unsigned bits = 0;
	size_t i, n = 0;

	for (i = 0; i < TOKEN; i++) {
		bits = bits << 6 |
		    (unsigned)(strchr(alphabet, text[i]) - alphabet);
		if (i % 4 == 3) {
			out[n++] = (unsigned char)(bits >> 16);
			out[n++] = (unsigned char)(bits >> 8);
			out[n++] = (unsigned char)bits;
		}
	}
}

static void
base64(char *out, const unsigned char *p, size_t n)
{
	size_t i, bit, k = 0;
	int v;

	for (bit = 0; bit < 8 * n; bit += 6) {
		for (i = bit, v = 0; i < bit + 6; i++)
			v = v << 1 |
			    (i < 8 * n ? p[i / 8] >> (7 - i % 8) & 1 : 0);
		out[k++] = alphabet[v];
	}
	out[k] = '\0';
}

static void
hex(char *out, const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static int
holds(const void *p, size_t n)
{
	return memmem(dump.p, dump.len, p, n) != NULL;
}

/* Any 8 bytes of an id in a row, raw, or any 12 letters of it as text. */
static int
leaks(const char *token)
{
	unsigned char raw[RAW];
	char text[2 * RAW + 1];
	size_t i;

	unbase64(raw, token);
	hex(text, raw, RAW);
	for (i = 2; i + 8 <= RAW; i++)
		if (holds(raw + i, 8) || holds(text + 2 * i, 16))
			return 1;
	for (i = 4; i + 12 <= TOKEN; i++)
		if (holds(token + i, 12))
			return 1;
	return 0;
}

static int
opens(struct sstate *env, const char *token)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	int r;

	how.flags = SSTATE_MUST_EXIST;
	web.token.ptr = token;
	web.token.len = strlen(token);
	r = sstate_begin(&s, env, &how, &web, NULL);
	sstate_free(s);
	return r == 0;
}

static int
born(char *token, struct sstate *env, unsigned n)
{
	struct sstate_session *s;
	char user[40], secret[64];
	int r;

	if (sstate_begin(&s, env, NULL, NULL, NULL) != 0)
		return 1;
	(void)snprintf(user, sizeof(user), "marzipan-user-%u", n % 3);
	(void)snprintf(secret, sizeof(secret), "gingerbread-value-%u", n);
	(void)sstate_login(s, user);
	(void)sstate_setstr(s, SSTATE_STORED, "cinnamon-name", secret);
	if ((r = sstate_commit(s)) == 0)
		(void)snprintf(token, TOKEN + 1, "%s", sstate_token(s));
	sstate_free(s);
	return r;
}

/* A key, in whatever dress, is not a token. */
static int
accepted(struct sstate *env, const char *token)
{
	unsigned char raw[RAW];
	char text[128];
	size_t i;
	int n = 0;

	unbase64(raw, token);
	for (i = 0; i < dump.ids; i++) {
		base64(text, dump.id[i], SSTATE_ID_BYTES);
		n += opens(env, text);
		hex(text, dump.id[i], SSTATE_ID_BYTES);
		n += opens(env, text);
		/* In the id's place, between a real token's head and check. */
		memcpy(raw + 3, dump.id[i], SSTATE_ID_BYTES);
		base64(text, raw, RAW);
		n += opens(env, text);
	}
	return n;
}

static void
scan(const char *uri, const char *ring, const char *dir)
{
	static const char *const kept[] = { "marzipan", "gingerbread",
		"cinnamon" };
	const char *stores[] = { uri, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	char token[SESSIONS][TOKEN + 1];
	struct sstate *env;
	unsigned i, wrong = 0;

	free(dump.p);
	memset(&dump, 0, sizeof(dump));
	o.stores = stores;
	o.keyring = ring;
	o.flags = SSTATE_CARRY_OWN;
	o.ns = "dump";
	NEED(sstate_open(&env, &o, &err) == 0, "%s opens: %s", uri, err.text);
	for (i = 0; i < SESSIONS; i++)
		wrong += born(token[i], env, i) != 0 || !opens(env, token[i]);
	NEED(wrong == 0, "%d sessions", SESSIONS);
	if (dir == NULL)
		dump_memory(uri);
	else
		(void)nftw(dir, dump_file, 16, FTW_PHYS);
	T(dump.ids == SESSIONS && dump.len > SESSIONS * 100,
	    "the store's %zu records, %zu bytes", dump.ids, dump.len);
	for (i = 0; i < SESSIONS; i++)
		wrong += (unsigned)leaks(token[i]);
	T(wrong == 0, "R-10 no part of an id is in the store (%u)", wrong);
	for (i = 0; i < 3; i++)
		T(!holds(kept[i], strlen(kept[i])),
		    "R-71 nor a user, a name or a value: %s", kept[i]);
	T(accepted(env, token[0]) == 0, "R-10 no store key passes for an id");
	T(opens(env, token[0]), "the token itself does");
	sstate_close(env);
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	char top[256], dir[300], ring[300], uri[320];

	(void)snprintf(top, sizeof(top), "%s/sstate-dump-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	NEED(mkdtemp(top) != NULL, "a directory of our own");
	(void)snprintf(dir, sizeof(dir), "%s/states", top);
	(void)snprintf(ring, sizeof(ring), "%s/ring", top);
	(void)snprintf(uri, sizeof(uri), "file:%s", dir);
	scan("memory:dump", ring, NULL);
	scan(uri, ring, dir);
	free(dump.p);
	(void)nftw(top, rm, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
