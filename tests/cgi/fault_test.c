/*
 * fault_test.c - each call that a request makes fails, one by one
 *
 * link: -Wl,--wrap=pwrite,--wrap=pread,--wrap=write,--wrap=fdatasync
 * link: -Wl,--wrap=fsync,--wrap=renameat,--wrap=linkat,--wrap=unlinkat
 * link: -Wl,--wrap=openat,--wrap=fallocate,--wrap=fchmod,--wrap=mkdirat
 * link: -Wl,--wrap=mknodat,--wrap=ftruncate,--wrap=close,--wrap=fcntl
 * link: -Wl,--wrap=fstatat,--wrap=fstat,--wrap=syscall,--wrap=poll
 * link: -Wl,--wrap=read,--wrap=writev,--wrap=open,--wrap=unlink
 * link: -Wl,--wrap=mmap,--wrap=getrandom,--wrap=sigprocmask
 * link: -Wl,--wrap=sigtimedwait
 *
 * The k-th call fails, k = 1, 2, ... until a request ends without so many:
 * the body's, the upload's, the answer's and those of the file store below;
 * then the k-th operation of the store.  After each: the answer, whole, or a
 * page that tells its status and nothing of why; the old record or the new
 * one, and the new one where the answer says so; no memory, descriptor,
 * mapping, file, signal or signal mask is left behind.
 */
#include "shot.h"

#include <dirent.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/uio.h>

#include "../store/fault_driver.h"
#include "../store/file_wrap.h"

extern const struct sstate_driver sstate_driver_v1_file;

enum {
	C_POLL = 4096,
	C_READ = 8192,
	C_WRITEV = 16384,
	C_TMPFILE = 32768,
	C_UNLINK = 65536,
	C_MAP = 131072,
	C_RANDOM = 262144,
	C_MASK = 524288,
	C_ANY = (C_LEADS << 1) - 1,
};

enum { BIG = 70000, LONG = 30000 };

static struct shot s;
static struct sstate *env;
static struct fault store;
static char dir[SHOT_DIR], tmp[SHOT_DIR + 8];
static int no_tmpfile; /* as where the file system knows no O_TMPFILE */
static int wait_breaks; /* the next wait for a signal: EINTR */
static int unlink_failed;
static long live; /* blocks of the library's memory */

int __real_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms);
ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __real_writev(int fd, const struct iovec *v, int n);
ssize_t __wrap_writev(int fd, const struct iovec *v, int n);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
void *__real_mmap(void *at, size_t n, int prot, int how, int fd, off_t from);
void *__wrap_mmap(void *at, size_t n, int prot, int how, int fd, off_t from);
ssize_t __real_getrandom(void *p, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);
int __real_sigtimedwait(const sigset_t *set, siginfo_t *info,
    const struct timespec *most);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info,
    const struct timespec *most);
int __real_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old);

/* Short: the time is over too early. */
int
__wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
	if (now(C_POLL, 'p', 0))
		return inject.kind == FAIL ? -1 : 0;
	return __real_poll(p, n, ms);
}

ssize_t
__wrap_read(int fd, void *p, size_t n)
{
	if (now(C_READ, 'R', 0))
		return inject.kind == FAIL ? -1
					   : __real_read(fd, p, (n + 1) / 2);
	return __real_read(fd, p, n);
}

ssize_t
__wrap_writev(int fd, const struct iovec *v, int n)
{
	struct iovec half = v[0];

	if (!now(C_WRITEV, 'W', 0))
		return __real_writev(fd, v, n);
	if (inject.kind == FAIL) {
		/* What the kernel does, too. */
		if (inject.error == EPIPE)
			(void)raise(SIGPIPE);
		errno = inject.error;
		return -1;
	}
	half.iov_len = (half.iov_len + 1) / 2;
	return __real_writev(fd, &half, 1);
}

