/*
 * env_test.c - an environment from nothing, and options that contradict
 *
 * Where state and keys go when nobody says, what is never made, and that
 * each mistake is one clear line.  Cases that need other
 * variables run in a child of their own.
 */
#include <pwd.h>
#include <stddef.h>
#include <sys/wait.h>

#include "../tap.h"
#include "kit.h"

static char dir[256];
static unsigned nth;

struct place {
	char root[280], sub[360];
};

/* A folder of its own for each case. */
static void
place(struct place *p)
{
	(void)snprintf(p->root, sizeof(p->root), "%s/e%u", dir, ++nth);
	if (mkdir(p->root, 0700) != 0) {
		perror(p->root);
		exit(2);
	}
}

static const char *
below(struct place *p, const char *name)
{
	(void)snprintf(p->sub, sizeof(p->sub), "%s/%s", p->root, name);
	return p->sub;
}

struct result {
	int code, lines, written;
	char text[248];
};

/*
 * Open with these variables and nothing else, in a child; what = 1: make a
 * session as well.
 */
static void
child(struct result *res, const char *const *vars, uint32_t flags, int what)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	char token[KIT_TOKEN + 1];
	struct sstate *env;
	size_t i;

	(void)clearenv();
	for (i = 0; vars[i] != NULL; i += 2)
		(void)setenv(vars[i], vars[i + 1], 1);
	o.flags = SSTATE_CARRY_OWN | flags;
	res->code = sstate_open(&env, &o, &err);
	memcpy(res->text, err.text, sizeof(res->text));
	if (res->code == 0 && what == 1)
		res->written = kit_make(token, env, "a", "1", NULL);
	sstate_close(env);
}

static void
bare(struct result *res, const char *const *vars, uint32_t flags, int what)
{
	int fd[2], st;
	pid_t pid;

	memset(res, 0, sizeof(*res));
	res->code = 1;
	if (pipe(fd) != 0)
		exit(2);
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		child(res, vars, flags, what);
		_exit(write(fd[1], res, sizeof(*res)) != sizeof(*res));
	}
	(void)close(fd[1]);
	if (pid < 0 || read(fd[0], res, sizeof(*res)) != sizeof(*res))
		res->code = 2;
	(void)close(fd[0]);
	(void)waitpid(pid, &st, 0);
	if (res->code != 0)
		printf("# open: %d %s\n", res->code, res->text);
}

static int
mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

#define VARS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- Places ---------------------------------------------------------- */

static void
variables(void)
{
	struct place p, q;
	struct result r;
	char uri[600];

	bare(&r, VARS("SECURESTATE_STORES", "memory:"), 0, 1);
	T(r.code == 0 && r.written == 0, "SECURESTATE_STORES alone: memory:");
	place(&p);
	bare(&r,
	    VARS("SECURESTATE_STORES", "memory:", "SECURESTATE_KEYRING",
		below(&p, "keys")),
	    0, 1);
	T(r.code == 0 && r.written == 0 && mode_of(p.sub) == 0600,
	    "R-76 SECURESTATE_KEYRING is made on first use, 0600");
	place(&p);
	(void)snprintf(uri, sizeof(uri), "  file:%s?sync=none ",
	    below(&p, "s"));
	bare(&r, VARS("SECURESTATE_STORES", uri), 0, 1);
	T(r.code == 0 && r.written == 0 && mode_of(p.sub) == 0700,
	    "F-03 SECURESTATE_STORES=file: makes a folder, 0700");
	T(mode_of(below(&p, "s/keyring")) == 0600,
	    "R-76 and the ring in it, 0600");
	place(&p);
	place(&q);
	bare(&r, VARS("STATE_DIRECTORY", p.root, "XDG_STATE_HOME", q.root), 0,
	    1);
	T(r.code == 0 && r.written == 0 && kit_files(p.root) >= 2 &&
		kit_files(q.root) == 0 && mode_of(below(&p, "keyring")) == 0600,
	    "STATE_DIRECTORY comes first");
	place(&p);
	(void)snprintf(uri, sizeof(uri), "%s:%s", p.root, q.root);
	bare(&r, VARS("STATE_DIRECTORY", uri), 0, 1);
	T(r.code == 0 && kit_files(p.root) >= 2 && kit_files(q.root) == 0,
	    "STATE_DIRECTORY: the first of several");
	place(&p);
	bare(&r, VARS("XDG_STATE_HOME", p.root), 0, 1);
	T(r.code == 0 && r.written == 0 &&
		mode_of(below(&p, "securestate")) == 0700 &&
		mode_of(below(&p, "securestate/keyring")) == 0600,
	    "XDG_STATE_HOME/securestate");
	place(&p);
	bare(&r, VARS("XDG_STATE_HOME", below(&p, "not/yet/there")), 0, 1);
	T(r.code == 0 && r.written == 0 &&
		mode_of(below(&p, "not/yet/there/securestate")) == 0700,
	    "its folders are made");
}

