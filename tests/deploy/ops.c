/*
 * ops.c - what an application does over hours, by a clock of its own
 *
 * usage: ops URI DIRECTORY	prints "works" or what fails, line by line
 *
 * All that changes a store: creation, growth, rotation, log-in, listing,
 * revocation, log-out, reaping; a waiting writer; threads that meet; a key
 * ring that changed.  It calls nothing of the system itself but for its
 * lines, what comes before sstate_open(), and its end.  What another process
 * has to do (hold a lock, change the ring) does a child from before.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <securestate.h>

#define DAY 86400
enum { THREADS = 4, EACH = 25 };

int shim_confine(void) __attribute__((weak));

static int64_t ahead; /* of the real clock */
static int failed;
static char cookie[256];
static struct sstate *env;
static pthread_barrier_t meet;

static int64_t
clock_now(void *arg)
{
	(void)arg;
	return (int64_t)time(NULL) + ahead;
}

/* write(2), not stdio: an answer is written so, too. */
static void
says(int good, const char *what)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s %s\n",
	    good ? "works" : "fails", what);

	failed |= !good;
	if (n > 0 && write(1, line, (size_t)n) < 0)
		failed = 1;
}

static const char *
header(void *arg, const char *name)
{
	const char *with = arg;

	return strcmp(name, "Cookie") == 0 && with[0] != '\0' ? with : NULL;
}

static void
take_cookie(void *arg, const char *name, const char *value)
{
	(void)arg;
	if (strcmp(name, "Set-Cookie") == 0)
		(void)snprintf(cookie, sizeof(cookie), "%.*s",
		    (int)strcspn(value, ";"), value);
}

static struct sstate_session *
begin(char *with)
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;

	web.path = "/ops";
	web.header = header;
	web.arg = with;
	return sstate_begin(&s, env, NULL, &web, NULL) == 0 ? s : NULL;
}

static int
end(struct sstate_session *s)
{
	int r = sstate_commit(s);

	if (r == 0)
		sstate_headers(s, take_cookie, NULL);
	sstate_free(s);
	return r;
}

/* ---- the child from before ------------------------------------------- */

static int to_child[2], to_us[2];

/* Lock every record of a namespace for a moment, as another writer would. */
static void
hold_locks(const char *directory)
{
	static const struct timespec moment = { 0, 50000000 };
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[4096];
	struct dirent *e;
	int i, fd;
	DIR *d;

	for (i = 0; i < 256; i++) {
		(void)snprintf(path, sizeof(path), "%s/n.app/%02x", directory,
		    (unsigned)i);
		if ((d = opendir(path)) == NULL)
			continue;
		while ((e = readdir(d)) != NULL) {
			fd = openat(dirfd(d), e->d_name, O_RDWR | O_CLOEXEC);
			if (fd >= 0)
				(void)fcntl(fd, F_OFD_SETLKW, &fl);
		}
		(void)closedir(d);
	}
	(void)write(to_us[1], "x", 1);
	(void)nanosleep(&moment, NULL);
	_exit(0); /* and they are gone */
}

static void
child(const char *directory)
{
	char what, path[4096];

	while (read(to_child[0], &what, 1) == 1) {
		if (what == 'l' && fork() == 0)
			hold_locks(directory);
		if (what == 'k') {
			(void)snprintf(path, sizeof(path), "%s/keyring",
			    directory);
			(void)utimensat(AT_FDCWD, path, NULL, 0);
			(void)write(to_us[1], "x", 1);
		}
	}
	_exit(0);
}

static void
ask(char what)
{
	if (write(to_child[1], &what, 1) != 1 || read(to_us[0], &what, 1) != 1)
		failed = 1;
}

/* ---- the subjects ---------------------------------------------------- */

static void
values(void)
{
	static const size_t sizes[] = { 10, 3000, 40000, 100 };
	static char text[40000];
	struct sstate_val v = { text, 0 };
	struct sstate_session *s;
	size_t i;
	int r = 0;

	memset(text, 'x', sizeof(text));
	cookie[0] = '\0';
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && r == 0; i++) {
		if ((s = begin(cookie)) == NULL)
			break;
		v.len = sizes[i];
		(void)sstate_set(s, SSTATE_STORED, "v", &v, 1);
		r = end(s);
	}
	says(r == 0 && i == 4, "a record is made, grows and shrinks");
}

static void
ids(void)
{
	struct sstate_session *s;
	char old[256];
	int good;

	(void)snprintf(old, sizeof(old), "%s", cookie);
	ahead += 1000;
	good = (s = begin(cookie)) != NULL &&
	    sstate_setint(s, SSTATE_STORED, "n", 1) == 0 && end(s) == 0 &&
	    strcmp(old, cookie) != 0;
	says(good, "an id is rotated");
	good = (s = begin(old)) != NULL &&
	    sstate_int(s, SSTATE_STORED, "n", 0, 9, 0) == 1 && end(s) == 0;
	says(good, "the one before leads on for the grace");
	ahead += 200;
	good = (s = begin(old)) != NULL &&
	    sstate_int(s, SSTATE_STORED, "n", 0, 9, 0) == 0;
	sstate_free(s);
	says(good, "and then no more");
}