int
__wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & (O_CREAT | O_TMPFILE)) != 0)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (now(C_TMPFILE, 'T', 0))
		return -1;
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_open(path, flags, mode);
}

int
__wrap_unlink(const char *path)
{
	if (now(C_UNLINK, 'U', 0)) {
		unlink_failed = 1;
		return -1;
	}
	return __real_unlink(path);
}

void *
__wrap_mmap(void *at, size_t n, int prot, int how, int fd, off_t from)
{
	if (now(C_MAP, 'P', 0))
		return MAP_FAILED;
	return __real_mmap(at, n, prot, how, fd, from);
}

ssize_t
__wrap_getrandom(void *p, size_t n, unsigned flags)
{
	if (now(C_RANDOM, 'g', 0))
		return inject.kind == FAIL
		    ? -1
		    : __real_getrandom(p, (n + 1) / 2, flags);
	return __real_getrandom(p, n, flags);
}

int
__wrap_sigtimedwait(const sigset_t *set, siginfo_t *info,
    const struct timespec *most)
{
	if (wait_breaks) {
		wait_breaks = 0;
		errno = EINTR;
		return -1;
	}
	return __real_sigtimedwait(set, info, most);
}

int
__wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	/* To take its own mask back always works. */
	if (how == SIG_BLOCK && now(C_MASK, 'b', 0))
		return -1;
	return __real_sigprocmask(how, set, old);
}

/* ---- What a request leaves behind ------------------------------------- */

static void *
counted(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	void *p;

	(void)arg;
	(void)oldsz;
	if (newsz == 0) {
		live -= ptr != NULL;
		free(ptr);
		return NULL;
	}
	if ((p = realloc(ptr, newsz)) != NULL)
		live += ptr == NULL;
	return p;
}

static size_t
entries(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

/* The octets of all files in tmp: no upload may be found there. */
static off_t
left_in_tmp(void)
{
	DIR *d = opendir(tmp);
	struct dirent *e;
	struct stat st;
	off_t all = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] == '.' && e->d_name[1] == 's' &&
		    fstatat(dirfd(d), e->d_name, &st, 0) == 0) {
			all += st.st_size;
			(void)unlinkat(dirfd(d), e->d_name, 0);
		}
	if (d != NULL)
		(void)closedir(d);
	return all;
}

static int
mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[1024];
	int n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, tmp) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return n;
}

struct left {
	long live;
	size_t fds, tmp;
	int maps, blocked, pending;
};

static void
look(struct left *l)
{
	sigset_t set;

	l->live = live;
	l->fds = entries("/proc/self/fd");
	l->tmp = entries(tmp);
	l->maps = mapped();
	(void)__real_sigprocmask(SIG_BLOCK, NULL, &set);
	l->blocked = sigismember(&set, SIGPIPE);
	(void)sigpending(&set);
	l->pending = sigismember(&set, SIGPIPE);
}

/* ---- Requests --------------------------------------------------------- */

static void
arm(int on)
{
	inject.on = on;
}

static void
start(const char *method, const char *jar)
{
	shot_begin(&s);
	shot_var(&s, method);
	shot_var(&s, "SCRIPT_NAME=/app");
	shot_var(&s, "HTTP_HOST=localhost");
	if (jar != NULL)
		shot_var(&s, jar);
}

/* Changes two values of the session; the page shows what came, and them. */
static void
program(struct sstate_req *req, void *arg)
{
	static char line[LONG + 1];
	const struct sstate_file *f;
	struct sstate_session *session;
	size_t i, want = arg != NULL ? LONG : 1;
	int r;

	if ((r = sstate_req_session(&session, req, NULL, NULL)) != 0) {
		sstate_req_error(req, r);
		return;
	}
	memset(line, 'x', LONG);
	sstate_setstr(session, SSTATE_STORED, "v",
	    sstate_str(session, SSTATE_STORED, "v") == NULL ? "old" : "new");
	sstate_incr(NULL, session, "n", 1);
	sstate_req_write(req, line, want);
	shot_show_memory(req, session, SSTATE_SENT);
	for (i = 0; (f = sstate_req_file(req, "f", i)) != NULL; i++)
		sstate_req_html(req, "%zu%c", f->data.len,
		    f->data.ptr[f->data.len / 2]);
}

