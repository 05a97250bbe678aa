/* decimal.h - a number's digits, without printf() and its locale */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_ROOM = 21 }; /* sign, 19 digits, NUL */

/* With a NUL behind it, which is not counted. */
size_t decimal(char out[DECIMAL_ROOM], int64_t v);

#endif
