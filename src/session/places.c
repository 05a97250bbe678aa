/*
 * places.c - where state and keys are when nobody says
 *
 * Invariant: a place that was not named by the program or its administrator
 * is never below DOCUMENT_ROOT, where the web server would hand it out.
 */
#include "session/places.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "store/conf.h"

static const char *
join(struct arena *a, const char *dir, const char *name)
{
	size_t n = strlen(dir), more = strlen(name) + 1;
	char *p = arena_get(a, n + 1 + more);

	if (p == NULL)
		return NULL;
	memcpy(p, dir, n + 1);
	p[n] = '/';
	memcpy(p + n + 1, name, more);
	return p;
}

static const char *
variable(const char *name)
{
	const char *v = secure_getenv(name);

	return v != NULL && *v != '\0' ? v : NULL;
}

/* The deepest directory of path that is there; or -1. */
static int
deepest(struct arena *a, const char *path)
{
	char *copy = arena_str(a, path), *slash;
	int fd;

	if (copy == NULL)
		return -1;
	while ((fd = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
		if ((slash = strrchr(copy, '/')) == NULL)
			return -1;
		if (slash == copy)
			return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		*slash = '\0';
	}
	return fd;
}

static int
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* As it lies, not as it is named: from there up, to a root or to top. */
static int
is_below(struct arena *a, const char *path, const struct stat *top)
{
	struct stat here, was;
	int fd = deepest(a, path), up, found = 0;

	memset(&was, 0, sizeof(was));
	while (fd >= 0 && fstat(fd, &here) == 0 && !is_same(&here, &was)) {
		if ((found = is_same(&here, top)) != 0)
			break;
		was = here;
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		(void)close(fd);
		fd = up;
	}
	if (fd >= 0)
		(void)close(fd);
	return found;
}

static int
below_document_root(struct arena *a, const char *path)
{
	const char *root = variable("DOCUMENT_ROOT");
	struct stat top, slash;

	/* A root of / says nothing. */
	return root != NULL && stat(root, &top) == 0 &&
	    stat("/", &slash) == 0 && !is_same(&top, &slash) &&
	    is_below(a, path, &top);
}

/* Make each missing folder above the last one: 0700, ours. */
static int
make_parents(struct arena *a, const char *path)
{
	char *copy = arena_str(a, path), *p;

	if (copy == NULL)
		return SSTATE_ENOMEM;
	for (p = strchr(copy + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0700) != 0 && errno != EEXIST)
			return SSTATE_EUNSAFE;
		*p = '/';
	}
	return 0;
}

static const char *
home(struct arena *a)
{
	struct passwd pw, *found = NULL;
	char text[2048];

	if (getpwuid_r(geteuid(), &pw, text, sizeof(text), &found) != 0 ||
	    found == NULL || found->pw_dir == NULL || found->pw_dir[0] != '/' ||
	    strcmp(found->pw_dir, "/nonexistent") == 0)
		return NULL;
	return join(a, found->pw_dir, ".local/state/securestate");
}

/* systemd may hand over several, parted by colons: the first is ours. */
static const char *
first_of(struct arena *a, const char *list)
{
	return arena_dup(a, list, strcspn(list, ":"));
}

/*
 * The default place, first that applies: $STATE_DIRECTORY, then
 * $XDG_STATE_HOME/securestate, /var/lib/securestate/<uid>, then
 * ~/.local/state/securestate.
 */
static int
default_place(const char **out, uint32_t flags, struct arena *a,
    struct sstate_error *err)
{
	const char *dir = NULL, *v;
	char uid[24];
	struct stat st;
	int parents = 0;

	*out = NULL;
	if ((v = variable("STATE_DIRECTORY")) != NULL)
		dir = first_of(a, v);
	else if ((v = variable("XDG_STATE_HOME")) != NULL && v[0] == '/') {
		dir = join(a, v, "securestate");
		parents = 1;
	} else if (stat("/var/lib/securestate", &st) == 0 &&
	    S_ISDIR(st.st_mode)) {
		(void)snprintf(uid, sizeof(uid), "%lu",
		    (unsigned long)geteuid());
		dir = join(a, "/var/lib/securestate", uid);
	} else if ((dir = home(a)) != NULL)
		parents = 1;
	if (dir == NULL || dir[0] != '/')
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "no place for "
		    "state: set SECURESTATE_STORES=file:/a/private/directory");
	if (below_document_root(a, dir))
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "the default place "
		    "is below DOCUMENT_ROOT: set SECURESTATE_STORES="
		    "file:/a/private/directory");
	if (parents && (flags & SSTATE_NO_CREATE) == 0 &&
	    make_parents(a, dir) != 0)
		return sstate_fail(err, SSTATE_EUNSAFE, errno,
		    "cannot make "
		    "%s: set SECURESTATE_STORES=file:/a/private/directory",
		    dir);
	*out = dir;
	return 0;
}

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Blank-separated URIs. */
static int
split(const char *const **out, const char *text, struct arena *a,
    struct sstate_error *err)
{
	const char **list = arena_zero(a, (LIMIT_STORES + 1) * sizeof(*list));
	size_t n = 0, len;

