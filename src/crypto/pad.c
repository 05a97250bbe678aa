/*
 * pad.c - lengths hidden: ISO 7816-4 padding to a few sizes
 *
 * Invariant: a payload has exactly one padded form.
 */
#include "crypto/pad.h"

#include <string.h>

enum { STEP = 256, STEPS_TO = 4096, PAGE_STEP = 64 };

/*
 * Padme (PURBs, section 4): as many significant bits as the length of the
 * length has; at most 12 % more, and few distinct sizes.
 */
static size_t
padme(size_t len)
{
	size_t x, mask;
	unsigned e = 0, s = 0;

	for (x = len; x > 1; x >>= 1)
		e++;
	for (x = e; x > 0; x >>= 1)
		s++;
	mask = ((size_t)1 << (e - s)) - 1;
	return (len + mask) & ~mask;
}

size_t
pad_record(size_t n)
{
	if (n > SIZE_MAX / 4)
		return 0;
	if (n < STEPS_TO)
		return (n / STEP + 1) * STEP;
	return padme(n + 1);
}

size_t
pad_page(size_t n)
{
	if (n > SIZE_MAX / 4)
		return 0;
	return (n / PAGE_STEP + 1) * PAGE_STEP;
}

void
pad_put(uint8_t *p, size_t n, size_t size)
{
	p[n] = 0x80;
	memset(p + n + 1, 0, size - n - 1);
}

int
pad_strip(size_t *n, const uint8_t *p, size_t size, size_t (*sizes)(size_t n))
{
	size_t i = size;
	uint64_t word, four[4];

	*n = 0;
	for (; i >= sizeof(four); i -= sizeof(four)) {
		memcpy(four, p + i - sizeof(four), sizeof(four));
		if ((four[0] | four[1] | four[2] | four[3]) != 0)
			break;
	}
	for (; i >= sizeof(word); i -= sizeof(word)) {
		memcpy(&word, p + i - sizeof(word), sizeof(word));
		if (word != 0)
			break;
	}
	while (i > 0 && p[i - 1] == 0)
		i--;
	if (i == 0 || p[i - 1] != 0x80 || sizes(i - 1) != size)
		return -1;
	*n = i - 1;
	return 0;
}
