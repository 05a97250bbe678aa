/*
 * core_test.c - what a session holds is in no core file of its process
 *
 * The child reads values that another process stored, changes them, and ends
 * by abort(); the parent searches its core file.  The child keeps a masked
 * copy beside them, so that a file in which nothing is does not pass.
 */
#include "../tap.h"
#include "../leftout.h"
#include "kit.h"

#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <securestate/kv.h>

enum { TEXT = 40, LONG = 40000, MASK = 0x5a, UNSURE = 9 };

static char dir[256], uri[300], ring[300];

static struct sstate *
opened(struct kit *k)
{
	(void)snprintf(uri, sizeof(uri), "file:%s/store", dir);
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	kit_init(k, uri);
	k->o.keyring = ring;
	k->o.now = NULL;
	return kit_open(k);
}

/* ---- The process that ends -------------------------------------------- */

/* Its own copies: what the core has of each value, in a mask. */
static char *
masked(struct sstate_val v)
{
	char *p = malloc(TEXT);
	size_t i;

	for (i = 0; p != NULL && i < TEXT; i++)
		p[i] = (char)(v.ptr[i] ^ MASK);
	return p;
}

static int
is_out(struct sstate_val v)
{
	return left_out(v.ptr) != 0 && left_out(v.ptr + v.len - 1) != 0;
}

static int
die(const char *token)
{
	static const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const struct sstate_val name = { "name", 4 };
	static char *volatile keep[3];
	struct sstate_session *s, *o;
	struct sstate_val a, b;
	struct sstate_kv *kv;
	struct sstate *env;
	struct kit k;

	/* All are open at the end, after a commit that met another one. */
	if ((env = opened(&k)) == NULL || kit_begin(&s, env, token, 0) != 0 ||
	    kit_begin(&o, env, token, 0) != 0 ||
	    sstate_incr(NULL, o, "n", 1) != 0 || sstate_commit(o) != 0 ||
	    sstate_incr(NULL, s, "n", 1) != 0 || sstate_commit(s) != 0 ||
	    sstate_kv_get(&kv, env, name, NULL) != 0)
		return 1;
	if (sstate_get(&a, s, SSTATE_MERGED, "short", 0) != 0 ||
	    a.len != TEXT || sstate_get(&b, s, SSTATE_STORED, "long", 0) != 0 ||
	    b.len != LONG || kv->value.len != TEXT)
		return 2;
	keep[0] = masked(a);
	keep[1] = masked(b);
	keep[2] = masked(kv->value);
	if (!is_out(a) || !is_out(b) || !is_out(kv->value))
		return 3;
	if (left_out(keep[0]) != 0)
		return left_out(keep[0]) < 0 ? UNSURE : 4;
	if (chdir(dir) != 0 || setrlimit(RLIMIT_CORE, &all) != 0)
		return UNSURE;
	(void)signal(SIGABRT, SIG_DFL);
	abort();
}

/* ---- Who looks at what it left ---------------------------------------- */

static void
make_text(char *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[TEXT];
	size_t i;

	NEED(getentropy(raw, sizeof(raw)) == 0, "random octets");
	for (i = 0; i < n; i++)
		out[i] = i < TEXT ? digits[raw[i] & 15] : 'v';
}

static void
store(char token[KIT_TOKEN + 1], const char *a, const char *b, const char *c)
{
	const struct sstate_val name = { "name", 4 }, value = { c, TEXT };
	const struct sstate_val va = { a, TEXT }, vb = { b, LONG };
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	NEED((env = opened(&k)) != NULL && kit_begin(&s, env, NULL, 0) == 0,
	    "a session");
	NEED(sstate_set(s, SSTATE_STORED, "short", &va, 1) == 0 &&
		sstate_set(s, SSTATE_STORED, "long", &vb, 1) == 0 &&
		sstate_commit(s) == 0 &&
		sstate_kv_put(NULL, env, name, value, 0, SSTATE_KV_NEW, NULL) ==
		    0,
	    "holds a value and a long one, and a name has one");
	kit_token(token, s);
	sstate_free(s);
	sstate_close(env);
}

/* The core file of a child in dir; NULL: it left none. */
static char *
core_of(size_t *n)
{
	char pattern[300], *p = NULL;
	struct stat st;
	glob_t g;
	FILE *f;

	*n = 0;
	(void)snprintf(pattern, sizeof(pattern), "%s/*core*", dir);
	if (glob(pattern, 0, NULL, &g) != 0)
		return NULL;
	if ((f = fopen(g.gl_pathv[0], "r")) != NULL) {
		if (fstat(fileno(f), &st) == 0 &&
		    (p = malloc((size_t)st.st_size)) != NULL)
			*n = fread(p, 1, (size_t)st.st_size, f);
		(void)fclose(f);
	}
	globfree(&g);
	return p;
}

static int
has(const char *core, size_t n, const char *text, int mask)
{
	char plain[TEXT];
	size_t i;

	for (i = 0; i < TEXT; i++)
		plain[i] = (char)(text[i] ^ mask);
	return memmem(core, n, plain, TEXT) != NULL;
}

int
main(int argc, char **argv)
{
	char token[KIT_TOKEN + 1], a[TEXT], b[LONG], c[TEXT], *core;
	int status = -1;
	pid_t pid;
	size_t n;

	if (argc == 3) {
		(void)snprintf(dir, sizeof(dir), "%s", argv[1]);
		return die(argv[2]);
	}
#ifdef SSTATE_HEAP
	tap_skip("this build has sessions in malloc's memory");
	return tap_done();
#endif
	kit_folder(dir);
	make_text(a, TEXT);
	make_text(b, LONG);
	make_text(c, TEXT);
	store(token, a, b, c);
	/* A program anew: nothing of this one is in its memory. */
	if ((pid = fork()) == 0) {
		(void)execl(argv[0], argv[0], dir, token, (char *)NULL);
		_exit(127);
	}
	NEED(pid > 0 && waitpid(pid, &status, 0) == pid, "a child");
	if (WIFEXITED(status) && WEXITSTATUS(status) == UNSURE) {
		tap_skip("no VmFlags in /proc, or no leave to write a core");
	} else {
		NEED(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		    "its values are where a core file does not look: %x",
		    (unsigned)status);
		if ((core = core_of(&n)) == NULL)
			tap_skip("the child's core file is not in its folder");
		else {
			T(has(core, n, a, MASK) && has(core, n, b, MASK) &&
				has(core, n, c, MASK),
			    "a core file of %zu octets has its memory", n);
			T(!has(core, n, a, 0) && !has(core, n, b, 0),
			    "it has no value of a session");
			T(!has(core, n, c, 0), "nor what is under a name");
			free(core);
		}
	}
	return tap_done();
}
