/*
 * lent.h - a session over an engine that the program opened itself
 *
 *	lent_session(&sstate_driver_v1_x, "x:", handle, dir);
 */
#ifndef LENT_H
#define LENT_H

#include <sys/wait.h>

#include "kit.h"

#include "../session/kit.h"

/* The key ring lies in dir. */
KIT void
lent_session(const struct sstate_driver *d, const char *uri, void *handle,
    const char *dir)
{
	const struct sstate_driver *drivers[] = { d, NULL };
	void *handles[] = { handle };
	char token[KIT_TOKEN + 1], ring[300];
	struct sstate *env;
	uint64_t n = 0;
	int status = -1;
	struct kit k;
	pid_t pid;

	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	kit_init(&k, uri);
	k.o.drivers = drivers;
	k.o.handles = handles;
	k.o.keyring = ring;
	NEED((env = kit_open(&k)) != NULL, "an environment on the handle");
	T(kit_make(token, env, "a", "7", "ann") == 0 &&
		kit_int(env, token, "a") == 7 &&
		kit_put(env, token, "a", 8) == 0 &&
		kit_int(env, token, "a") == 8,
	    "a session");
	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		_exit(kit_opens(env, token) == SSTATE_ENOTSUP ? 0 : 1);
	T(waitpid(pid, &status, 0) == pid && status == 0,
	    "a child does not use its parent's handle: ENOTSUP");
	T(kit_opens(env, token) == 0, "the parent does");
	T(sstate_revoke(&n, env, "ann", NULL, NULL) == 0 && n == 1 &&
		kit_opens(env, token) != 0,
	    "R-27 revoked");
	sstate_close(env);
}

#endif
