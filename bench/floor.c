/*
 * floor.c - the unit of work without the library: what nobody can beat
 *
 *	bench_floor none|data|raw DIR	files: the protocol's system calls
 *	bench_floor crypto		in memory: its libsodium calls alone
 *
 * raw is one write in place and fdatasync, without any protocol.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto.h"
#include "speak.h"

struct bare {
	int dir, sync, raw;
	struct proto_id *ids;
	uint8_t (*mem)[PROTO_REC]; /* crypto: the records */
	uint64_t n, seed;
	struct proto p;
};

static void
make_crypto(struct bare *b, uint64_t i)
{
	uint8_t salt[32] = { 0 };

	memcpy(salt, &i, sizeof(i));
	memset(b->p.rec, 0, PROTO_HEAD);
	proto_seal(&b->p, salt);
	memcpy(b->mem[i], b->p.rec, PROTO_REC);
}

static void
verb_make(void *arg, uint64_t n)
{
	struct bare *b = arg;
	uint64_t t, i;

	b->n = n;
	if ((b->ids = calloc(n, sizeof(*b->ids))) == NULL)
		speak_die("memory");
	if (b->dir >= 0 ? proto_dirs(b->dir) != 0
			: (b->mem = calloc(n, sizeof(*b->mem))) == NULL)
		speak_die("make");
	t = speak_ns();
	for (i = 0; i < n; i++) {
		proto_issue(&b->ids[i], i + 1);
		(void)proto_token(&b->p, &b->ids[i]);
		memset(b->p.plain, (int)(i & 127), PROTO_PLAIN);
		if (b->dir < 0)
			make_crypto(b, i);
		else if (proto_create(b->dir, &b->p) != 0)
			speak_die("create");
	}
	speak_say(speak_ns() - t, 0);
}

__attribute__((noinline)) static int
one_read(struct bare *b, uint64_t i)
{
	int r;

	if (proto_token(&b->p, &b->ids[i]) != 0)
		return -1;
	if (b->dir < 0)
		return proto_open(&b->p, b->mem[i]);
	r = proto_read(b->dir, &b->p);
	return close(b->p.fd) == 0 ? r : -1;
}

static int
one_raw(struct bare *b, uint64_t i)
{
	const size_t n = PROTO_SLOT_HEAD + PROTO_REC;
	int fd, r = -1;

	(void)proto_token(&b->p, &b->ids[i]);
	fd = openat(b->dir, b->p.path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (pwrite(fd, b->p.img, n, PROTO_SLOT) == (ssize_t)n &&
	    fdatasync(fd) == 0)
		r = 0;
	return close(fd) == 0 ? r : -1;
}

/* The same without system calls: a salt is counted, not drawn. */
static int
one_crypto(struct bare *b, struct proto *p, uint64_t i, uint64_t change)
{
	uint8_t salt[32] = { 0 };

	if (proto_token(p, &b->ids[i]) != 0 || proto_open(p, b->mem[i]) != 0)
		return -1;
	memcpy(p->plain + 300, &change, sizeof(change));
	memcpy(salt, &change, sizeof(change));
	proto_seal(p, salt);
	memcpy(b->mem[i], p->rec, PROTO_REC);
	return 0;
}

__attribute__((noinline)) static int
one_cycle(struct bare *b, uint64_t i, uint64_t change)
{
	if (b->raw)
		return one_raw(b, i);
	if (b->dir < 0)
		return one_crypto(b, &b->p, i, change);
	if (proto_token(&b->p, &b->ids[i]) != 0 ||
	    proto_read(b->dir, &b->p) != 0)
		return -1;
	return proto_write(b->dir, &b->p, b->sync, change);
}

static void
verb_read(void *arg, uint64_t n)
{
	struct bare *b = arg;
	uint64_t t = speak_ns();

	for (; n > 0; n--)
		if (one_read(b, speak_pick(&b->seed, b->n)) != 0)
			speak_die("read");
	speak_say(speak_ns() - t, 0);
}

static void
verb_cycle(void *arg, uint64_t n)
{
	struct bare *b = arg;
	uint64_t t = speak_ns();

	for (; n > 0; n--)
		if (one_cycle(b, speak_pick(&b->seed, b->n), b->seed) != 0)
			speak_die("cycle");
	speak_say(speak_ns() - t, 0);
}

/* Two threads, each with one half of the records: nothing is shared. */
struct half {
	struct bare *b;
	uint64_t n, seed, from;
	struct proto p;
};

static void *
half(void *arg)
{
	struct half *h = arg;
	uint64_t k;

	for (k = 0; k < h->n; k++)
		if (one_crypto(h->b, &h->p,
			h->from + speak_pick(&h->seed, h->b->n / 2),
			h->seed) != 0)
			speak_die("cycle2");
	return NULL;
}

static void
verb_cycle2(void *arg, uint64_t n)
{
	static struct half h[2];
	struct bare *b = arg;
	uint64_t t = speak_ns();
	pthread_t other;
	int i;

	for (i = 0; i < 2; i++) {
		h[i].b = b;
		h[i].n = n;
		h[i].seed = 11 + (uint64_t)i;
		h[i].from = (uint64_t)i * (b->n / 2);
	}
	if (pthread_create(&other, NULL, half, &h[0]) != 0)
		speak_die("thread");
	(void)half(&h[1]);
	(void)pthread_join(other, NULL);
	speak_say(speak_ns() - t, 0);
}

/* The last n files, by their names: the delete itself. */
static void
verb_unlink(void *arg, uint64_t n)
{
	struct bare *b = arg;
	uint64_t t = speak_ns();

	if (n >= b->n)
		speak_die("unlink");
	for (; n > 0; n--) {
		(void)proto_token(&b->p, &b->ids[--b->n]);
		if (unlinkat(b->dir, b->p.path, 0) != 0)
			speak_die("unlink");
	}
	speak_say(speak_ns() - t, 0);
}

int
main(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "make", verb_make },
		{ "read", verb_read },
		{ "cycle", verb_cycle },
		{ "cycle2", verb_cycle2 },
		{ "unlink", verb_unlink },
	};
	static struct bare b;

	if (argc < 2 || sodium_init() < 0) {
		(void)fputs("usage: bench_floor none|data|raw|crypto [DIR]\n",
		    stderr);
		return 2;
	}
	b.dir = -1;
	b.sync = strcmp(argv[1], "data") == 0;
	b.raw = strcmp(argv[1], "raw") == 0;
	if (argc > 2 &&
	    (b.dir = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		speak_die(argv[2]);
	return speak_loop(verbs, sizeof(verbs) / sizeof(verbs[0]), &b);
}