static void
seen(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;
	const char *v;

	(void)arg;
	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	v = sstate_str(session, SSTATE_STORED, "v");
	sstate_req_html(req, "%s%d", v != NULL ? v : "none",
	    (int)sstate_int(session, SSTATE_STORED, "n", 0, 9, 0));
}

struct scene {
	const char *name, *type;
	int status;
	int length; /* CONTENT_LENGTH, too */
	size_t small, big; /* files of so many octets */
	int plain; /* no O_TMPFILE here */
	int pages; /* an answer in several pieces */
};

static const struct scene scenes[] = {
	{ "a form", FORM_TYPE, 200, 1, 0, 0, 0, 0 },
	{ "a form without its length", FORM_TYPE, 200, 0, 0, 0, 0, 0 },
	{ "a long answer", FORM_TYPE, 200, 1, 0, 0, 0, 1 },
	{ "an upload", "CONTENT_TYPE=multipart/form-data; boundary=X", 200, 1,
	    100, BIG, 0, 0 },
	{ "an upload without O_TMPFILE",
	    "CONTENT_TYPE=multipart/form-data; boundary=X", 200, 1, 0, BIG, 1,
	    0 },
	{ "a body that is refused", "CONTENT_TYPE=multipart/form-data", 400, 1,
	    0, 0, 0, 0 },
};

static size_t
file_part(char *p, size_t size)
{
	static const char head[] = "--X\r\nContent-Disposition: form-data; "
				   "name=f; filename=a\r\n\r\n";
	size_t n = sizeof(head) - 1;

	if (size == 0)
		return 0;
	memcpy(p, head, n);
	memset(p + n, 'F', size);
	memcpy(p + n + size, "\r\n", 2);
	return n + size + 2;
}

static void
body(const struct scene *c)
{
	static char p[2 * BIG];
	size_t n;

	if (strcmp(c->type, FORM_TYPE) == 0)
		n = (size_t)snprintf(p, sizeof(p), "a=1&b=2");
	else {
		n = file_part(p, c->small);
		n += file_part(p + n, c->big);
		n += (size_t)snprintf(p + n, sizeof(p) - n, "--X--\r\n");
	}
	if (c->length)
		shot_body(&s, p, n);
	else
		shot_bare_body(&s, p, n);
}

static void
request(const struct scene *c, const char *jar)
{
	static char pieces[] = "";

	start("REQUEST_METHOD=POST", jar);
	shot_var(&s, c->type);
	if (c->pages)
		s.opts.max_reply = LONG / 4;
	body(c);
	no_tmpfile = c->plain;
	s.inside = arm;
	shot_fire(&s, env, program, c->pages ? pieces : NULL);
	no_tmpfile = 0;
}

/* A new session of value "old"; its cookie. */
static int
prepare(char jar[JAR_MAX])
{
	start("REQUEST_METHOD=POST", NULL);
	shot_fire(&s, env, program, NULL);
	return *shot_cookie(&s, jar) != '\0';
}

/* ---- After each ------------------------------------------------------- */

static int
shows(const char *jar, const char *record)
{
	start("REQUEST_METHOD=GET", jar);
	shot_fire(&s, env, seen, NULL);
	return s.status == 200 && shot_page_is(&s, record);
}

struct want {
	char *out; /* the answer of an untouched request */
	size_t len;
	int status;
};

