/*
 * fcgi_open_test.c - a FastCGI socket is opened: each system call and each
 * allocation of it fails, and how many connections it takes
 *
 * link: -Wl,--wrap=fcntl,--wrap=getrlimit,--wrap=mmap,--wrap=eventfd
 * link: -Wl,--wrap=epoll_create1,--wrap=timerfd_create,--wrap=epoll_ctl
 */
#include "fcgi_kit.h"

#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);
int __real_getrlimit(int which, struct rlimit *lim);
int __wrap_getrlimit(int which, struct rlimit *lim);
void *__real_mmap(void *at, size_t n, int prot, int how, int fd, off_t from);
void *__wrap_mmap(void *at, size_t n, int prot, int how, int fd, off_t from);
int __real_eventfd(unsigned n, int flags);
int __wrap_eventfd(unsigned n, int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags);
int __real_epoll_ctl(int ep, int op, int fd, struct epoll_event *e);
int __wrap_epoll_ctl(int ep, int op, int fd, struct epoll_event *e);

/* Of the calls of an opening the k-th fails. */
static struct {
	int on;
	unsigned k, n;
} opening;

static int no_memory; /* the n-th block from now is not there; 0: all are */
static rlim_t room; /* for descriptors, as getrlimit() tells; 0: the truth */
static long live; /* blocks of the library's memory */
static struct sstate *env;

static int
is_kth(void)
{
	if (!opening.on || ++opening.n != opening.k)
		return 0;
	errno = EMFILE;
	return 1;
}

int
__wrap_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return is_kth() ? -1 : __real_fcntl(fd, cmd, arg);
}

int
__wrap_getrlimit(int which, struct rlimit *lim)
{
	int r = is_kth() ? -1 : __real_getrlimit(which, lim);

	if (r == 0 && room != 0)
		lim->rlim_cur = room;
	return r;
}

void *
__wrap_mmap(void *at, size_t n, int prot, int how, int fd, off_t from)
{
	return is_kth() ? MAP_FAILED : __real_mmap(at, n, prot, how, fd, from);
}

int
__wrap_eventfd(unsigned n, int flags)
{
	return is_kth() ? -1 : __real_eventfd(n, flags);
}

int
__wrap_epoll_create1(int flags)
{
	return is_kth() ? -1 : __real_epoll_create1(flags);
}

int
__wrap_timerfd_create(int clock, int flags)
{
	return is_kth() ? -1 : __real_timerfd_create(clock, flags);
}

int
__wrap_epoll_ctl(int ep, int op, int fd, struct epoll_event *e)
{
	return is_kth() ? -1 : __real_epoll_ctl(ep, op, fd, e);
}

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
	if (no_memory > 0 && --no_memory == 0)
		return NULL;
	if ((p = realloc(ptr, newsz)) != NULL)
		live += ptr == NULL;
	return p;
}

static const char *const of_one[] = { "FCGI_WEB_SERVER_ADDRS=192.0.2.1", NULL };

static void
opens(void)
{
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	int fd = fc_listen(), r = 0, good = 1, clean = 1, failed = 0;
	unsigned fds = fk_descriptors();
	long blocks = live;
	struct sstate_error err;
	struct sstate_cgi *cgi;

	o.fd = fd;
	o.vars = of_one;
	for (opening.k = 1; opening.k < 50; opening.k++) {
		err.text[0] = '\0';
		opening.n = 0;
		opening.on = 1;
		r = sstate_cgi_open(&cgi, env, &o, &err);
		opening.on = 0;
		if (r == 0)
			sstate_cgi_close(cgi);
		else {
			failed++;
			good &= cgi == NULL && strchr(err.text, '\n') == NULL &&
			    (r == SSTATE_ESYS ? strncmp(err.text, "fcgi: ", 6)
					      : strcmp(err.text,
						    "process: mmap: Too many "
						    "open files")) == 0;
		}
		clean &= fk_descriptors() == fds && live == blocks;
		if (opening.n < opening.k)
			break;
	}
	T(good && failed == 10 && r == 0,
	    "each of the %d calls of an opening fails: an error in one line",
	    failed);
	T(clean, "no descriptor and no memory is left of them");
	for (good = failed = 0; r != 0 || failed == 0; failed++) {
		no_memory = failed + 1;
		r = sstate_cgi_open(&cgi, env, &o, &err);
		no_memory = 0;
		if (r == 0)
			break;
		good += r == SSTATE_ENOMEM && cgi == NULL && live == blocks &&
		    fk_descriptors() == fds;
	}
	T(good == 4 && failed == 4,
	    "P4 each of %d allocations fails: SSTATE_ENOMEM", failed);
	if (r == 0)
		sstate_cgi_close(cgi);
	T(live == blocks, "no memory is left");
	(void)close(fd);
}

/* How many connections the program says it takes. */
static long
connections(void)
{
	struct fc_buf q = { NULL, 0, 0 }, v = { NULL, 0, 0 };
	static struct fc_got g;
	struct fk k;
	long n = -1;
	int fd;

	fk_start(&k, env, 1, NULL, shot_echo, NULL);
	fd = fc_dial(k.listening);
	fc_param(&v, "FCGI_MAX_CONNS", "");
	fc_record(&q, FC_GET_VALUES, 0, v.p, v.n, 0);
	if (fc_push(fd, q.p, q.n) && fc_get(&g, fd) && g.n > 16)
		n = strtol((char *)g.p + 16, NULL, 10);
	(void)close(fd);
	fk_stop(&k);
	fc_drop(&q);
	fc_drop(&v);
	return n;
}

static void
limits(void)
{
	room = 100;
	T(connections() == 50, "connections: half of the descriptors");
	room = 3;
	T(connections() == 8, "... but some");
	room = 1u << 30;
	T(connections() == 1024, "... and no more than 1024");
	room = 0;
}

int
main(void)
{
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	unsigned before;

	o.stores = stores;
	o.alloc = counted;
	NEED(sstate_open(&env, &o, NULL) == 0, "an environment");
	before = fk_descriptors();
	opens();
	limits();
	T(fk_descriptors() == before, "no descriptor is left");
	sstate_close(env);
	T(live == 0, "nor any memory");
	return tap_done();
}
