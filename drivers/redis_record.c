/*
 * redis_record.c - keys and records as a redis server has them
 *
 * Invariant: a key is made of [A-Za-z0-9_.:{}-] and bounded in length;
 * what is not a whole record is not handed out.
 */
#include <string.h>

#include "driver.h"
#include "redis.h"

static const char magic[4] = { 's', 's', 't', '1' };

int
rds_key(char *out, const struct rds *r, enum rds_kind kind, const char *ns,
    const unsigned char *id, size_t n, const char *op, struct sstate_error *err)
{
	static const char in_ns[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t nns = ns != NULL ? strnlen(ns, RDS_NS_BYTES + 1) : 0;
	size_t nprefix = strlen(r->conf.prefix);

	if (nns == 0 || nns > RDS_NS_BYTES || strspn(ns, in_ns) != nns)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: %s: no proper namespace", r->conf.scheme, op);
	memcpy(out, r->conf.prefix, nprefix);
	out += nprefix;
	*out++ = (char)kind;
	*out++ = ':';
	memcpy(out, ns, nns);
	out += nns;
	*out++ = ':';
	driver_hex(out, id, n);
	return 0;
}

int
rds_pack(unsigned char *p, const struct rds *r, const struct sstate_record *rec,
    const char *op, struct sstate_error *err)
{
	if (rec->body.len > r->conf.max_bytes)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "%s: %s: %zu bytes, over max_bytes", r->conf.scheme, op,
		    rec->body.len);
	memcpy(p, magic, 4);
	p[4] = (unsigned char)(rec->body.len >> 24);
	p[5] = (unsigned char)(rec->body.len >> 16 & 0xff);
	p[6] = (unsigned char)(rec->body.len >> 8 & 0xff);
	p[7] = (unsigned char)(rec->body.len & 0xff);
	driver_put64(p + 8, rec->rev);
	driver_put64(p + 16, (uint64_t)rec->expires);
	memcpy(p + 24, rec->tag, SSTATE_TAG_BYTES);
	return 0;
}

int
rds_unpack(struct sstate_record *out, const redisReply *re)
{
	const unsigned char *p = (const unsigned char *)re->str;
	uint64_t expires;

	memset(out, 0, sizeof(*out));
	if (re->type != REDIS_REPLY_STRING || re->len <= RDS_HEAD_BYTES ||
	    memcmp(p, magic, 4) != 0)
		return -1;
	out->body.ptr = re->str + RDS_HEAD_BYTES;
	out->body.len = re->len - RDS_HEAD_BYTES;
	out->rev = driver_get64(p + 8);
	expires = driver_get64(p + 16);
	memcpy(out->tag, p + 24, SSTATE_TAG_BYTES);
	if (expires > INT64_MAX ||
	    out->body.len !=
		((size_t)p[4] << 24 | (size_t)p[5] << 16 | (size_t)p[6] << 8 |
		    p[7]))
		return -1;
	out->expires = (int64_t)expires;
	return 0;
}