/* NULL, or what is wrong with the answer; *done: did it say so? */
static const char *
judge_answer(const struct want *w, int must, int *done)
{
	*done = s.accepted == 0 && s.ended == 0;
	if (must && (s.status != w->status || s.outlen != w->len))
		return "it was not tried again";
	if (*done && s.status == 0)
		return "a success without an answer";
	if (strstr(s.out, dir) != NULL)
		return "R-99 a path in the answer";
	/* What is no page of an error is the answer, or its beginning. */
	if (s.outlen > 0 && s.status < 500 &&
	    (s.outlen > w->len || memcmp(s.out, w->out, s.outlen) != 0))
		return "neither the answer nor its beginning";
	if (*done && s.status < 500 && s.outlen != w->len)
		return "half an answer, and nobody knows";
	if (s.status >= 500 && (s.page == NULL || strstr(s.page, "x") != NULL))
		return "a page of the program with an error's status";
	if (!*done && s.status == 200 &&
	    strchr("Wb", inject.log[inject.len - 1]) == NULL)
		return "a success, and yet a failure";
	if (!*done && w->status == 200 && shot_logged == 0)
		return "R-99 nothing in the log";
	return NULL;
}

static const char *
judge_record(const char *jar, int done)
{
	int committed = done && s.status == 200;

	if (!shows(jar, "new2") && committed)
		return "an answer without its commit";
	if (!shot_page_is(&s, "old1") && !shot_page_is(&s, "new2"))
		return "neither the old record nor the new one";
	return NULL;
}

static const char *
judge_left(const struct left *was, off_t upload)
{
	struct left is;

	shot_end(&s);
	look(&is);
	if (is.live != was->live)
		return "memory leaks";
	if (is.fds != was->fds)
		return "a descriptor leaks";
	if (is.maps != was->maps)
		return "a mapping leaks";
	if (is.blocked != was->blocked || is.pending != was->pending)
		return "a signal, or the mask";
	if (upload != 0)
		return "M13 an upload is left in TMPDIR";
	if (!unlink_failed && is.tmp != was->tmp)
		return "M13 a file is left in TMPDIR";
	return NULL;
}

static const char *
one(const struct scene *c, const struct want *w, int must)
{
	const char *bad;
	char jar[JAR_MAX];
	struct left was;
	off_t upload;
	int done;

	inject.on = 0;
	store.at = 0;
	/* Read last, as after it: the store keeps what it read. */
	if (!prepare(jar) || !shows(jar, "old1"))
		return "cannot prepare";
	shot_end(&s);
	look(&was);
	unlink_failed = 0;
	inject.n = 0;
	inject.fired = 0;
	inject.len = 0;
	memset(inject.log, 0, sizeof(inject.log));
	if (inject.which == 0)
		fault_arm(&store, inject.k, FAULT_ANY, inject.kind,
		    inject.error);
	request(c, jar);
	if (inject.which == 0)
		inject.fired = store.fired > 0;
	store.at = 0;
	upload = left_in_tmp();
	bad = judge_answer(w, must || !inject.fired, &done);
	if (bad == NULL)
		bad = judge_record(jar, done);
	if (bad == NULL)
		bad = judge_left(&was, upload);
	return bad;
}

/* A request that nothing happens to. */
static void
untouched(const struct scene *c, struct want *w)
{
	char jar[JAR_MAX];

	memset(&inject, 0, sizeof(inject));
	NEED(prepare(jar), "%s: a session", c->name);
	request(c, jar);
	w->out = malloc(s.outlen + 1);
	memcpy(w->out, s.out, s.outlen + 1);
	w->len = s.outlen;
	w->status = s.status;
	T(s.status == c->status, "%s: %d when nothing fails", c->name,
	    s.status);
}

