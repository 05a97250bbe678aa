/*
 * pad.h - lengths hidden: ISO 7816-4 padding to a few sizes
 *
 * The sizes are those of PROTOCOL.record and PROTOCOL.page.  Padding lies
 * inside the AEAD and is looked at after it holds: there is no oracle.
 */
#ifndef CRYPTO_PAD_H
#define CRYPTO_PAD_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that a payload of n bytes takes, at least n + 1; 0: n too large. */
size_t pad_record(size_t n);
size_t pad_page(size_t n);
/* Put 0x80 and zeros behind the n bytes at p, up to size. */
void pad_put(uint8_t *p, size_t n, size_t size);
/* The payload's length, or -1: no mark, or not the size that it takes. */
int pad_strip(size_t *n, const uint8_t *p, size_t size,
    size_t (*sizes)(size_t n));

#endif
