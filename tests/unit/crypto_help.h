/*
 * crypto_help.h - what the tests of src/crypto/ share: blocks of a vector
 * file, rings without a file, texts as bytes
 */
#ifndef CRYPTO_HELP_H
#define CRYPTO_HELP_H

#include <limits.h>
#include <stdint.h>
#include <unistd.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/codec.h"
#include "crypto/derive.h"
#include "crypto/keyring.h"
#include "crypto/ring.h"
#include "tap.h"

#define NOW ((int64_t)1760000000)
#define NOTHING ((struct sstate_val){ "", 0 })

/* ---- blocks ---- */

struct block {
	struct {
		char *key, *value;
	} line[32];
	size_t n;
	char *raw[32]; /* what bytes() handed out */
	size_t raws;
};

__attribute__((unused)) static void
block_clear(struct block *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		free(b->line[i].key);
		free(b->line[i].value);
	}
	for (i = 0; i < b->raws; i++)
		free(b->raw[i]);
	b->n = b->raws = 0;
}

__attribute__((unused)) static const char *
text(const struct block *b, const char *key)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (strcmp(b->line[i].key, key) == 0)
			return b->line[i].value;
	T(0, "vector has no %s", key);
	exit(tap_done());
}

__attribute__((unused)) static struct sstate_val
bytes(struct block *b, const char *key)
{
	const char *hex = text(b, key);
	size_t n = strlen(hex) / 2;
	char *p = malloc(n + 1);

	if (p == NULL || b->raws == 32 ||
	    hex_decode(p, n, hex, strlen(hex)) != (int)n)
		abort();
	p[n] = '\0';
	b->raw[b->raws++] = p;
	return (struct sstate_val){ p, n };
}

__attribute__((unused)) static const uint8_t *
octets(struct block *b, const char *key)
{
	return (const uint8_t *)bytes(b, key).ptr;
}

__attribute__((unused)) static uint64_t
num(const struct block *b, const char *key)
{
	return strtoull(text(b, key), NULL, 10);
}

/* Calls fn with every block of tests/vectors/name; their number. */
__attribute__((unused)) static unsigned
each_block(const char *name, void (*fn)(struct block *))
{
	char path[PATH_MAX], *line = NULL, *eq, *end, *slash;
	struct block b = { .n = 0 };
	size_t cap = 0;
	unsigned count = 0;
	ssize_t len;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s", __FILE__);
	slash = strrchr(path, '/');
	(void)snprintf(slash, sizeof(path) - (size_t)(slash - path),
	    "/../vectors/%s", name);
	if ((f = fopen(path, "r")) == NULL) {
		(void)snprintf(path, sizeof(path), "tests/vectors/%s", name);
		f = fopen(path, "r");
	}
	NEED(f != NULL, "vectors: %s", name);
	while ((len = getline(&line, &cap, f)) >= 0 || b.n > 0) {
		if (len > 0 && line[0] == '#')
			continue;
		if (len <= 1) {
			if (b.n > 0) {
				count++;
				fn(&b);
			}
			block_clear(&b);
			continue;
		}
		if ((eq = strstr(line, " =")) == NULL || b.n == 32)
			abort();
		*eq = '\0';
		eq += eq[2] == ' ' ? 3 : 2;
		for (end = eq + strlen(eq); end > eq && end[-1] <= ' ';)
			*--end = '\0';
		b.line[b.n].key = strdup(line);
		b.line[b.n++].value = strdup(eq);
	}
	free(line);
	(void)fclose(f);
	return count;
}

/* ---- rings ---- */

/* An entry as a ring would hold it, without a ring. */
__attribute__((unused)) static struct ringkey
entry_of(const uint8_t *secret, unsigned kid)
{
	struct ringkey k = { .kid = (uint8_t)kid, .suite = SUITE_1 };

	derive_keys(&k, secret);
	return k;
}

/* A ring with the entries given; the tests' secrets would be refused. */
__attribute__((unused)) static struct keyring *
ring_of(const struct ringkey *k, size_t n)
{
	struct keyring *kr = ring_new(LIMIT_RING_KEYS, NULL);
	size_t i;

	if (kr == NULL)
		abort();
	kr->max_lifetime = 43200;
	for (i = 0; i < n; i++) {
		kr->key[i] = k[i];
		kr->slot[k[i].kid] = (uint8_t)(i + 1);
	}
	kr->count = (uint32_t)n;
	return kr;
}

#endif
