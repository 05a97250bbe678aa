/*
 * unit.c - the unit of work, without what only its teller needs
 *
 * A CGI program that has no use for stdio is not to have its buffers.
 */
#include "unit.h"

const char *const unit_name[UNIT_NAMES] = { "p0", "p1", "p2", "p3", "p4", "p5",
	"p6", "p7", "p8", "p9" };

void
unit_value(char out[UNIT_VALUE + 1], uint64_t x)
{
	int i;

	for (i = 0; i < UNIT_VALUE; i++) {
		out[i] = (char)('a' + (x & 15));
		x = x >> 4 | x << 60;
	}
	out[UNIT_VALUE] = '\0';
}
