/*
 * cgi.c - a program's side of the server: open, accept, stop, close
 *
 * Invariant: immutable after sstate_cgi_open() but for two atomics and what
 * fcgi.c shares, so that threads and a signal handler may have it.
 */
#include <securestate/cgi.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/whole.h"
#include "cgi/fcgi.h"
#include "cgi/request.h"
#include "session/env.h"

enum { PASSED_FD = 3 }; /* where a service manager puts the first */

struct sstate_cgi {
	struct sstate *env;
	struct req_limits lim;
	struct wire wire;
	struct fcgi *fcgi; /* NULL: CGI */
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

/* What a service manager passes; LISTEN_PID says that it is meant for us. */
static int
passed_socket(const char *const *vars)
{
	struct wire w = { vars, -1, -1, NULL, NULL };
	const char *pid = wire_var(&w, "LISTEN_PID");
	const char *fds = wire_var(&w, "LISTEN_FDS");
	char own[24];

	if (pid == NULL || fds == NULL)
		return 0;
	(void)snprintf(own, sizeof(own), "%ld", (long)getpid());
	return strcmp(pid, own) == 0 && strcmp(fds, "1") == 0 &&
	    fcgi_is_listening(PASSED_FD);
}

/* The FastCGI socket, or -1: CGI. */
static int
find_socket(int *fd, const struct sstate_cgi_options *o,
    const char *const *vars, struct sstate_error *err)
{
	*fd = -1;
	if (o->fd != 0) {
		if (o->fd < 0 || !fcgi_is_listening(o->fd))
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "cgi: fd is no socket that listens");
		*fd = o->fd;
	} else if (o->in == 0 && o->out == 0) {
		if (fcgi_is_listening(0))
			*fd = 0;
		else if (passed_socket(vars))
			*fd = PASSED_FD;
	}
	return 0;
}

int
sstate_cgi_open(struct sstate_cgi **out, struct sstate *env,
    const struct sstate_cgi_options *o, struct sstate_error *err)
{
	struct sstate_cgi_options all = SSTATE_CGI_INIT;
	struct sstate_cgi *cgi;
	int r, fd;

	if (out == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "cgi: no out");
	*out = NULL;
	if (env == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "cgi: no environment");
	if (o != NULL &&
	    (r = whole_copy(&all, sizeof(all), o, "cgi options", err)) != 0)
		return r;
	if ((cgi = hook_alloc(env_hook(env), sizeof(*cgi))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "cgi");
	memset(cgi, 0, sizeof(*cgi));
	cgi->env = env;
	cgi->lim.semicolon = (env_flags(env) & SSTATE_CARRY_PAGE) != 0;
	cgi->lim.cookies = (env_flags(env) & SSTATE_CARRY_COOKIE) != 0;
	atomic_flag_clear(&cgi->taken);
	atomic_init(&cgi->stopped, 0);
	if ((r = take_options(cgi, &all, err)) == 0 &&
	    (r = find_socket(&fd, &all, cgi->wire.vars, err)) == 0 && fd >= 0)
		r = fcgi_new(&cgi->fcgi, env, fd, cgi->wire.vars, err);
	if (r != 0) {
		hook_free(env_hook(env), cgi, sizeof(*cgi));
		return r;
	}
	*out = cgi;
	return 0;
}

/* Read it, or answer it here: 0; SSTATE_DONE: it was refused. */
static int
take_request(struct sstate_req **out, struct sstate_cgi *cgi,
    const struct wire *w, int bad, const struct sstate_error *why)
{
	struct sstate_error err = *why;
	struct sstate_req *req;
	int r = bad;

	if ((w->conn != NULL && w->a == NULL) ||
	    (req = req_new(cgi->env, w, &cgi->lim)) == NULL) {
		(void)err_plain(&err, SSTATE_ENOMEM, "request");
		answer_without_memory(w, 503);
		wire_done(w);
		env_log(cgi->env, SSTATE_LOG_ERROR, &err);
		return SSTATE_ENOMEM;
	}
	if (r == 0)
		r = req_read(req, LIMIT_BODY_SECONDS * 1000000ull, &err);
	if (r != 0) {
		if (wire_is_lost(w))
			env_log(cgi->env, SSTATE_LOG_INFO, &err);
		else
			req_refuse(req, r, &err);
		req_free(req);
		return SSTATE_DONE;
	}
	*out = req;
	return 0;
}

int
sstate_cgi_accept(struct sstate_req **out, struct sstate_cgi *cgi,
    struct sstate_error *err)
{
	struct sstate_error why;
	struct wire w;
	int r;

	if (out == NULL || cgi == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "cgi: no out");
	*out = NULL;
	err_clear(&why);
	if (cgi->fcgi == NULL) {
		if (atomic_load(&cgi->stopped) != 0 ||
		    atomic_flag_test_and_set(&cgi->taken))
			return SSTATE_DONE;
		r = take_request(out, cgi, &cgi->wire, 0, &why);
		return r == SSTATE_ENOMEM ? err_plain(err, r, "request") : r;
	}
	do {
		err_clear(&why);
		r = fcgi_next(&w, cgi->fcgi, &why);
		if (r != 0 && w.conn == NULL) {
			if (err != NULL && r != SSTATE_DONE)
				*err = why;
			return r;
		}
		/* One that is refused does not end the program. */
		r = take_request(out, cgi, &w, r, &why);
	} while (r != 0);
	return 0;
}

void
sstate_cgi_stop(struct sstate_cgi *cgi)
{
	if (cgi == NULL)
		return;
	atomic_store(&cgi->stopped, 1);
	if (cgi->fcgi != NULL)
		fcgi_stop(cgi->fcgi);
}

void
sstate_cgi_close(struct sstate_cgi *cgi)
{
	if (cgi == NULL)
		return;
	if (cgi->fcgi != NULL)
		fcgi_free(cgi->fcgi);
	hook_free(env_hook(cgi->env), cgi, sizeof(*cgi));
}
