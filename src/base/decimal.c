/*
 * decimal.c - a number's digits, without printf() and its locale
 */
#include "base/decimal.h"

size_t
decimal(char out[DECIMAL_ROOM], int64_t v)
{
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	char digits[DECIMAL_ROOM];
	size_t n = 0, at = 0;

	do
		digits[n++] = (char)('0' + left % 10);
	while ((left /= 10) != 0);
	if (v < 0)
		out[at++] = '-';
	while (n > 0)
		out[at++] = digits[--n];
	out[at] = '\0';
	return at;
}
