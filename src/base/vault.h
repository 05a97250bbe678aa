/*
 * vault.h - memory that core files leave out: where arenas get theirs
 *
 * What sessions and requests hold in clear lies in mappings that are advised
 * so (MADV_DONTDUMP) when they are made, and kept: a request makes no system
 * call for its memory once as much was in use before.  malloc's memory is
 * never advised: a page of it belongs to whoever is next.
 *
 * Any thread may use it, and a forked child has its own copy.
 */
#ifndef BASE_VAULT_H
#define BASE_VAULT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VAULT_CHUNKS = 16, /* kept; what is beyond them is not */
	VAULT_UNITS = 64, /* in a chunk: a bit each */
	VAULT_UNIT_BYTES = 16384,
};

/* So long that what two threads write is in no cache line of both. */
struct vault_chunk {
	_Atomic(char *) at; /* NULL: not needed yet */
	_Atomic uint64_t taken;
	char apart[48];
};

struct vault {
	struct vault_chunk chunk[VAULT_CHUNKS];
};

void vault_init(struct vault *v);
/* Nothing that came from it is in use. */
void vault_free(struct vault *v);

/* The fn of a struct hook, whose arg is the vault; it resizes nothing. */
void *vault_hook(void *v, void *p, size_t oldsz, size_t newsz);

#endif
