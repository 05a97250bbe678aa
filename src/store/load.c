/*
 * load.c - from a scheme to a driver's table
 *
 * What the program gave comes first, then what is linked in, then a file.
 *
 * Invariant: no slot of a table is called, and no name of it read, before
 * its ABI number and its size were checked.
 */
#include "store/load.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "store/conf.h"
#include "store/plugin.h"

/* A table ends here, or after any later member. */
#define ABI1_BYTES offsetof(struct sstate_driver, count)

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
	if (d->size < ABI1_BYTES)
		return sstate_fail(err, SSTATE_EVERSION, 0,
		    "a store driver's table has %zu bytes, not %zu", d->size,
		    (size_t)ABI1_BYTES);
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

static int
unknown(const char *scheme, const struct sstate_driver *const *given,
    int plugins, struct sstate_error *err)
{
	char known[128] = "";

	list(known, sizeof(known), given);
	list(known, sizeof(known), load_built_in);
	return sstate_fail(err, SSTATE_ENOTSUP, 0,
	    "no store driver is called %s; known are %s%s%.80s", scheme, known,
	    plugins ? "; none lies in " : "", plugins ? plugin_folder : "");
}

int
load_driver(const struct sstate_driver **out, const char *scheme,
    const struct sstate_driver *const *given, uint32_t flags,
    struct sstate_error *err)
{
	const int plugins =
	    (flags & SSTATE_NO_PLUGINS) == 0 && plugin_folder[0] != '\0';
	const struct sstate_driver *const *v;
	const struct sstate_driver *d = NULL;
	int r;

	*out = NULL;
	for (v = given; d == NULL && v != NULL && *v != NULL; v++) {
		if ((r = load_check(*v, err)) != 0)
			return r;
		if (strcmp((*v)->scheme, scheme) == 0)
			d = *v;
	}
	for (v = load_built_in; d == NULL && *v != NULL; v++)
		if (strcmp((*v)->scheme, scheme) == 0)
			d = *v;
	if (d == NULL) {
		/* A path is made of it: [a-z0-9] and nothing else. */
		r = plugins && is_scheme(scheme)
		    ? plugin_load(&d, plugin_folder, scheme, err)
		    : SSTATE_ENOTFOUND;
		if (r == SSTATE_ENOTFOUND)
			return unknown(scheme, given, plugins, err);
		if (r != 0)
			return r;
	}
	if ((r = load_check(d, err)) != 0)
		return r;
	if (strcmp(d->scheme, scheme) != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: the driver calls itself %s", scheme, d->scheme);
	*out = d;
	return 0;
}
