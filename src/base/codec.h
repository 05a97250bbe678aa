/*
 * codec.h - bytes as text: lower-case hex, base64url without padding
 *
 * Decoding is strict: exactly one text stands for given bytes;
 * spare bits, padding, blanks and other alphabets are refused.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <stddef.h>

#define B64_LEN(n) (((n) / 3) * 4 + ((n) % 3 ? (n) % 3 + 1 : 0))

/* out has 2n + 1, or B64_LEN(n) + 1 bytes; a NUL is put after the text. */
void hex_encode(char *out, const void *p, size_t n);
void b64_encode(char *out, const void *p, size_t n);
/* Bytes written to out (at most cap), or -1. */
int hex_decode(void *out, size_t cap, const char *text, size_t len);
int b64_decode(void *out, size_t cap, const char *text, size_t len);

#endif
