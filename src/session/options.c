/*
 * options.c - the caller's options, checked
 *
 * Invariant: an environment whose options contradict each other, or whose
 * cookie no browser would keep, is never opened.
 */
#include "session/options.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/nocase.h"
#include "crypto/token.h"
#include "session/env.h"

#define CARRIERS (SSTATE_CARRY_COOKIE | SSTATE_CARRY_PAGE | SSTATE_CARRY_OWN)
#define KNOWN_FLAGS                                                            \
	(CARRIERS | SSTATE_END_ON_REUSE | SSTATE_STRICT | SSTATE_NO_PLUGINS |  \
	    SSTATE_NO_CREATE | SSTATE_PLAIN_HTTP | SSTATE_SAMESITE_STRICT |    \
	    SSTATE_SAMESITE_NONE | SSTATE_CLEAR_SITE_DATA)

static int
bad(struct sstate_error *err, const char *what)
{
	return sstate_fail(err, SSTATE_EINVAL, 0, "options: %s", what);
}

/* [A-Za-z0-9_.-]{1,max} */
static int
plain_name(const char *s, size_t max)
{
	size_t n;

	for (n = 0; n <= max && s[n] != '\0'; n++)
		if (!((s[n] >= 'a' && s[n] <= 'z') ||
			(s[n] >= 'A' && s[n] <= 'Z') ||
			(s[n] >= '0' && s[n] <= '9') || s[n] == '_' ||
			s[n] == '.' || s[n] == '-'))
			return 0;
	return n >= 1 && n <= max;
}

/* An attribute of a cookie: no control octet, no ';' (6265bis 4.1.1). */
static int
attribute(const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++)
		if ((unsigned char)s[i] <= 0x20 ||
		    (unsigned char)s[i] >= 0x7f || s[i] == ';' || s[i] == ',')
			return 0;
	return i >= 1 && i <= LIMIT_COOKIE_ATTR_BYTES;
}

static int
has_prefix(const char *s, const char *prefix)
{
	/* Browsers compare prefixes without case (6265bis 5.5). */
	return nocase_is(s, prefix, strlen(prefix));
}

static int
check_cookie(const struct sstate *env, struct sstate_error *err)
{
	int secure = (env->flags & SSTATE_PLAIN_HTTP) == 0;

	if (!is_token(env->cookie) || strlen(env->cookie) > LIMIT_NAME_BYTES)
		return bad(err, "cookie: not a token (RFC 9110)");
	if (env->cookie_path[0] != '/' || !attribute(env->cookie_path))
		return bad(err, "cookie_path: not a path");
	if (env->cookie_domain != NULL && !plain_name(env->cookie_domain, 253))
		return bad(err, "cookie_domain: not a domain");
	if ((has_prefix(env->cookie, "__Host-") ||
		has_prefix(env->cookie, "__Host-Http-")) &&
	    (!secure || env->cookie_domain != NULL ||
		strcmp(env->cookie_path, "/") != 0))
		return bad(err,
		    "cookie: __Host- needs Secure, the path / and "
		    "no domain");
	if ((has_prefix(env->cookie, "__Secure-") ||
		has_prefix(env->cookie, "__Http-")) &&
	    !secure)
		return bad(err, "cookie: its prefix needs Secure");
	if ((env->flags & SSTATE_SAMESITE_NONE) != 0 && !secure)
		return bad(err, "SSTATE_SAMESITE_NONE needs Secure");
	if ((env->flags & SSTATE_SAMESITE_NONE) != 0 &&
	    (env->flags & SSTATE_SAMESITE_STRICT) != 0)
		return bad(err, "SSTATE_SAMESITE_NONE and _STRICT");
	if (env->cookie_max_age < 0 || env->cookie_max_age > LIMIT_COOKIE_AGE)
		return bad(err, "cookie_max_age: over 400 days, or negative");
	return 0;
}

static int
check_names(const struct sstate *env, struct sstate_error *err)
{
	if (!plain_name(env->ns, LIMIT_NS_BYTES))
		return bad(err, "ns: not [A-Za-z0-9_.-]{1,32}");
	if (!plain_name(env->id_param, 64) ||
	    !plain_name(env->page_param, 64) ||
	    !plain_name(env->csrf_param, 64))
		return bad(err,
		    "id_param, page_param or csrf_param: not "
		    "[A-Za-z0-9_.-]{1,64}");
	if (strcmp(env->id_param, env->page_param) == 0 ||
	    strcmp(env->id_param, env->csrf_param) == 0 ||
	    strcmp(env->page_param, env->csrf_param) == 0)
		return bad(err,
		    "id_param, page_param and csrf_param must "
		    "differ");
	return 0;
}

