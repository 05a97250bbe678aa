/*
 * err.c - error codes: their text, their HTTP status, how they are recorded
 *
 * Invariant: a recorded text is one line of printable octets; the
 * text of a lower layer is never overwritten.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int status;
	const char *text;
} codes[] = {
	[-SSTATE_OK] = { 200, "no error" },
	[-SSTATE_ENOMEM] = { 503, "out of memory" },
	[-SSTATE_EINVAL] = { 500, "the program broke a rule of the library" },
	[-SSTATE_ENOTFOUND] = { 404, "not found" },
	[-SSTATE_EEXPIRED] = { 403, "expired" },
	[-SSTATE_EAUTH] = { 403, "not authentic" },
	[-SSTATE_EMINDSET] = { 500, "recorded under the other mindset" },
	[-SSTATE_ECONFLICT] = { 409, "changed by another request" },
	[-SSTATE_ETOOBIG] = { 413, "too big" },
	[-SSTATE_EPARSE] = { 400, "malformed" },
	[-SSTATE_EUNSAFE] = { 503, "a file or directory lets others in" },
	[-SSTATE_ESTORE] = { 503, "the store failed" },
	[-SSTATE_EBUSY] = { 503, "the store is busy" },
	[-SSTATE_ENOTSUP] = { 501, "the store cannot do that" },
	[-SSTATE_EVERSION] = { 500, "built against another version" },
	[-SSTATE_ESYS] = { 503, "the system failed" },
	[-SSTATE_DONE] = { 200, "no more" },
	[-SSTATE_EGONE] = { 409, "the session was ended meanwhile" },
	[-SSTATE_EEXIST] = { 409, "there already" },
};

static int
known(int code)
{
	return code <= 0 && code > -(int)(sizeof(codes) / sizeof(codes[0]));
}

const char *
sstate_strerror(int code)
{
	return known(code) ? codes[-code].text : "unknown error";
}

int
sstate_status(int code)
{
	return known(code) ? codes[-code].status : 500;
}

void
err_clean(char *text, size_t max)
{
	size_t i;

	for (i = 0; i < max && text[i] != '\0'; i++)
		if ((unsigned char)text[i] < 0x20 ||
		    (unsigned char)text[i] >= 0x7f)
			text[i] = '?';
}

/* Constant text: strerror() of glibc may share a buffer between threads. */
static const char *
errno_text(int e)
{
#ifdef __GLIBC__
	const char *text = strerrordesc_np(e);

	return text != NULL ? text : "unknown errno";
#else
	return strerror(e);
#endif
}

int
sstate_fail(struct sstate_error *err, int code, int sys, const char *fmt, ...)
{
	va_list ap;
	size_t n;
	int e = sys;

	if (err == NULL)
		return code;
	err->code = code;
	err->sys = sys;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (e != 0) {
		n = strlen(err->text);
		(void)snprintf(err->text + n, sizeof(err->text) - n, ": %s",
		    errno_text(e));
	}
	err_clean(err->text, sizeof(err->text));
	return code;
}

int
err_plain(struct sstate_error *err, int code, const char *what)
{
	if (err != NULL && err->code != code) {
		err->sys = 0;
		return sstate_fail(err, code, 0, "%s: %s", what,
		    sstate_strerror(code));
	}
	return code;
}

void
err_clear(struct sstate_error *err)
{
	if (err != NULL) {
		err->code = 0;
		err->sys = 0;
		err->text[0] = '\0';
	}
}
