/* err_test.c - codes, their statuses, and one clean line for a log */
#include "../tap.h"

#include <errno.h>
#include <limits.h>

#include "base/err.h"

static void
codes(void)
{
	static const struct {
		int code, status;
	} row[] = {
		{ SSTATE_OK, 200 },
		{ SSTATE_ENOMEM, 503 },
		{ SSTATE_EINVAL, 500 },
		{ SSTATE_ENOTFOUND, 404 },
		{ SSTATE_EEXPIRED, 403 },
		{ SSTATE_EAUTH, 403 },
		{ SSTATE_EMINDSET, 500 },
		{ SSTATE_ECONFLICT, 409 },
		{ SSTATE_ETOOBIG, 413 },
		{ SSTATE_EPARSE, 400 },
		{ SSTATE_EUNSAFE, 503 },
		{ SSTATE_ESTORE, 503 },
		{ SSTATE_EBUSY, 503 },
		{ SSTATE_ENOTSUP, 501 },
		{ SSTATE_EVERSION, 500 },
		{ SSTATE_ESYS, 503 },
		{ SSTATE_EGONE, 409 },
		{ SSTATE_EEXIST, 409 },
	};
	size_t i;
	int code;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		T(sstate_status(row[i].code) == row[i].status &&
			sstate_strerror(row[i].code)[0] != '\0',
		    "B19 code %d has status %d: %s", row[i].code, row[i].status,
		    sstate_strerror(row[i].code));
	for (code = 0, i = 0; code >= -18; code--)
		i += strcmp(sstate_strerror(code), "unknown error") == 0;
	T(i == 0, "each code has a text of its own");
	T(sstate_status(-999) == 500 && sstate_status(7) == 500 &&
		sstate_status(INT_MIN) == 500 &&
		sstate_strerror(INT_MIN) != NULL,
	    "a code from elsewhere is a 500");
}

static void
records(void)
{
	struct sstate_error e = { 0, 0, "" };
	char big[1000];
	size_t i;
	int r;

	r = sstate_fail(&e, SSTATE_ESTORE, ENOSPC, "file: write %s",
	    "a\nb\x1b");
	T(r == SSTATE_ESTORE && e.code == r && e.sys == ENOSPC &&
		strcmp(e.text, "file: write a?b?: No space left on device") ==
		    0,
	    "R-100 control octets do not reach a log: %s", e.text);
	(void)err_plain(&e, SSTATE_ESTORE, "upper");
	T(strncmp(e.text, "file: ", 6) == 0,
	    "a lower layer's text is never overwritten");
	(void)err_plain(&e, SSTATE_EBUSY, "upper");
	T(e.code == SSTATE_EBUSY && e.sys == 0 &&
		strncmp(e.text, "upper: ", 7) == 0,
	    "another code is recorded");
	memset(big, '\n', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void)sstate_fail(&e, SSTATE_EPARSE, EIO, "%s", big);
	for (i = 0; i < sizeof(e.text) && e.text[i] == '?';)
		i++;
	T(i == sizeof(e.text) - 1 && e.text[i] == '\0',
	    "R-100 a long text is cut, ends, and stays one line");
	T(sstate_fail(NULL, SSTATE_EBUSY, 0, "x") == SSTATE_EBUSY &&
		err_plain(NULL, SSTATE_EBUSY, "x") == SSTATE_EBUSY,
	    "nobody need listen");
	err_clear(&e);
	err_clear(NULL);
	T(e.code == 0 && e.sys == 0 && e.text[0] == '\0', "cleared");
}

int
main(void)
{
	codes();
	records();
	return tap_done();
}
