/*
 * proto.c - the protocol, bare: the floor beside which the library stands
 */
#include "proto.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum { AT_SALT = 64, AT_CM = 88, AT_CT = 120, NS = 7 };

/* Of linux/openat2.h: no other device, no links, not above. */
struct how {
	uint64_t flags, mode, resolve;
};

static const struct how how = { O_RDWR | O_NOATIME | O_NOFOLLOW | O_CLOEXEC |
	    O_NONBLOCK | O_NOCTTY,
	0, 0x0f };
static const uint8_t key_tok[32] = { 1, 2, 3 }, key_dat[32] = { 4, 5, 6 };

/* lp("tok") || lp(ns) || lp(suite, kid, cls, sid) */
static void
locate(uint8_t out[64], const uint8_t sid[PROTO_SID])
{
	uint8_t in[8 + 3 + 8 + NS + 8 + 3 + PROTO_SID] = "tok";

	memcpy(in + sizeof(in) - PROTO_SID, sid, PROTO_SID);
	(void)crypto_generichash(out, 64, in, sizeof(in), key_tok,
	    sizeof(key_tok));
}

void
proto_issue(struct proto_id *id, uint64_t seed)
{
	uint8_t out[64];

	memset(id, 0, sizeof(*id));
	memcpy(id->sid, &seed, sizeof(seed));
	locate(out, id->sid);
	memcpy(id->chk, out + PROTO_LOC, PROTO_CHK);
}

int
proto_token(struct proto *p, const struct proto_id *id)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t out[64];
	int i, at = 0;

	p->id = *id;
	locate(out, id->sid);
	memcpy(p->loc, out, PROTO_LOC);
	for (i = 0; i < PROTO_LOC; i++) {
		p->path[at++] = digits[out[i] >> 4];
		p->path[at++] = digits[out[i] & 15];
		if (i == 0)
			p->path[at++] = '/';
	}
	p->path[at] = '\0';
	return sodium_memcmp(out + PROTO_LOC, id->chk, PROTO_CHK);
}

/* lp("rec") || lp(ns) || lp(sid) || lp("") || lp(salt || loc || hdr) */
static void
derive(uint8_t okm[64], const struct proto *p, const uint8_t *rec)
{
	uint8_t in[8 + 3 + 8 + NS + 8 + PROTO_SID + 8 + 8 + 24 + PROTO_LOC +
	    PROTO_HEAD] = "rec";
	uint8_t *q = in + sizeof(in) - PROTO_HEAD;

	memcpy(q, rec, PROTO_HEAD);
	memcpy(q -= PROTO_LOC, p->loc, PROTO_LOC);
	memcpy(q -= 24, rec + AT_SALT, 24);
	memcpy(q -= 16 + PROTO_SID, p->id.sid, PROTO_SID);
	(void)crypto_generichash(okm, 64, in, sizeof(in), key_dat,
	    sizeof(key_dat));
}

static size_t
associate(uint8_t aad[8 + NS + PROTO_LOC + PROTO_HEAD], const struct proto *p,
    const uint8_t *rec)
{
	memset(aad, 7, 8 + NS);
	memcpy(aad + 8 + NS, p->loc, PROTO_LOC);
	memcpy(aad + 8 + NS + PROTO_LOC, rec, PROTO_HEAD);
	return 8 + NS + PROTO_LOC + PROTO_HEAD;
}

int
proto_open(struct proto *p, const uint8_t *rec)
{
	uint8_t okm[64], aad[8 + NS + PROTO_LOC + PROTO_HEAD];
	size_t na;

	derive(okm, p, rec);
	na = associate(aad, p, rec);
	if (sodium_memcmp(okm + 32, rec + AT_CM, 32) != 0)
		return -1;
	memcpy(p->rec, rec, PROTO_HEAD);
	return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(p->plain,
	    NULL, rec + AT_CT, PROTO_PLAIN, rec + AT_CT + PROTO_PLAIN, aad, na,
	    rec + AT_SALT, okm);
}

