/*
 * load.c - from a scheme to a driver's table
 *
 * Invariant: no slot of a table is called, and no name of it read, before
 * its ABI number and its size were checked.
 */
#include "store/load.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "store/conf.h"

extern const struct sstate_driver sstate_driver_v1_file;
extern const struct sstate_driver sstate_driver_v1_memory;

static const struct sstate_driver *const built_in[] = {
	&sstate_driver_v1_file,
	&sstate_driver_v1_memory,
	NULL,
};

static bool
is_scheme(const char *s)
{
	size_t i;

	if (s == NULL || s[0] < 'a' || s[0] > 'z')
		return false;
	for (i = 0; s[i] != '\0'; i++)
		if (i == CONF_SCHEME_BYTES ||
		    !((s[i] >= 'a' && s[i] <= 'z') ||
			(s[i] >= '0' && s[i] <= '9')))
			return false;
	return true;
}

int
load_check(const struct sstate_driver *d, struct sstate_error *err)
{
	const char *missing;

	if (d->abi != SSTATE_DRIVER_ABI)
		return sstate_fail(err, SSTATE_EVERSION, 0,
		    "a store driver has ABI %u, this library %u", d->abi,
		    SSTATE_DRIVER_ABI);
	/* A longer table has slots that nobody here will call. */
	if (d->size < sizeof(*d))
		return sstate_fail(err, SSTATE_EVERSION, 0,
		    "a store driver's table has %zu bytes, not %zu", d->size,
		    sizeof(*d));
	if (!is_scheme(d->scheme))
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "a store driver's scheme is not [a-z][a-z0-9]{0,15}");
	missing = d->open == NULL ? "open"
	    : d->close == NULL	  ? "close"
	    : d->get == NULL	  ? "get"
	    : d->create == NULL	  ? "create"
	    : d->replace == NULL  ? "replace"
	    : d->remove == NULL	  ? "remove"
				  : NULL;
	if (missing != NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: the store driver has no %s", d->scheme, missing);
	return 0;
}

/* Schemes of a checked list, for a text: what does not fit is left out. */
static void
list(char *to, size_t max, const struct sstate_driver *const *v)
{
	size_t n;

	for (; v != NULL && *v != NULL; v++) {
		n = strlen(to);
		(void)snprintf(to + n, max - n, "%s%s", n > 0 ? ", " : "",
		    (*v)->scheme);
	}
}

int
load_driver(const struct sstate_driver **out, const char *scheme,
    const struct sstate_driver *const *given, struct sstate_error *err)
{
	const struct sstate_driver *const *v;
	char known[128] = "";
	int r;

	*out = NULL;
	for (v = given; v != NULL && *v != NULL; v++) {
		if ((r = load_check(*v, err)) != 0)
			return r;
		if (strcmp((*v)->scheme, scheme) == 0) {
			*out = *v;
			return 0;
		}
	}
	for (v = built_in; *v != NULL; v++)
		if (strcmp((*v)->scheme, scheme) == 0) {
			*out = *v;
			return load_check(*v, err);
		}
	list(known, sizeof(known), given);
	list(known, sizeof(known), built_in);
	return sstate_fail(err, SSTATE_ENOTSUP, 0,
	    "no store driver is called %s; known are %s", scheme, known);
}
