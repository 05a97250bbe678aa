/*
 * proto.h - the protocol, bare: the library's libsodium calls, and the file
 * store's system calls, on as many bytes; no parsing, no map, no checks of
 * times, owners or forms
 *
 * What remains when all that can be left out is left out: the floor beside
 * which the library is measured.  Not safe to use for anything else.
 */
#ifndef BENCH_PROTO_H
#define BENCH_PROTO_H

#include <stdint.h>

enum {
	PROTO_SID = 32,
	PROTO_LOC = 32,
	PROTO_CHK = 10,
	PROTO_HEAD = 64,
	PROTO_PLAIN = 768, /* the unit of work, padded */
	PROTO_REC = PROTO_HEAD + 24 + 32 + PROTO_PLAIN + 16,
	PROTO_SLOT = 1536, /* as the file store makes them */
	PROTO_SLOT_HEAD = 64,
	PROTO_PATH = 3 + 62 + 1
};

struct proto_id {
	uint8_t sid[PROTO_SID];
	uint8_t chk[PROTO_CHK];
};

/* One session while its request lasts. */
struct proto {
	struct proto_id id;
	uint8_t loc[PROTO_LOC];
	uint8_t plain[PROTO_PLAIN];
	uint8_t rec[PROTO_REC];
	/* of a file */
	char path[PROTO_PATH];
	int fd, at;
	uint64_t seq, dev, ino;
	uint8_t img[2 * PROTO_SLOT];
};

/* The check field of an id, and the locator that belongs to it. */
void proto_issue(struct proto_id *id, uint64_t seed);
/* 0 if the id's check holds; sets loc. */
int proto_token(struct proto *p, const struct proto_id *id);
/* rec to plain, and back with another salt; 0 or -1. */
int proto_open(struct proto *p, const uint8_t *rec);
void proto_seal(struct proto *p, const uint8_t salt[32]);

/* dir has 256 directories, "00" to "ff". */
int proto_dirs(int dir);
int proto_create(int dir, struct proto *p);
int proto_read(int dir, struct proto *p);
/* What was read: lock, name check, read, getrandom, write, close. */
int proto_write(int dir, struct proto *p, int sync, uint64_t change);

#endif