/* HOME is not asked: a web server's CGI program has none of its own. */
static void
home(void)
{
	struct passwd *pw = getpwuid(geteuid());
	struct place p;
	struct result r;
	int made;

	place(&p);
	bare(&r, VARS("HOME", p.root), SSTATE_NO_CREATE, 0);
	T(kit_files(p.root) == 0 && access(below(&p, ".local"), F_OK) != 0,
	    "HOME is not where state goes");
	if (access("/var/lib/securestate", F_OK) == 0 || pw == NULL ||
	    pw->pw_dir == NULL || pw->pw_dir[1] == '\0') {
		tap_skip("no home folder by the password file");
		return;
	}
	(void)snprintf(p.sub, sizeof(p.sub), "%s/.local/state/securestate",
	    pw->pw_dir);
	made = access(p.sub, F_OK) == 0;
	bare(&r, VARS("DOCUMENT_ROOT", pw->pw_dir), 0, 0);
	T(r.code == SSTATE_EUNSAFE && (access(p.sub, F_OK) == 0) == made,
	    "the password file's home, below DOCUMENT_ROOT: EUNSAFE");
}

static void
document_root(void)
{
	static const char *const bad[] = { "www", "www/s", "www/.", "www/./s",
		"www//s", "./www/s", "www/../www/s", "link/s" };
	struct place p;
	struct result r;
	char root[360], path[360];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		place(&p);
		(void)snprintf(root, sizeof(root), "%s", below(&p, "www"));
		NEED(mkdir(root, 0755) == 0 &&
			symlink("www", below(&p, "link")) == 0,
		    "a web root");
		(void)snprintf(path, sizeof(path), "%s", below(&p, bad[i]));
		bare(&r, VARS("DOCUMENT_ROOT", root, "STATE_DIRECTORY", path),
		    0, 1);
		T(r.code == SSTATE_EUNSAFE,
		    "%s below DOCUMENT_ROOT: EUNSAFE "
		    "(%d)",
		    bad[i], r.code);
		/* A link in it is refused for itself (F-01). */
		T(strchr(r.text, '\n') == NULL &&
			(strstr(r.text, "SECURESTATE_STORES") != NULL ||
			    strstr(bad[i], "link") != NULL),
		    "one line that names what mends it");
		T(kit_files(root) == 0, "nothing was made there");
	}
	/* The web root by a link, as many servers have it. */
	place(&p);
	NEED(mkdir(below(&p, "www"), 0755) == 0, "a web root");
	NEED(symlink("www", below(&p, "link")) == 0, "and a link to it");
	(void)snprintf(root, sizeof(root), "%s", below(&p, "link"));
	(void)snprintf(path, sizeof(path), "%s", below(&p, "www/s"));
	bare(&r, VARS("DOCUMENT_ROOT", root, "STATE_DIRECTORY", path), 0, 1);
	T(r.code == SSTATE_EUNSAFE,
	    "DOCUMENT_ROOT itself a link: EUNSAFE "
	    "(%d)",
	    r.code);
	NEED(mkdir(below(&p, "own"), 0700) == 0, "a private directory");
	(void)snprintf(path, sizeof(path), "file:%s", below(&p, "own"));
	{
		char ring[400];

		(void)snprintf(ring, sizeof(ring), "%s", below(&p, "www/ring"));
		bare(&r, VARS("DOCUMENT_ROOT", root, "SECURESTATE_STORES",
			     path, "SECURESTATE_KEYRING", ring), 0, 1);
	}
	T(r.code == SSTATE_EUNSAFE && strstr(r.text, "KEYRING") != NULL,
	    "R-76 a key ring below DOCUMENT_ROOT: EUNSAFE (%d)", r.code);
	(void)snprintf(path, sizeof(path), "%s", below(&p, "www/s"));
	(void)snprintf(root, sizeof(root), "%s/", below(&p, "www"));
	bare(&r, VARS("DOCUMENT_ROOT", root, "STATE_DIRECTORY", path), 0, 1);
	T(r.code == SSTATE_EUNSAFE, "DOCUMENT_ROOT with a slash: EUNSAFE");
	(void)snprintf(path, sizeof(path), "%s", below(&p, "www-data"));
	bare(&r, VARS("DOCUMENT_ROOT", root, "STATE_DIRECTORY", path), 0, 1);
	T(r.code == 0 && r.written == 0, "a neighbour of like name is not");
}