static int
counts(void *arg, const struct sstate_info *in)
{
	(void)in;
	++*(int *)arg;
	return 0;
}

static void
users(void)
{
	struct sstate_session *s;
	uint64_t ended = 0;
	int n = 0, good;

	cookie[0] = '\0';
	good = (s = begin(cookie)) != NULL && sstate_login(s, "u") == 0 &&
	    end(s) == 0;
	says(good, "a log-in");
	good = sstate_list(env, "u", counts, &n, NULL) == 0 && n == 1 &&
	    sstate_list(env, NULL, counts, &n, NULL) == 0 && n > 1;
	says(good, "sessions are listed");
	good = sstate_revoke(&ended, env, "u", NULL, NULL) == 0 && ended == 1;
	says(good, "a user's are ended");
	good = (s = begin(cookie)) != NULL && sstate_user(s) == NULL;
	sstate_free(s);
	says(good, "and stay so");
	cookie[0] = '\0';
	good = (s = begin(cookie)) != NULL && sstate_login(s, "v") == 0 &&
	    end(s) == 0 && (s = begin(cookie)) != NULL &&
	    sstate_logout(s) == 0 && end(s) == 0;
	says(good, "a log-out");
}

static void
waits(void)
{
	struct sstate_session *s;
	int good;

	cookie[0] = '\0';
	good = (s = begin(cookie)) != NULL &&
	    sstate_setint(s, SSTATE_STORED, "n", 1) == 0 && end(s) == 0;
	ask('l');
	good = good && (s = begin(cookie)) != NULL &&
	    sstate_setint(s, SSTATE_STORED, "n", 2) == 0 && end(s) == 0;
	says(good, "a writer waits for another one");
}

static void
ring(void)
{
	struct sstate_session *s;
	int good;

	ask('k');
	ahead += 100;
	good = (s = begin(cookie)) != NULL &&
	    sstate_int(s, SSTATE_STORED, "n", 0, 9, 0) == 2;
	sstate_free(s);
	says(good, "a key ring that changed is read again");
}

static void
reaps(void)
{
	uint64_t n = 0;
	int good;

	good = sstate_reap(&n, env, 1, 0, NULL) == 0;
	ahead += 2 * DAY;
	good = good && sstate_reap(&n, env, 0, 0, NULL) == 0 && n > 0;
	says(good, "what expired is removed");
}

static void *
adds(void *started)
{
	struct sstate_session *s;
	intptr_t bad = 0;
	int i;

	(void)started;
	(void)pthread_barrier_wait(&meet); /* the environment is open */
	if (shim_confine != NULL && shim_confine() != 0)
		bad = 1;
	(void)pthread_barrier_wait(&meet); /* there is a session */
	for (i = 0; i < EACH; i++) {
		if ((s = begin(cookie)) == NULL) {
			bad = 1;
			break;
		}
		(void)sstate_incr(NULL, s, "sum", 1);
		if (sstate_commit(s) != 0)
			bad = 1;
		sstate_free(s);
	}
	if (bad)
		says(0, "a thread");
	(void)pthread_barrier_wait(&meet); /* all have added */
	(void)pthread_barrier_wait(&meet); /* never */
	return NULL;
}

static void
threads(void)
{
	struct sstate_session *s;
	int good;

	cookie[0] = '\0';
	good = (s = begin(cookie)) != NULL &&
	    sstate_setint(s, SSTATE_STORED, "sum", 0) == 0 && end(s) == 0;
	(void)pthread_barrier_wait(&meet);
	(void)pthread_barrier_wait(&meet);
	good = good && (s = begin(cookie)) != NULL &&
	    sstate_int(s, SSTATE_STORED, "sum", 0, 1000, 0) == THREADS * EACH;
	sstate_free(s);
	says(good, "threads lose nothing");
}

int
main(int argc, char **argv)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *stores[2] = { NULL, NULL };
	struct sstate_error err;
	pthread_t t;
	int i;

	if (argc != 3 || pipe(to_child) != 0 || pipe(to_us) != 0)
		return 1;
	if (fork() == 0) {
		(void)close(to_child[1]);
		child(argv[2]);
	}
	(void)close(to_child[0]);
	if (pthread_barrier_init(&meet, NULL, THREADS + 1) != 0)
		return 1;
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t, NULL, adds, NULL) != 0)
			return 1;
	stores[0] = argv[1];
	o.stores = stores;
	o.now = clock_now;
	if (sstate_open(&env, &o, &err) != 0) {
		says(0, err.text);
		return 1;
	}
	(void)pthread_barrier_wait(&meet);
	values();
	ids();
	users();
	waits();
	ring();
	threads();
	reaps();
	sstate_close(env);
	_exit(failed); /* with its threads, which wait for good */
}
