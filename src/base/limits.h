/*
 * limits.h - every limit of the library, with its unit (R-90, I6)
 *
 * What an option can change is a default here and says so.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define LIMIT_BODY_BYTES (1u << 20) /* default; files apart */
#define LIMIT_UPLOAD_BYTES (16u << 20) /* default */
#define LIMIT_REPLY_BYTES (8u << 20) /* default; held, unflushed */
#define LIMIT_PARAMS 1000u /* default; of one request */
#define LIMIT_NAME_BYTES 256u
#define LIMIT_VALUE_BYTES 65536u
#define LIMIT_PARTS 128u
#define LIMIT_PART_HEAD_BYTES 8192u
#define LIMIT_AROUND_BYTES 4096u /* preamble and epilogue */
#define LIMIT_BODY_SECONDS 30 /* for a whole body (E4) */
#define LIMIT_FILE_MEMORY_BYTES 65536u /* of an upload; then on disk */
#define LIMIT_METHOD_BYTES 64u
#define LIMIT_COOKIES 64u
#define LIMIT_COOKIE_HEADER_BYTES 16384u
#define LIMIT_OUR_COOKIES 4u /* */
#define LIMIT_SET_COOKIE_BYTES 4096u /* name and value */
#define LIMIT_COOKIE_ATTR_BYTES 1024u
#define LIMIT_COOKIE_AGE (400ll * 86400ll) /* seconds */
#define LIMIT_HEADER_BYTES 8192u /* one that we read or send */
#define LIMIT_QUERY_BYTES (64u << 10)
#define LIMIT_PATH_BYTES 4096u /* SCRIPT_NAME, for scope, links */

/* FastCGI */
#define LIMIT_VARS 512u /* of one request */
#define LIMIT_VARS_BYTES (256u << 10) /* all of them, as they come */
#define LIMIT_VARS_SECONDS 30 /* from their first octet to their last */
#define LIMIT_FRESH_SECONDS 3 /* at a stop, for a new connection's first octet */
#define LIMIT_SEND_SECONDS 60 /* with no octet of the answer taken */
#define LIMIT_LINGER_SECONDS 5 /* for a body that nobody wants any more */
#define LIMIT_CONNS 1024u /* open at a time; no more than half the files */

#define LIMIT_SESSION_BYTES 65536u /* default; names and values */
#define LIMIT_SESSION_VALUES 4096u /* default */
#define LIMIT_RECORD_BYTES (16u << 20) /* sealed; no option goes beyond */
#define LIMIT_USER_BYTES 256u
#define LIMIT_BIND_BYTES 1024u
#define LIMIT_KV_NAME_BYTES 1024u
#define LIMIT_NS_BYTES 32u
#define LIMIT_URI_BYTES 4096u
#define LIMIT_URI_PARAMS 32u
#define LIMIT_STORES 8u

#define LIMIT_PAGE_FORM_BYTES 16384u /* text of a page token */
#define LIMIT_PAGE_URL_BYTES 2048u
#define LIMIT_ONCE 64u /* used page tokens kept */
#define LIMIT_COMMIT_IDS 16u /* kept in a record */

#define LIMIT_IDLE 1800 /* default, seconds */
#define LIMIT_IDLE_PAGE 900 /* default, page carrier */
#define LIMIT_LIFETIME 43200 /* default, seconds */
#define LIMIT_PAGE_LIFE 3600 /* default, seconds */
#define LIMIT_ROTATE 900 /* default, seconds, cookies */
#define LIMIT_GRACE 120 /* default, seconds */
#define LIMIT_FUTURE 300 /* seconds; R-23 */
#define LIMIT_COMMIT_SECONDS 10 /* of lost races, then EBUSY */
#define LIMIT_COMMIT_TRIES 256 /* at least, before that */

#define LIMIT_RING_KEYS 16u
#define LIMIT_RING_BYTES 16384u /* of the file */

#endif
