/*
 * rand.c - random bytes from the kernel, or a failure
 *
 * Invariant: a success means that all n bytes came from getrandom(2) in this
 * call.  EINTR and short reads are repeated; nothing else is.
 */
#include "base/rand.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <securestate/store.h>

#include "base/wipe.h"

int
rand_bytes(void *out, size_t n, struct sstate_error *err)
{
	unsigned char *p = out;
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = getrandom(p + have, n - have, 0);
		if (got > 0)
			have += (size_t)got;
		else if (got == 0 || errno != EINTR) {
			int e = got == 0 ? EIO : errno;

			memset(out, 0, n);
			return sstate_fail(err, SSTATE_ESYS, e,
			    "getrandom failed: no id is made");
		}
	}
	return 0;
}

int
rand_selftest(struct sstate_error *err)
{
	static const unsigned char zero[32];
	unsigned char a[32], b[32];
	int r;

	if ((r = rand_bytes(a, sizeof(a), err)) != 0 ||
	    (r = rand_bytes(b, sizeof(b), err)) != 0)
		return r;
	if (memcmp(a, b, sizeof(a)) == 0 || memcmp(a, zero, sizeof(a)) == 0 ||
	    memcmp(b, zero, sizeof(b)) == 0)
		r = sstate_fail(err, SSTATE_ESYS, 0,
		    "getrandom repeats itself: no id is made");
	wipe(a, sizeof(a));
	wipe(b, sizeof(b));
	return r;
}