static void
sweep(const struct scene *c, const struct want *w, int kind, int error,
    int which, int must)
{
	const char *bad = NULL;
	unsigned k = 0;

	do {
		memset(&inject, 0, sizeof(inject));
		inject.kind = kind;
		inject.error = error;
		inject.which = which;
		inject.k = ++k;
		bad = one(c, w, must);
	} while (inject.fired && bad == NULL && k < 2000);
	T(bad == NULL && k < 2000, "%s, %s at each of %u calls: %s %s", c->name,
	    kind == SHORT && which != 0 ? "half of it"
		: which == 0		? sstate_strerror(error)
					: strerrorname_np(error),
	    k - 1, bad != NULL ? bad : "safe", bad != NULL ? inject.log : "");
}

static void
open_env(void)
{
	static char uri[SHOT_DIR + 40], ring[SHOT_DIR + 40];
	static const char *stores[] = { uri, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err;

	(void)snprintf(uri, sizeof(uri), "fault:%s/store?sync=data", dir);
	(void)snprintf(ring, sizeof(ring), "%s/keyring", dir);
	fault_init(&store, &sstate_driver_v1_file, 0);
	o.stores = stores;
	o.drivers = store.drivers;
	o.handles = (void *[]){ &store };
	o.keyring = ring;
	o.alloc = counted;
	o.log = shot_take_log;
	if (sstate_open(&env, &o, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

/* E4: the program's own SIGPIPE stays what it was. */
static void
signals(const struct want *w)
{
	static const struct timespec none = { 0, 0 };
	struct scene c = scenes[0];
	sigset_t set;

	c.name = "an interrupted wait for SIGPIPE";
	wait_breaks = 1;
	sweep(&c, w, FAIL, EPIPE, C_WRITEV, 0);
	T(wait_breaks == 0, "E4 there was one");
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	(void)__real_sigprocmask(SIG_BLOCK, &set, NULL);
	c.name = "E4 a program that holds SIGPIPE back";
	sweep(&c, w, FAIL, EPIPE, C_WRITEV, 0);
	(void)raise(SIGPIPE);
	c.name = "E4 one that has one waiting";
	sweep(&c, w, FAIL, EPIPE, C_WRITEV, 0);
	T(__real_sigtimedwait(&set, NULL, &none) == SIGPIPE,
	    "E4 its own is still there");
	(void)__real_sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
main(void)
{
	static const int errors[] = { EIO, ENOSPC, ENOMEM, EPIPE };
	struct want w;
	size_t i, j;

	shot_dir(dir);
	(void)snprintf(tmp, sizeof(tmp), "%s/tmp", dir);
	NEED(mkdir(tmp, 0700) == 0 && setenv("TMPDIR", tmp, 1) == 0,
	    "a TMPDIR of our own");
	open_env();
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		untouched(&scenes[i], &w);
		for (j = 0; j < sizeof(errors) / sizeof(errors[0]); j++)
			sweep(&scenes[i], &w, FAIL, errors[j], C_ANY, 0);
		sweep(&scenes[i], &w, FAIL, EINTR,
		    C_POLL | C_READ | C_WRITEV | C_WRITE | C_RANDOM | C_PWRITE |
			C_PREAD | C_SYNC | C_ROOM | C_CLOSE,
		    1);
		sweep(&scenes[i], &w, FAIL, EAGAIN, C_READ | C_WRITEV, 1);
		sweep(&scenes[i], &w, SHORT, 0,
		    C_POLL | C_READ | C_WRITEV | C_WRITE | C_RANDOM | C_PWRITE |
			C_PREAD,
		    1);
		sweep(&scenes[i], &w, FAULT_REFUSE, SSTATE_ESTORE, 0, 0);
		sweep(&scenes[i], &w, FAULT_REFUSE, SSTATE_EBUSY, 0, 0);
		sweep(&scenes[i], &w, FAULT_LOSE_ANSWER, SSTATE_ESTORE, 0, 0);
		if (i == 0)
			signals(&w);
		free(w.out);
	}
	shot_begin(&s);
	shot_end(&s);
	sstate_close(env);
	T(live == 0, "the environment leaves no memory");
	T(nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS) == 0, "nothing is left");
	return tap_done();
}
