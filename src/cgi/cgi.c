/*
 * cgi.c - a program's side of the server: open, accept, stop, close
 *
 * Invariant: immutable after sstate_cgi_open() but for two atomics, so that
 * threads and a signal handler may share it.
 */
#include <securestate/cgi.h>

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "cgi/request.h"
#include "session/env.h"
#include "session/options.h"

struct sstate_cgi {
	struct sstate *env;
	struct req_limits lim;
	struct wire wire;
	atomic_flag taken; /* CGI: one request a process */
	atomic_int stopped;
};

static size_t
or_default(size_t n, size_t dflt)
{
	return n != 0 ? n : dflt;
}

static int
take_options(struct sstate_cgi *cgi, const struct sstate_cgi_options *o,
    struct sstate_error *err)
{
	if ((o->flags & ~SSTATE_NO_UPLOADS) != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0, "cgi: foreign flags");
	if (o->fd != 0)
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "cgi: another socket than the protocol's");
	if (o->max_params > LIMIT_PARAMS)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "cgi: max_params is over %u", LIMIT_PARAMS);
	if (o->max_body > SIZE_MAX / 8 || o->max_upload > SIZE_MAX / 8 ||
	    o->max_reply > SIZE_MAX / 16)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "cgi: a limit that is none");
	cgi->lim.body = or_default(o->max_body, LIMIT_BODY_BYTES);
	cgi->lim.upload = or_default(o->max_upload, LIMIT_UPLOAD_BYTES);
	if ((o->flags & SSTATE_NO_UPLOADS) != 0)
		cgi->lim.upload = 0;
	cgi->lim.params = or_default(o->max_params, LIMIT_PARAMS);
	cgi->lim.reply = or_default(o->max_reply, LIMIT_REPLY_BYTES);
	cgi->wire.vars =
	    o->vars != NULL ? o->vars : (const char *const *)environ;
	cgi->wire.in = o->in;
	cgi->wire.out = o->in == 0 && o->out == 0 ? 1 : o->out;
	return 0;
}

int
sstate_cgi_open(struct sstate_cgi **out, struct sstate *env,
    const struct sstate_cgi_options *o, struct sstate_error *err)
{
	struct sstate_cgi_options all = SSTATE_CGI_INIT;
	struct sstate_cgi *cgi;
	int r;

	if (out == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "cgi: no out");
	*out = NULL;
	if (env == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "cgi: no environment");
	if (o != NULL &&
	    (r = options_copy(&all, sizeof(all), o, "cgi options", err)) != 0)
		return r;
	if ((cgi = hook_alloc(env_hook(env), sizeof(*cgi))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "cgi");
	memset(cgi, 0, sizeof(*cgi));
	cgi->env = env;
	cgi->lim.semicolon = (env_flags(env) & SSTATE_CARRY_PAGE) != 0;
	cgi->lim.cookies = (env_flags(env) & SSTATE_CARRY_COOKIE) != 0;
	atomic_flag_clear(&cgi->taken);
	atomic_init(&cgi->stopped, 0);
	if ((r = take_options(cgi, &all, err)) != 0) {
		hook_free(env_hook(env), cgi, sizeof(*cgi));
		return r;
	}
	*out = cgi;
	return 0;
}

int
sstate_cgi_accept(struct sstate_req **out, struct sstate_cgi *cgi,
    struct sstate_error *err)
{
	struct sstate_error why = { 0, 0, "" };
	struct sstate_req *req;
	uint64_t deadline;
	int r;

	if (out == NULL || cgi == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "cgi: no out");
	*out = NULL;
	if (atomic_load(&cgi->stopped) != 0 ||
	    atomic_flag_test_and_set(&cgi->taken))
		return SSTATE_DONE;
	if ((req = req_new(cgi->env, &cgi->wire, &cgi->lim)) == NULL) {
		answer_without_memory(&cgi->wire, 503);
		return err_plain(err, SSTATE_ENOMEM, "request");
	}
	deadline = clock_mono_us() + LIMIT_BODY_SECONDS * 1000000ull;
	if ((r = req_read(req, deadline, &why)) != 0) {
		req_refuse(req, r, &why);
		req_free(req);
		return SSTATE_DONE;
	}
	*out = req;
	return 0;
}

void
sstate_cgi_stop(struct sstate_cgi *cgi)
{
	if (cgi != NULL)
		atomic_store(&cgi->stopped, 1);
}

void
sstate_cgi_close(struct sstate_cgi *cgi)
{
	if (cgi != NULL)
		hook_free(env_hook(cgi->env), cgi, sizeof(*cgi));
}
