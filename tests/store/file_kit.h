/*
 * file_kit.h - what the file store's tests share: contexts, keys, records
 *
 * Every function is static: a test includes this after tap.h.
 */
#ifndef FILE_KIT_H
#define FILE_KIT_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "store/conf.h"
#include "tap.h"

#define KIT __attribute__((unused)) static

extern const struct sstate_driver sstate_driver_v1_file;

static const struct sstate_driver *const drv = &sstate_driver_v1_file;

enum { KIT_BODY = 1 << 20, KIT_DIR = 256, KIT_PATH = 1024 };

struct got {
	int calls;
	int answer; /* what found() shall return */
	struct sstate_record rec;
	char body[KIT_BODY];
};

/* For a step whose failure shows later: some results must be looked at. */
KIT void
kit_may(long r)
{
	(void)r;
}

/* A new directory, 0700, below $TMPDIR. */
KIT void
kit_tmp(char *out, size_t max)
{
	const char *top = getenv("TMPDIR");

	(void)snprintf(out, max, "%s/sstate-file-XXXXXX",
	    top != NULL && top[0] == '/' ? top : "/tmp");
	if (mkdtemp(out) == NULL) {
		perror(out);
		exit(1);
	}
}

/* In memory where there is /dev/shm: for what does not look at the disk. */
KIT void
kit_tmp_fast(char *out, size_t max)
{
	(void)snprintf(out, max, "/dev/shm/sstate-file-XXXXXX");
	if (mkdtemp(out) == NULL)
		kit_tmp(out, max);
}

KIT int
kit_rm_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st;
	(void)type;
	(void)w;
	return remove(path);
}

KIT void
kit_rm(const char *dir)
{
	(void)nftw(dir, kit_rm_one, 16, FTW_DEPTH | FTW_PHYS);
}

KIT int
kit_open_flags(void **ctx, const char *dir, const char *params, uint32_t flags,
    struct sstate_error *err)
{
	static const struct hook hook = { NULL, NULL };
	struct sstate_conf *conf;
	char uri[PATH_MAX + 64];
	int r;

	*ctx = NULL;
	memset(err, 0, sizeof(*err));
	(void)snprintf(uri, sizeof(uri), "file:%s%s", dir, params);
	if ((r = conf_parse(&conf, uri, NULL, flags, "app", &hook, err)) != 0)
		return r;
	r = drv->open(ctx, conf, err);
	conf_free(conf);
	return r;
}

/* For tests of what comes after: a failure to open ends them. */
KIT void *
kit_open(const char *dir, const char *params)
{
	struct sstate_error err;
	void *ctx;

	if (kit_open_flags(&ctx, dir, params, 0, &err) != 0) {
		printf("Bail out! open %s%s: %s\n", dir, params, err.text);
		exit(1);
	}
	return ctx;
}

/* The n-th key: uniform enough, and always the same. */
KIT struct sstate_key
kit_key(uint64_t n, const char *ns)
{
	struct sstate_key key;
	uint64_t x = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
	size_t i;

	for (i = 0; i < sizeof(key.id); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		key.id[i] = (unsigned char)(x >> 24);
	}
	key.ns = ns;
	return key;
}

KIT struct sstate_record
kit_rec(uint64_t rev, const char *body, size_t len, int64_t expires)
{
	struct sstate_record rec = { 0 };

	rec.rev = rev;
	rec.body.ptr = body;
	rec.body.len = len;
	rec.expires = expires;
	return rec;
}

KIT void
kit_tag(struct sstate_record *rec, int user)
{
	memset(rec->tag, user, sizeof(rec->tag));
}

KIT int
kit_found(void *arg, const struct sstate_record *rec)
{
	struct got *g = arg;

	g->calls++;
	g->rec = *rec;
	memcpy(g->body, rec->body.ptr, rec->body.len);
	g->rec.body.ptr = g->body;
	return g->answer;
}

KIT int
kit_get(struct got *g, void *ctx, const struct sstate_key *key)
{
	struct sstate_error err = { 0 };

	g->calls = 0;
	g->answer = 0;
	return drv->get(ctx, key, kit_found, g, &err);
}

/* Path of a record: out has KIT_PATH bytes. */
KIT void
kit_path(char *out, const char *dir, const struct sstate_key *key)
{
	size_t n, i;

	(void)snprintf(out, KIT_PATH, "%.255s/n.%.32s/%02x/", dir, key->ns,
	    key->id[0]);
	for (n = strlen(out), i = 1; i < sizeof(key->id); i++, n += 2)
		(void)snprintf(out + n, KIT_PATH - n, "%02x", key->id[i]);
}

/* Descriptors of this process. */
KIT int
kit_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