static int
take_flags(struct sstate *env, uint32_t flags, struct sstate_error *err)
{
	if ((flags & ~(uint32_t)KNOWN_FLAGS) != 0)
		return bad(err, "flags: one that is not of sstate_options");
	switch (flags & CARRIERS) {
	case 0:
		flags |= SSTATE_CARRY_COOKIE;
		/* FALLTHROUGH */
	case SSTATE_CARRY_COOKIE:
		env->cls = CLS_COOKIE;
		break;
	case SSTATE_CARRY_PAGE:
		env->cls = CLS_PAGE;
		break;
	case SSTATE_CARRY_OWN:
		env->cls = CLS_OWN;
		break;
	default:
		return bad(err, "flags: more than one SSTATE_CARRY_*");
	}
	env->flags = flags;
	return 0;
}

static int
take_times(struct sstate *env, const struct sstate_options *o,
    struct sstate_error *err)
{
	if (o->idle < 0 || o->lifetime < 0 || o->renew < 0 ||
	    o->page_life < 0 || o->rotate < -1 || o->grace < 0 ||
	    o->cookie_max_age < 0)
		return bad(err, "a negative time");
	if (o->idle > INT32_MAX || o->lifetime > INT32_MAX ||
	    o->renew > INT32_MAX || o->page_life > INT32_MAX ||
	    o->rotate > INT32_MAX || o->grace > INT32_MAX)
		return bad(err, "a time over 68 years");
	if (o->renew_jitter_pct > 100)
		return bad(err, "renew_jitter_pct: over 100");
	env->idle = o->idle != 0   ? o->idle
	    : env->cls == CLS_PAGE ? LIMIT_IDLE_PAGE
				   : LIMIT_IDLE;
	env->lifetime = o->lifetime != 0 ? o->lifetime : LIMIT_LIFETIME;
	if (env->idle > env->lifetime)
		env->idle = env->lifetime;
	env->renew = o->renew != 0 ? o->renew : env->idle / 10;
	env->renew_jitter_pct = o->renew_jitter_pct;
	env->cookie_max_age = o->cookie_max_age;
	env->page_life = o->page_life != 0 ? o->page_life : LIMIT_PAGE_LIFE;
	env->rotate = o->rotate != 0 ? o->rotate
	    : env->cls == CLS_COOKIE ? LIMIT_ROTATE
				     : -1;
	env->grace = o->grace != 0 ? o->grace : LIMIT_GRACE;
	return 0;
}

/* A copy of the caller's string, or of the default; NULL stays NULL. */
static int
keep(const char **out, struct sstate *env, const char *s, const char *dflt)
{
	*out = NULL;
	if (s == NULL)
		s = dflt;
	if (s == NULL)
		return 0;
	return (*out = arena_str(env->a, s)) == NULL ? SSTATE_ENOMEM : 0;
}

static const char *
default_cookie(const struct sstate *env, const struct sstate_options *o)
{
	if ((env->flags & SSTATE_PLAIN_HTTP) != 0)
		return "sstate";
	if (o->cookie_domain != NULL ||
	    (o->cookie_path != NULL && strcmp(o->cookie_path, "/") != 0))
		return "__Secure-sstate";
	return "__Host-sstate";
}

int
options_take(struct sstate *env, const struct sstate_options *o,
    struct sstate_error *err)
{
	int r;

	if ((r = take_flags(env, o->flags, err)) != 0 ||
	    (r = take_times(env, o, err)) != 0)
		return r;
	env->max_bytes = o->max_bytes != 0 ? o->max_bytes : LIMIT_SESSION_BYTES;
	env->max_values =
	    o->max_values != 0 ? o->max_values : LIMIT_SESSION_VALUES;
	if (env->max_bytes > LIMIT_RECORD_BYTES / 2)
		return bad(err, "max_bytes: over 8 MiB");
	if (env->max_values > UINT32_MAX / 2)
		return bad(err, "max_values: too large");
	env->form.params = LIMIT_PARAMS;
	env->form.name = LIMIT_NAME_BYTES;
	env->form.value = LIMIT_VALUE_BYTES;
	env->arg = o->arg;
	env->now = o->now;
	env->log = o->log;
	if ((r = keep(&env->ns, env, o->ns, "app")) != 0 ||
	    (r = keep(&env->cookie, env, o->cookie, default_cookie(env, o))) !=
		0 ||
	    (r = keep(&env->cookie_path, env, o->cookie_path, "/")) != 0 ||
	    (r = keep(&env->cookie_domain, env, o->cookie_domain, NULL)) != 0 ||
	    (r = keep(&env->id_param, env, o->id_param, ".id")) != 0 ||
	    (r = keep(&env->page_param, env, o->page_param, ".page")) != 0 ||
	    (r = keep(&env->csrf_param, env, o->csrf_param, ".csrf")) != 0)
		return err_plain(err, r, "options");
	if ((r = check_names(env, err)) != 0)
		return r;
	return check_cookie(env, err);
}
