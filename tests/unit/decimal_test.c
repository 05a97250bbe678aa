/* decimal_test.c - digits as printf has them, names without a locale's case */
#include "../tap.h"

#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <stdint.h>

#include "base/decimal.h"
#include "base/nocase.h"

static void
numbers(void)
{
	static const int64_t edges[] = { 0, 1, -1, 9, 10, -10, 99, 100,
		INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MIN + 1 };
	char got[DECIMAL_ROOM], want[32];
	uint64_t x = 1;
	int64_t v;
	size_t i, n, bad = 0;

	for (i = 0; i < 20000; i++) {
		x = x * UINT64_C(6364136223846793005) +
		    UINT64_C(1442695040888963407);
		v = i < sizeof(edges) / sizeof(edges[0]) ? edges[i]
							 : (int64_t)x >> i % 64;
		n = decimal(got, v);
		(void)snprintf(want, sizeof(want), "%" PRId64, v);
		bad += n != strlen(want) || strcmp(got, want) != 0;
	}
	T(bad == 0, "20000 numbers of every length are printf's");
}

static void
names(void)
{
	int c, bad = 0;

	for (c = 1; c < 256; c++) {
		char a[2] = { (char)c, '\0' }, b[2] = { (char)(c ^ 32), '\0' };
		int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		bad += nocase_same(a, b) != letter || !nocase_same(a, a);
	}
	T(bad == 0, "ASCII's letters alone have two cases");
	T(nocase_same("Set-Cookie", "sET-cOOKIE") &&
		!nocase_same("Set-Cookie", "Set-Cookies") &&
		!nocase_same("Set-Cookies", "Set-Cookie") &&
		nocase_same("", "") && !nocase_same("", "a"),
	    "the same name, all of it");
	T(nocase_is("__HOST-x", "__Host-", 7) &&
		!nocase_is("__HOS", "__Host-", 7) &&
		!nocase_is("", "__Host-", 7) && nocase_is("x", "y", 0),
	    "what a name begins with");
}

int
main(void)
{
	(void)setlocale(LC_ALL, "");
	numbers();
	names();
	return tap_done();
}
