/*
 * file_bucket.c - names and entries of the expiry index
 *
 * Invariant: what is read here as a name or an entry was made here.
 */
#include "store/file_bucket.h"

#include <stdio.h>
#include <string.h>

#include <securestate/store.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "store/file_slot.h"

enum { OFF_WHEN = 32, OFF_SUM = 40, HEX64 = 16 };

static const uint64_t second_look = UINT64_C(1) << 63;

int64_t
fbucket_of(int64_t expires)
{
	return expires > 0 ? expires >> FINDEX_SHIFT : 0;
}

int
fbucket_dir(char *out, const char *ns, struct sstate_error *err)
{
	size_t n;
	int r;

	if ((r = fdir_ns(out, ns, err)) != 0)
		return r;
	n = strlen(out);
	(void)snprintf(out + n, FDIR_PATH - n, "/x");
	return 0;
}

int
fbucket_path(char *out, const char *ns, int64_t bucket,
    struct sstate_error *err)
{
	size_t n;
	int r;

	if ((r = fbucket_dir(out, ns, err)) != 0)
		return r;
	n = strlen(out);
	(void)snprintf(out + n, FDIR_PATH - n, "/%016llx",
	    (unsigned long long)bucket);
	return 0;
}

static int
number(uint64_t *out, const char *hex)
{
	unsigned char raw[8];
	int i;

	if (strnlen(hex, HEX64) != HEX64 ||
	    hex_decode(raw, sizeof(raw), hex, HEX64) != 8)
		return 0;
	for (*out = 0, i = 0; i < 8; i++)
		*out = *out << 8 | raw[i];
	return 1;
}

int
fbucket_parse(struct fbucket_name *out, const char *name)
{
	uint64_t bucket, claim = 0;
	size_t n = strlen(name);

	if (n == HEX64) {
		if (!number(&bucket, name))
			return 0;
	} else if (n != 2 + 2 * HEX64 || name[0] != 'c' ||
	    name[1 + HEX64] != '-' || !number(&bucket, name + 1) ||
	    !number(&claim, name + 2 + HEX64) || claim == 0)
		return 0;
	if (bucket > INT64_MAX >> FINDEX_SHIFT)
		return 0;
	out->bucket = (int64_t)bucket;
	out->claim = claim;
	return 1;
}

void
fbucket_print(char *out, const struct fbucket_name *name)
{
	if (name->claim == 0)
		(void)snprintf(out, 40, "%016llx",
		    (unsigned long long)name->bucket);
	else
		(void)snprintf(out, 40, "c%016llx-%016llx",
		    (unsigned long long)name->bucket,
		    (unsigned long long)name->claim);
}

void
fbucket_entry(unsigned char *out, const unsigned char *id, int64_t expires,
    int second)
{
	uint64_t when = expires > 0 ? (uint64_t)expires : 0;

	memcpy(out, id, SSTATE_ID_BYTES);
	put64(out + OFF_WHEN, when | (second ? second_look : 0));
	put64(out + OFF_SUM, fslot_sum(out, OFF_SUM));
}

int
fbucket_read(struct fbucket_entry *out, const unsigned char *p)
{
	uint64_t when = get64(p + OFF_WHEN);

	if (get64(p + OFF_SUM) != fslot_sum(p, OFF_SUM))
		return 0;
	out->id = p;
	out->expires = (int64_t)(when & ~second_look);
	out->second = (when & second_look) != 0;
	return 1;
}