	*out = list;
	if (list == NULL)
		return err_plain(err, SSTATE_ENOMEM, "stores");
	for (;; text += len) {
		while (is_blank(*text))
			text++;
		if (*text == '\0')
			break;
		for (len = 0; text[len] != '\0' && !is_blank(text[len]);)
			len++;
		if (n == LIMIT_STORES)
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "SECURESTATE_STORES: more than %u stores",
			    LIMIT_STORES);
		if ((list[n++] = arena_dup(a, text, len)) == NULL)
			return err_plain(err, SSTATE_ENOMEM, "stores");
	}
	if (n == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "SECURESTATE_STORES: empty");
	return 0;
}

/* The path that a URI names, decoded as its store will decode it. */
static int
path_of(const char **out, const char *uri, struct arena *a,
    struct sstate_error *err)
{
	static const struct hook plain = { NULL, NULL };
	struct sstate_conf *c;
	const char *path;
	int r;

	*out = NULL;
	if ((r = conf_parse(&c, uri, NULL, 0, "app", &plain, err)) != 0)
		return r;
	path = sstate_conf_part(c, SSTATE_CONF_PATH);
	if (path != NULL && *path != '\0' &&
	    (*out = arena_str(a, path)) == NULL)
		r = err_plain(err, SSTATE_ENOMEM, "keyring");
	conf_free(c);
	return r;
}

/* The ring beside the last store's records; NULL: in memory as they are. */
static int
ring_beside(const char **out, const char *const *stores, uint32_t flags,
    struct arena *a, struct sstate_error *err)
{
	const char *last = NULL, *dir = NULL;
	size_t i;
	int r;

	*out = NULL;
	for (i = 0; stores[i] != NULL; i++)
		last = stores[i];
	if (last == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "options: stores: an empty list");
	if (strncmp(last, "memory:", 7) == 0)
		return 0;
	if (strncmp(last, "file:", 5) == 0 &&
	    (r = path_of(&dir, last, a, err)) != 0)
		return r;
	if (dir == NULL && (r = default_place(&dir, flags, a, err)) != 0)
		return r;
	if ((*out = join(a, dir, "keyring")) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "keyring");
	return 0;
}

/* What a URI gives a meaning to is encoded. */
static const char *
file_uri(struct arena *a, const char *dir, const char *query)
{
	struct buf b;

	buf_init(&b, a, strlen(dir) + strlen(query) + 16, LIMIT_URI_BYTES);
	buf_str(&b, "file:");
	for (; *dir != '\0'; dir++)
		if (*dir == '%' || *dir == '?')
			buf_str(&b, *dir == '%' ? "%25" : "%3F");
		else
			buf_byte(&b, (unsigned char)*dir);
	buf_str(&b, query);
	return buf_cstr(&b);
}

/* "file:" without a path means the default place. */
static int
fill_bare_file(const char *const *stores, uint32_t flags,
    const char *const **out, struct arena *a, struct sstate_error *err)
{
	const char **list;
	const char *dir, *uri;
	size_t n, i;
	int r;

	for (n = 0; stores[n] != NULL; n++)
		if (n >= LIMIT_STORES)
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "options: more than %u stores", LIMIT_STORES);
	if ((list = arena_zero(a, (n + 1) * sizeof(*list))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "stores");
	for (i = 0; i < n; i++) {
		list[i] = stores[i];
		if (strncmp(stores[i], "file:", 5) != 0 ||
		    (stores[i][5] != '\0' && stores[i][5] != '?'))
			continue;
		if ((r = default_place(&dir, flags, a, err)) != 0)
			return r;
		if ((uri = file_uri(a, dir, stores[i] + 5)) == NULL)
			return err_plain(err, SSTATE_ENOMEM, "stores");
		list[i] = uri;
	}
	*out = list;
	return 0;
}

/* The ring must be found again after a chdir. */
static int
absolute(const char **path, struct arena *a, struct sstate_error *err)
{
	char cwd[LIMIT_PATH_BYTES];

	if (*path == NULL || (*path)[0] == '/')
		return 0;
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return sstate_fail(err, SSTATE_ESYS, errno, "keyring: getcwd");
	if ((*path = join(a, cwd, *path)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "keyring");
	return 0;
}

int
places_find(const char *const **stores, const char **ring,
    const struct sstate_options *o, struct arena *a, struct sstate_error *err)
{
	static const char *const bare[] = { "file:", NULL };
	const char *const *list = o->stores;
	const char *v;
	int r;

	*stores = NULL;
	*ring = NULL;
	if (list == NULL && (v = variable("SECURESTATE_STORES")) != NULL &&
	    (r = split(&list, v, a, err)) != 0)
		return r;
	if (list == NULL)
		list = bare;
	if ((r = fill_bare_file(list, o->flags, &list, a, err)) != 0)
		return r;
	*stores = list;
	v = o->keyring;
	if (v == NULL && o->stores == NULL)
		v = variable("SECURESTATE_KEYRING");
	if (v != NULL && (*ring = arena_str(a, v)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "keyring");
	if (v == NULL && (r = ring_beside(ring, list, o->flags, a, err)) != 0)
		return r;
	if ((r = absolute(ring, a, err)) != 0)
		return r;
	if (*ring != NULL && below_document_root(a, *ring)) /* */
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "the key ring is below DOCUMENT_ROOT: name another place "
		    "for it in SECURESTATE_KEYRING");
	return 0;
}