/* Octets that a URI gives a meaning to, said outright and by default. */
static void
odd_names(void)
{
	static const char *const said[] = { "a%20b", "a%25b", "a%3Fb" };
	static const char *const meant[] = { "a b", "a%b", "a?b" };
	char uri[400], path[400];
	struct place p;
	struct result r;
	size_t i;

	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		place(&p);
		(void)snprintf(uri, sizeof(uri), "file:%s", below(&p, said[i]));
		bare(&r, VARS("SECURESTATE_STORES", uri), 0, 1);
		(void)snprintf(path, sizeof(path), "%s/keyring",
		    below(&p, meant[i]));
		T(r.code == 0 && access(path, F_OK) == 0,
		    "file: %s: records and ring are in %s (%d)", said[i],
		    meant[i], r.code);
		place(&p);
		(void)snprintf(path, sizeof(path), "%s", below(&p, meant[i]));
		bare(&r, VARS("STATE_DIRECTORY", path), 0, 1);
		(void)snprintf(path, sizeof(path), "%s/keyring",
		    below(&p, meant[i]));
		T(r.code == 0 && access(path, F_OK) == 0,
		    "STATE_DIRECTORY %s: taken as it is (%d)", meant[i],
		    r.code);
	}
}

static void
unsafe_places(void)
{
	static const mode_t mode[] = { 0777, 0770, 0755, 0701 };
	char uri[400];
	struct place p;
	struct result r;
	size_t i;

	for (i = 0; i < sizeof(mode) / sizeof(mode[0]); i++) {
		place(&p);
		NEED(mkdir(below(&p, "s"), 0700) == 0 &&
			chmod(p.sub, mode[i]) == 0,
		    "a folder");
		(void)snprintf(uri, sizeof(uri), "file:%s", p.sub);
		bare(&r, VARS("SECURESTATE_STORES", uri), 0, 1);
		T(r.code == SSTATE_EUNSAFE && strchr(r.text, '\n') == NULL,
		    "F-03 a folder of mode %04o: EUNSAFE (%d)",
		    (unsigned)mode[i], r.code);
		T(mode_of(p.sub) == (int)mode[i] && kit_files(p.sub) == 0,
		    "F-03 not mended silently, nothing made");
	}
	place(&p);
	NEED(mkdir(below(&p, "open"), 0700) == 0 && chmod(p.sub, 0777) == 0,
	    "a parent that others can write");
	(void)snprintf(uri, sizeof(uri), "file:%s/s", below(&p, "open"));
	bare(&r, VARS("SECURESTATE_STORES", uri), 0, 1);
	T(r.code == SSTATE_EUNSAFE, "F-02 below it: EUNSAFE (%d)", r.code);
	place(&p);
	NEED(mkdir(below(&p, "real"), 0700) == 0 &&
		symlink("real", below(&p, "link")) == 0,
	    "a link");
	(void)snprintf(uri, sizeof(uri), "file:%s", below(&p, "link"));
	bare(&r, VARS("SECURESTATE_STORES", uri), 0, 1);
	T(r.code == SSTATE_EUNSAFE,
	    "F-01 a folder that is a symlink: EUNSAFE "
	    "(%d)",
	    r.code);
	place(&p);
	NEED(mkdir(below(&p, "s"), 0700) == 0, "a folder");
	(void)snprintf(uri, sizeof(uri), "file:%s", p.sub);
	bare(&r, VARS("SECURESTATE_STORES", uri), 0, 1);
	NEED(r.code == 0 && chmod(below(&p, "s/keyring"), 0644) == 0,
	    "its ring, open to all");
	bare(&r, VARS("SECURESTATE_STORES", uri), 0, 1);
	T(r.code == SSTATE_EUNSAFE && strchr(r.text, '\n') == NULL,
	    "R-76 a ring others can read: EUNSAFE (%d)", r.code);
}

