/*
 * plugin.h - a driver that is a file of its own
 *
 *	redis -> DIR/driver-redis.so, sstate_driver_v1_redis
 *
 * The folder is compiled in and never comes from the environment.  Folder,
 * parents and file must be root's or ours, and nobody else's to write.
 */
#ifndef STORE_PLUGIN_H
#define STORE_PLUGIN_H

#include <securestate/store.h>

/* Where drivers are installed; "": this build loads none. */
extern const char plugin_folder[];

/*
 * SSTATE_ENOTFOUND without a text if there is no such file; SSTATE_EUNSAFE;
 * SSTATE_ENOTSUP if it does not load.  What is loaded stays loaded: client
 * libraries do not bear to be unloaded.
 */
int plugin_load(const struct sstate_driver **out, const char *folder,
    const char *scheme, struct sstate_error *err);

#endif
