/*
 * conf.h - a store's URI, taken apart
 *
 *	scheme:rest[?key=value[&key=value...]]
 *	rest is a path (file:states, memory:name) or
 *	//[user[:password]@]host[:port][/path]
 *
 * A part that is empty is not there (but "user:@host" has a password, "");
 * a path keeps its leading '/', and file:/a and file:///a are the same.
 * %XX decodes once, in parts and parameters; a NUL is SSTATE_EPARSE.  A
 * parameter or part that nobody asked for fails the open, so a typo never
 * passes.  A name may be there once.
 * Passwords never appear in an error's text.
 */
#ifndef STORE_CONF_H
#define STORE_CONF_H

#include <stddef.h>
#include <stdint.h>

#include <securestate/store.h>

#include "base/arena.h"

enum { CONF_SCHEME_BYTES = 16, CONF_STORE_BYTES = 16 };

/* struct sstate_conf is conf.c's own. */
int conf_parse(struct sstate_conf **out, const char *uri, void *handle,
    uint32_t flags, const char *ns, const struct hook *h,
    struct sstate_error *err);
void conf_free(struct sstate_conf *c);
const char *conf_scheme(const struct sstate_conf *c);
/* SSTATE_EINVAL and the first parameter or part that nobody asked for. */
int conf_unused(const struct sstate_conf *c, struct sstate_error *err);
/* The environment's namespace. */
const char *conf_ns(const struct sstate_conf *c);
const struct hook *conf_hook(const struct sstate_conf *c);
/*
 * Which store this context will belong to: all contexts of one pool have the
 * same random number, so `memory:` knows them; NULL outside of a pool.
 */
void conf_set_store(struct sstate_conf *c, const unsigned char *id);
const unsigned char *conf_store(const struct sstate_conf *c);
/* The stores below a `layered:`; NULL if it is none. */
struct layers;
void conf_set_layers(struct sstate_conf *c, struct layers *layers);
struct layers *conf_layers(const struct sstate_conf *c);

#endif