/* NO_CREATE: nothing is made; what needs no key works. */
static void
no_create(void)
{
	char uri[400], token[KIT_TOKEN + 1];
	struct place p;
	struct result r;
	struct sstate *env;
	struct kit k;
	uint64_t n;

	place(&p);
	(void)snprintf(uri, sizeof(uri), "file:%s?sync=none", below(&p, "s"));
	bare(&r, VARS("SECURESTATE_STORES", uri), SSTATE_NO_CREATE, 1);
	T((r.code != 0 || r.written != 0) && access(p.sub, F_OK) != 0,
	    "NO_CREATE: no folder is made (%d)", r.code);
	NEED(mkdir(p.sub, 0700) == 0, "an empty folder");
	kit_init(&k, uri);
	k.o.flags |= SSTATE_NO_CREATE;
	NEED((env = kit_open(&k)) != NULL, "NO_CREATE opens it");
	T(kit_make(token, env, "a", "1", NULL) == SSTATE_EUNSAFE,
	    "a missing ring fails what needs a key");
	T(sstate_reap(&n, env, 0, 0, NULL) == 0 && n == 0,
	    "reaping needs none");
	sstate_close(env);
	T(access(below(&p, "s/keyring"), F_OK) != 0, "none was made");
	k.o.flags &= ~(uint32_t)SSTATE_NO_CREATE;
	NEED((env = kit_open(&k)) != NULL &&
		kit_make(token, env, "a", "1", NULL) == 0,
	    "made by another");
	sstate_close(env);
	k.o.flags |= SSTATE_NO_CREATE;
	NEED((env = kit_open(&k)) != NULL, "NO_CREATE, all is there");
	T(kit_int(env, token, "a") == 1, "then it reads");
	sstate_close(env);
}

/* ---- Options --------------------------------------------------------- */

static void
refused(const char *what, const struct sstate_options *o, int code)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate *env;
	int r;

	r = sstate_open(&env, o, &err);
	T(r == code && env == NULL && err.code == code && err.text[0] != '\0' &&
		strchr(err.text, '\n') == NULL,
	    "%s: %s (%d %s)", what, sstate_strerror(code), r, err.text);
	sstate_close(env);
	T(sstate_open(&env, o, NULL) == code && env == NULL,
	    "the same without an error sink");
	sstate_close(env);
}