void
proto_seal(struct proto *p, const uint8_t salt[32])
{
	uint8_t okm[64], aad[8 + NS + PROTO_LOC + PROTO_HEAD], *rec = p->rec;
	size_t na;

	memcpy(rec + 40, salt + 24, 3);
	memcpy(rec + AT_SALT, salt, 24);
	derive(okm, p, rec);
	na = associate(aad, p, rec);
	memcpy(rec + AT_CM, okm + 32, 32);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(rec + AT_CT,
	    rec + AT_CT + PROTO_PLAIN, NULL, p->plain, PROTO_PLAIN, aad, na,
	    NULL, salt, okm);
}

/* ---- Files ------------------------------------------------------------ */

int
proto_dirs(int dir)
{
	char name[8];
	int i;

	for (i = 0; i < 256; i++) {
		(void)snprintf(name, sizeof(name), "%02x", (unsigned)i);
		if (mkdirat(dir, name, 0700) != 0)
			return -1;
	}
	return 0;
}

static void
slot_put(struct proto *p, int slot)
{
	uint8_t *to = p->img + (size_t)slot * PROTO_SLOT;

	memset(to, 0, PROTO_SLOT_HEAD);
	memcpy(to + 16, &p->seq, sizeof(p->seq));
	memcpy(to + PROTO_SLOT_HEAD, p->rec, PROTO_REC);
}

int
proto_create(int dir, struct proto *p)
{
	uint8_t salt[32];
	int fd, r = -1;

	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return -1;
	memset(p->rec, 0, PROTO_HEAD);
	proto_seal(p, salt);
	memset(p->img, 0, sizeof(p->img));
	p->seq = 1;
	slot_put(p, 0);
	fd = openat(dir, p->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (fallocate(fd, 0, 0, (off_t)sizeof(p->img)) == 0 &&
	    pwrite(fd, p->img, PROTO_SLOT_HEAD + PROTO_REC, 0) ==
		PROTO_SLOT_HEAD + PROTO_REC)
		r = 0;
	(void)close(fd);
	return r;
}

static int
look(struct proto *p)
{
	uint64_t a, b;

	if (pread(p->fd, p->img, sizeof(p->img), 0) != (ssize_t)sizeof(p->img))
		return -1;
	memcpy(&a, p->img + 16, sizeof(a));
	memcpy(&b, p->img + PROTO_SLOT + 16, sizeof(b));
	p->at = b > a;
	p->seq = b > a ? b : a;
	return 0;
}

int
proto_read(int dir, struct proto *p)
{
	struct stat st;

	p->fd = (int)syscall(SYS_openat2, dir, p->path, &how, sizeof(how));
	/* valgrind does not know it, and counts instructions all the same. */
	if (p->fd < 0 && errno == ENOSYS)
		p->fd = openat(dir, p->path, (int)how.flags);
	if (p->fd < 0 || fstat(p->fd, &st) != 0 || look(p) != 0)
		return -1;
	p->dev = (uint64_t)st.st_dev;
	p->ino = (uint64_t)st.st_ino;
	return proto_open(p,
	    p->img + (size_t)p->at * PROTO_SLOT + PROTO_SLOT_HEAD);
}

int
proto_write(int dir, struct proto *p, int sync, uint64_t change)
{
	static const uint8_t one = 1;
	struct flock lock = { .l_type = F_WRLCK };
	const ssize_t n = PROTO_SLOT_HEAD + PROTO_REC;
	uint8_t salt[32];
	struct stat st;
	off_t at;
	int r = -1;

	memcpy(p->plain + 300, &change, sizeof(change));
	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		goto out;
	proto_seal(p, salt);
	if (fcntl(p->fd, F_OFD_SETLKW, &lock) != 0 ||
	    fstatat(dir, p->path, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    (uint64_t)st.st_ino != p->ino || look(p) != 0)
		goto out;
	p->seq++;
	at = (off_t)(1 - p->at) * PROTO_SLOT;
	slot_put(p, 1 - p->at);
	if (pwrite(p->fd, p->img + at, (size_t)n, at) != n ||
	    (sync &&
		(fdatasync(p->fd) != 0 || pwrite(p->fd, &one, 1, at + 4) != 1)))
		goto out;
	r = 0;
out:
	return close(p->fd) == 0 ? r : -1;
}
