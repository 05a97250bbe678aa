/* unit.h - the unit of work: ten parameters, about 500 bytes */
#ifndef BENCH_UNIT_H
#define BENCH_UNIT_H

#include <stdint.h>

enum { UNIT_NAMES = 10, UNIT_VALUE = 48 };

extern const char *const unit_name[UNIT_NAMES];
/* UNIT_VALUE letters that differ with each x, and a NUL. */
void unit_value(char out[UNIT_VALUE + 1], uint64_t x);

#endif