static void
bad_flags(void)
{
	static const struct {
		const char *what;
		uint32_t flags;
	} tab[] = {
		{ "two carriers", SSTATE_CARRY_COOKIE | SSTATE_CARRY_PAGE },
		{ "two others", SSTATE_CARRY_OWN | SSTATE_CARRY_PAGE },
		{ "a flag of sstate_how", SSTATE_MUST_EXIST },
		{ "a flag of nobody", 0x80000000u },
		{ "R-41 SameSite None without Secure",
		    SSTATE_SAMESITE_NONE | SSTATE_PLAIN_HTTP },
		{ "R-41 SameSite None and Strict",
		    SSTATE_SAMESITE_NONE | SSTATE_SAMESITE_STRICT },
	};
	struct kit k;
	size_t i;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		kit_init(&k, NULL);
		k.o.flags = tab[i].flags;
		refused(tab[i].what, &k.o, SSTATE_EINVAL);
	}
}

#define TIME(m)                                                                \
	{                                                                      \
#m, offsetof(struct sstate_options, m)                         \
	}

static void
bad_times(void)
{
	static const struct {
		const char *what;
		size_t at;
	} tab[] = { TIME(idle), TIME(lifetime), TIME(renew),
		TIME(cookie_max_age), TIME(page_life), TIME(grace),
		TIME(rotate) };
	static const int64_t v[] = { -2, INT64_MIN, INT64_MAX };
	char what[64];
	struct kit k;
	size_t i, j;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++)
		for (j = 0; j < 3; j++) {
			kit_init(&k, NULL);
			k.o.flags = 0;
			memcpy((char *)&k.o + tab[i].at, &v[j], sizeof(v[j]));
			(void)snprintf(what, sizeof(what), "%s %lld",
			    tab[i].what, (long long)v[j]);
			refused(what, &k.o, SSTATE_EINVAL);
		}
	kit_init(&k, NULL);
	k.o.cookie_max_age = 400 * 86400 + 1;
	refused("R-51 a cookie of over 400 days", &k.o, SSTATE_EINVAL);
	kit_init(&k, NULL);
	k.o.renew_jitter_pct = 101;
	refused("a jitter of 101 %", &k.o, SSTATE_EINVAL);
	kit_init(&k, NULL);
	k.o.max_bytes = SIZE_MAX;
	refused("max_bytes beyond all", &k.o, SSTATE_EINVAL);
	kit_init(&k, NULL);
	k.o.max_values = SIZE_MAX;
	refused("max_values beyond all", &k.o, SSTATE_EINVAL);
}

struct texts {
	const char *what, *ns, *cookie, *path, *domain, *id, *page, *csrf;
	uint32_t flags;
};

static void
bad_texts(void)
{
	static const struct texts tab[] = {
		{ .what = "ns empty", .ns = "" },
		{ .what = "ns with a blank", .ns = "a b" },
		{ .what = "ns with a slash", .ns = "a/b" },
		{ .what = "ns of 33",
		    .ns = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		{ .what = "cookie empty", .cookie = "" },
		{ .what = "cookie with a blank", .cookie = "a b" },
		{ .what = "cookie with ;", .cookie = "a;b" },
		{ .what = "cookie with =", .cookie = "a=b" },
		{ .what = "cookie with LF", .cookie = "a\nb" },
		{ .what = "cookie 8 bit", .cookie = "a\xe4" },
		{ .what = "R-41 __Host- with a domain",
		    .cookie = "__Host-a",
		    .domain = "example.org" },
		{ .what = "R-41 __Host- with a path",
		    .cookie = "__Host-a",
		    .path = "/a" },
		{ .what = "R-41 __Host- without Secure",
		    .cookie = "__Host-a",
		    .flags = SSTATE_PLAIN_HTTP },
		{ .what = "R-41 __host- without Secure",
		    .cookie = "__host-a",
		    .flags = SSTATE_PLAIN_HTTP },
		{ .what = "R-41 __Secure- without Secure",
		    .cookie = "__Secure-a",
		    .flags = SSTATE_PLAIN_HTTP },
		{ .what = "path empty", .path = "" },
		{ .what = "path without /", .path = "a" },
		{ .what = "path with ;", .path = "/a; Domain=x" },
		{ .what = "path with LF", .path = "/a\nSet-Cookie: x" },
		{ .what = "domain with ;", .domain = "x; Path=/" },
		{ .what = "domain with a blank", .domain = "x y" },
		{ .what = "domain empty", .domain = "" },
		{ .what = "id_param empty", .id = "" },
		{ .what = "id_param with &", .id = "a&b" },
		{ .what = "page_param with a quote", .page = "a\"b" },
		{ .what = "csrf_param with <", .csrf = "<b>" },
		{ .what = "id_param is page_param", .id = "x", .page = "x" },
		{ .what = "id_param is csrf_param", .id = "x", .csrf = "x" },
		{ .what = "page_param is the default id_param", .page = ".id" },
	};
	struct kit k;
	size_t i;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		kit_init(&k, NULL);
		k.o.flags = tab[i].flags;
		k.o.ns = tab[i].ns;
		k.o.cookie = tab[i].cookie;
		k.o.cookie_path = tab[i].path;
		k.o.cookie_domain = tab[i].domain;
		k.o.id_param = tab[i].id;
		k.o.page_param = tab[i].page;
		k.o.csrf_param = tab[i].csrf;
		refused(tab[i].what, &k.o, SSTATE_EINVAL);
	}
}

