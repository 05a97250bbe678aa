/* cookies_test.c - security.md 4.4: only the exact name counts */
#include "../tap.h"

#include "base/cookies.h"
#include "base/limits.h"

#define NAME "__Host-id"

static void
names(void)
{
	static const struct {
		const char *id, *header;
		size_t n;
		const char *first;
	} row[] = {
		{ "C1", "__Host-id=x", 1, "x" },
		{ "C1", "a=b; __Host-id=x", 1, "x" },
		{ "C1 R-42", "__host-id=x", 0, NULL },
		{ "C1 R-42", "__HOST-ID=x", 0, NULL },
		{ "C1 R-42", "%5F%5FHost-id=x", 0, NULL },
		{ "C1 R-42", " __Host-id=x", 0, NULL },
		{ "C1 R-42", "a=b;  __Host-id=x", 0, NULL },
		{ "C1 R-42", "a=b;\t__Host-id=x", 0, NULL },
		{ "C1 R-42", "__Host-id =x", 0, NULL },
		{ "C1 R-42", "_[Host-id=x", 0, NULL },
		{ "C1 R-42", "..Host-id=x", 0, NULL },
		{ "C1 R-42", "=__Host-id=x", 0, NULL },
		{ "C1 R-42", "__Host-id", 0, NULL },
		{ "C1 R-42", "__Host-idx=x", 0, NULL },
		{ "C1 R-42", "x__Host-id=x", 0, NULL },
		{ "C2 R-43", "__Host-id=x; __Host-id=y", 2, "x" },
		{ "C3", "__Host-id=\"x\"", 1, "\"x\"" },
		{ "C3", "a=b;__Host-id=x;", 1, "x" },
		{ "C3", "a=\"b;c\"; , ;; \x01;\xff=\xfe; __Host-id=x y", 1,
		    "x y" },
		{ "C3", "__Host-id=x,y", 1, "x,y" },
		{ "C3", "__Host-id=x ", 1, "x " },
		{ "C4", "$Version=1; $Path=/; __Host-id=x; $Path=/", 1, "x" },
		{ "C7", "a=b; c=d; __Host-id=x; e=f", 1, "x" },
		{ "C7", "a=b; __Host-id=x, c=d; e=f", 1, "x" },
		{ "C7 R-42 (a sibling's value)", "a=b, __Host-id=x", 0, NULL },
		{ "C8", "session=&=", 0, NULL },
		{ "C8", "=", 0, NULL },
		{ "C8", "__Host-id=", 1, "" },
		{ "C8", "", 0, NULL },
		{ "C8", ";;;", 0, NULL },
	};
	struct sstate_val v[LIMIT_OUR_COOKIES];
	size_t i, n;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int r = cookies_find(row[i].header, NAME, v, 4, &n);

		T(r == 0 && n == row[i].n &&
			(n == 0 ||
			    (v[0].len == strlen(row[i].first) &&
				memcmp(v[0].ptr, row[i].first, v[0].len) == 0)),
		    "%s: %zu in line %zu", row[i].id, n, i);
	}
	T(cookies_find(NULL, NAME, v, 4, &n) == 0 && n == 0,
	    "C1 no header, no cookie");
}

static void
limits(void)
{
	static char big[LIMIT_COOKIE_HEADER_BYTES + 2];
	struct sstate_val v[LIMIT_OUR_COOKIES];
	size_t i, n;

	for (i = 0; i < 50; i++)
		memcpy(big + i * 12, "__Host-id=x;", 13);
	T(cookies_find(big, NAME, v, 4, &n) == SSTATE_ETOOBIG,
	    "C2 R-43 50 cookies of our name are too many");
	big[4 * 12] = '\0';
	T(cookies_find(big, NAME, v, 4, &n) == 0 && n == 4,
	    "C2 R-43 four may be tried");
	for (i = 0; i < LIMIT_COOKIES + 1; i++)
		memcpy(big + i * 4, "a=b;", 5);
	T(cookies_find(big, NAME, v, 4, &n) == SSTATE_ETOOBIG,
	    "C5 R-90 65 cookies are too many");
	big[4 * LIMIT_COOKIES] = '\0';
	T(cookies_find(big, NAME, v, 4, &n) == 0, "C5 64 cookies are not");
	memset(big, 'a', sizeof(big) - 1);
	T(cookies_find(big, NAME, v, 4, &n) == SSTATE_ETOOBIG,
	    "C5 R-90 a header over 16 KiB");
	big[LIMIT_COOKIE_HEADER_BYTES] = '\0';
	T(cookies_find(big, NAME, v, 4, &n) == 0, "C5 one of 16 KiB is read");
}

int
main(void)
{
	names();
	limits();
	return tap_done();
}