/* The struct's size is its version. */
static void
sizes(void)
{
	struct {
		struct sstate_options o;
		unsigned char tail[64];
	} big;
	struct sstate *env;
	struct kit k;

	kit_init(&k, NULL);
	memset(&big, 0, sizeof(big));
	big.o = k.o;
	big.o.size = sizeof(big);
	T(sstate_open(&env, &big.o, NULL) == 0, "longer, the tail is zero: 0");
	sstate_close(env);
	big.tail[63] = 1;
	refused("longer, and something in it", &big.o, SSTATE_EVERSION);
	k.o.grace = -5; /* beyond what it says it has */
	k.o.size = offsetof(struct sstate_options, id_param);
	T(sstate_open(&env, &k.o, NULL) == 0, "shorter: what is missing is 0");
	sstate_close(env);
	k.o.size = 0;
	refused("no size", &k.o, SSTATE_EINVAL);
	T(sstate_open(NULL, NULL, NULL) == SSTATE_EINVAL, "no out: EINVAL");
	sstate_close(NULL);
	sstate_free(NULL);
}

static void
bad_stores(void)
{
	static const struct {
		const char *what, *uri;
	} tab[] = {
		{ "an unknown scheme", "nosuch:x" },
		{ "no scheme", "/tmp/x" },
		{ "an empty URI", "" },
		{ "a scheme that is a path", "../../x:y" },
		{ "a typo in a parameter", "memory:?max_entrees=1" },
		{ "a parameter that is no number", "memory:?max_expires=soon" },
		{ "a negative one", "memory:?max_expires=-1" },
		{ "a NUL", "memory:%00" },
	};
	struct sstate_error err;
	struct sstate *env;
	struct kit k;
	size_t i;
	int r;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		char ring[300];

		kit_init(&k, tab[i].uri);
		(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
		k.o.keyring = ring;
		memset(&err, 0, sizeof(err));
		r = sstate_open(&env, &k.o, &err);
		T(r < 0 && env == NULL && err.code == r &&
			err.text[0] != '\0' && strchr(err.text, '\n') == NULL,
		    "store: %s: one line (%d %s)", tab[i].what, r, err.text);
		sstate_close(env);
		if (i == 0)
			T(strstr(err.text, "nosuch") != NULL,
			    "it names the scheme");
		if (i == 4)
			T(strstr(err.text, "max_entrees") != NULL,
			    "it names the parameter");
	}
	kit_init(&k, NULL);
	k.stores[0] = NULL;
	refused("an empty list of stores", &k.o, SSTATE_EINVAL);
}

int
main(void)
{
	kit_folder(dir);
	bad_flags();
	bad_times();
	bad_texts();
	sizes();
	bad_stores();
	variables();
	home();
	document_root();
	odd_names();
	unsafe_places();
	no_create();
	kit_remove(dir);
	return tap_done();
}
