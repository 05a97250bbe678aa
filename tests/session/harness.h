/*
 * harness.h - a small browser and a small server around one environment
 *
 *	site_by(&w, BY_COOKIE);			memory:, a clock of ours
 *	who_init(&u, BY_COOKIE);
 *	ask(&c, &w, &u, Q(.query = "a=1"));	begin
 *	T(is(c.s, SSTATE_MERGED, "a", "1"), "...");
 *	end(&c);				commit, headers, cookies, free
 *	site_close(&w);
 *
 * It knows the public headers alone, and what a browser does with cookies,
 * links and hidden fields.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <securestate.h>

#include "../tap.h"

#define UNUSED __attribute__((unused))

enum {
	BY_COOKIE = SSTATE_CARRY_COOKIE,
	BY_PAGE = SSTATE_CARRY_PAGE,
	BY_OWN = SSTATE_CARRY_OWN
};

enum { JAR_MAX = 8, HEADS_MAX = 16, TOKEN_CHARS = 60 };

/* ---- Texts ----------------------------------------------------------- */

/* All texts that fmt() made, until the program ends or fmt_back() is called. */
static struct {
	char **v;
	size_t n, cap;
} fmt_all;

static void
fmt_back(size_t n)
{
	while (fmt_all.n > n)
		free(fmt_all.v[--fmt_all.n]);
}

static void
fmt_end(void)
{
	fmt_back(0);
	free(fmt_all.v);
}

/* printf into memory that stays. */
__attribute__((format(printf, 1, 2), unused)) static const char *
fmt(const char *f, ...)
{
	va_list ap;
	char *p;
	int n;

	if (fmt_all.n == fmt_all.cap) {
		if (fmt_all.cap == 0 && atexit(fmt_end) != 0)
			abort();
		fmt_all.cap = fmt_all.cap * 2 + 64;
		fmt_all.v =
		    realloc(fmt_all.v, fmt_all.cap * sizeof(fmt_all.v[0]));
		if (fmt_all.v == NULL)
			abort();
	}
	va_start(ap, f);
	n = vasprintf(&p, f, ap);
	va_end(ap);
	if (n < 0)
		abort();
	fmt_all.v[fmt_all.n++] = p;
	return p;
}

static char *
dup_text(const char *s)
{
	char *p;

	if (s == NULL)
		return NULL;
	if ((p = strdup(s)) == NULL)
		abort();
	return p;
}

/* a, then sep and b if both are there; to be freed. */
static char *
join(const char *a, const char *sep, const char *b)
{
	size_t n = strlen(a) + strlen(sep) + (b == NULL ? 0 : strlen(b)) + 1;
	char *p = malloc(n);

	if (p == NULL)
		abort();
	(void)snprintf(p, n, "%s%s%s", a, b == NULL ? "" : sep,
	    b == NULL ? "" : b);
	return p;
}

/* ---- A cookie jar ---------------------------------------------------- */

struct jar {
	struct {
		char name[128], value[256], path[128], domain[128];
	} c[JAR_MAX];
	unsigned n;
};

static const char *
jar_first(const struct jar *j)
{
	return j->n == 0 ? "" : j->c[0].value;
}

UNUSED static const char *
jar_get(const struct jar *j, const char *name)
{
	unsigned i;

	for (i = 0; i < j->n; i++)
		if (strcmp(j->c[i].name, name) == 0)
			return j->c[i].value;
	return NULL;
}

/* The value of an attribute of a Set-Cookie, "" if bare, NULL if missing. */
static const char *
attr(const char *set_cookie, const char *name)
{
	const char *p = set_cookie, *end;
	size_t n = strlen(name);

	while (p != NULL && (p = strchr(p, ';')) != NULL) {
		p++;
		while (*p == ' ')
			p++;
		end = p + strcspn(p, ";");
		if (strncasecmp(p, name, n) != 0)
			continue;
		if (p + n == end)
			return "";
		if (p[n] == '=')
			return fmt("%.*s", (int)(end - p - (int)n - 1),
			    p + n + 1);
	}
	return NULL;
}

/* As a browser: replace, add, or remove when its time is over. */
static void
jar_take(struct jar *j, const char *set_cookie)
{
	const char *age = attr(set_cookie, "Max-Age");
	const char *old = attr(set_cookie, "Expires");
	const char *path = attr(set_cookie, "Path");
	const char *dom = attr(set_cookie, "Domain");
	size_t eq = strcspn(set_cookie, "=;"), n;
	const char *name = fmt("%.*s", (int)eq, set_cookie);
	unsigned i;

	path = path == NULL ? "" : path;
	dom = dom == NULL ? "" : dom;
	for (i = 0; i < j->n; i++)
		if (strcmp(j->c[i].name, name) == 0 &&
		    strcmp(j->c[i].path, path) == 0 &&
		    strcmp(j->c[i].domain, dom) == 0)
			break;
	if ((age != NULL && strtoll(age, NULL, 10) <= 0) ||
	    (age == NULL && old != NULL && strstr(old, "1970") != NULL)) {
		if (i < j->n)
			j->c[i] = j->c[--j->n];
		return;
	}
	if (i == JAR_MAX || set_cookie[eq] != '=')
		return;
	n = strcspn(set_cookie + eq + 1, ";");
	(void)snprintf(j->c[i].name, sizeof(j->c[i].name), "%s", name);
	(void)snprintf(j->c[i].value, sizeof(j->c[i].value), "%.*s", (int)n,
	    set_cookie + eq + 1);
	(void)snprintf(j->c[i].path, sizeof(j->c[i].path), "%s", path);
	(void)snprintf(j->c[i].domain, sizeof(j->c[i].domain), "%s", dom);
	if (i == j->n)
		j->n++;
}

/* The Cookie header, or NULL; to be freed. */
static char *
jar_header(const struct jar *j)
{
	char *p = NULL, *q;
	unsigned i;

	for (i = 0; i < j->n; i++) {
		q = join(fmt("%s=%s", j->c[i].name, j->c[i].value), "; ", p);
		free(p);
		p = q;
	}
	return p;
}

/* ---- The server's side ----------------------------------------------- */

struct site {
	struct sstate *env;
	struct sstate_options o;
	struct sstate_error err;
	int64_t now;
	unsigned calls, gets, writes; /* of the store, as metrics tell */
	unsigned lines; /* logged */
	char log[16384];
	size_t used;
};

static int64_t
site_now(void *arg)
{
	return ((struct site *)arg)->now;
}

static void
site_log(void *arg, int level, const struct sstate_error *what)
{
	struct site *w = arg;
	int n;

	w->lines++;
	n = snprintf(w->log + w->used, sizeof(w->log) - w->used, "%d %d %s\n",
	    level, what->code, what->text);
	if (n > 0 && (size_t)n < sizeof(w->log) - w->used)
		w->used += (size_t)n;
}

static void
site_metric(void *arg, const struct sstate_metric *m)
{
	struct site *w = arg;

	if (strcmp(m->operation, "latest") == 0)
		return;
	w->calls++;
	if (strcmp(m->operation, "get") == 0)
		w->gets++;
	else
		w->writes++;
}

/* With these options, but for store, clock and hooks where they are unset. */
static int
site_open(struct site *w, const struct sstate_options *o)
{
	/* Nothing goes in passing: calls are counted. */
	static const char *const memory[] = { "memory:?reap=0", NULL };
	static const struct sstate_options none = SSTATE_OPTIONS_INIT;

	memset(w, 0, sizeof(*w));
	w->now = 1700000000;
	w->o = o == NULL ? none : *o;
	if (w->o.stores == NULL)
		w->o.stores = memory;
	w->o.arg = w;
	w->o.now = site_now;
	w->o.log = site_log;
	w->o.metric = site_metric;
	return sstate_open(&w->env, &w->o, &w->err);
}

UNUSED static void
site_by(struct site *w, unsigned carry)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	int r;

	o.flags = carry;
	if ((r = site_open(w, &o)) != 0) {
		printf("Bail out! sstate_open: %d %s\n", r, w->err.text);
		exit(1);
	}
}

UNUSED static void
site_close(struct site *w)
{
	sstate_close(w->env);
	w->env = NULL;
}

/* ---- The client's side ----------------------------------------------- */

struct who {
	unsigned carry;
	struct jar jar;
	char id[128]; /* by page and by own: what its pages carry */
};

UNUSED static void
who_init(struct who *u, unsigned carry)
{
	memset(u, 0, sizeof(*u));
	u->carry = carry;
}

UNUSED static const char *
who_token(const struct who *u)
{
	return u->carry == BY_COOKIE ? jar_first(&u->jar) : u->id;
}

UNUSED static const char *
by_name(unsigned carry)
{
	return carry == BY_COOKIE ? "cookie"
	    : carry == BY_PAGE	  ? "page"
				  : "own";
}

/* One request, a literal: what is not named is not sent. */
struct ask {
	const char *method; /* GET, or POST if there is a form */
	const char *path; /* /app.cgi */
	const char *query;
	const char *form;
	const char *cookie; /* besides the jar's, or alone if anon */
	const char *heads; /* "Origin: https://a\nHost: a" */
	const char *id; /* instead of the client's own */
	int anon; /* 1: the client's own id is not sent */
	const struct sstate_how *how;
	const char *bind;
	const struct sstate_param *params;
	size_t nparams;
};

#define Q(...) (&(const struct ask){ __VA_ARGS__ })

struct call {
	struct site *w;
	struct who *u;
	struct sstate_session *s;
	struct sstate_error err;
	int r;
	char *query, *form, *cookie, *heads, *id, *path;
	char head[16384]; /* what the header hook hands out */
	struct {
		char name[64], value[512];
	} out[HEADS_MAX];
	unsigned nout;
};

static const char *
call_header(void *arg, const char *name)
{
	struct call *c = arg;
	const char *p = c->heads;
	size_t n = strlen(name), len;

	if (strcasecmp(name, "Cookie") == 0)
		return c->cookie;
	for (; p != NULL && *p != '\0'; p += len + (p[len] == '\n')) {
		len = strcspn(p, "\n");
		if (len > n + 1 && strncasecmp(p, name, n) == 0 &&
		    p[n] == ':') {
			(void)snprintf(c->head, sizeof(c->head), "%.*s",
			    (int)(len - n - 2), p + n + 2);
			return c->head;
		}
	}
	return NULL;
}

/* Put the id where this client's carrier has it. */
static void
call_id(struct call *c, struct sstate_web *web, const struct ask *q, int post)
{
	const char *id = q->id, *name;
	char *old;

	if (id == NULL &&
	    (q->anon || c->u->carry == BY_COOKIE || c->u->id[0] == '\0'))
		return;
	id = id == NULL ? c->u->id : id;
	if (c->u->carry == BY_OWN) {
		c->id = dup_text(id);
		web->token.ptr = c->id;
		web->token.len = strlen(c->id);
	} else if (c->u->carry == BY_PAGE) {
		name = c->w->o.id_param == NULL ? ".id" : c->w->o.id_param;
		old = post ? c->form : c->query;
		name = fmt("%s=%s", name, id);
		if (post)
			c->form = join(name, "&", old);
		else
			c->query = join(name, "&", old);
		free(old);
	} else {
		name =
		    c->w->o.cookie == NULL ? "__Host-sstate" : c->w->o.cookie;
		old = c->cookie;
		c->cookie = join(fmt("%s=%s", name, id), "; ", old);
		free(old);
	}
}

/* Begin; what sstate_begin() returned is returned and in c->r. */
UNUSED static int
ask(struct call *c, struct site *w, struct who *u, const struct ask *q)
{
	static const struct ask nothing;
	struct sstate_web web = SSTATE_WEB_INIT;
	size_t mark = fmt_all.n;
	char *jar;
	int post;

	memset(c, 0, sizeof(*c));
	q = q == NULL ? &nothing : q;
	c->w = w;
	c->u = u;
	post = q->method == NULL ? q->form != NULL
				 : strcmp(q->method, "POST") == 0;
	c->query = dup_text(q->query);
	c->form = dup_text(q->form);
	c->heads = dup_text(q->heads);
	c->cookie = dup_text(q->cookie);
	if (u->carry == BY_COOKIE && !q->anon && q->id == NULL &&
	    (jar = jar_header(&u->jar)) != NULL) {
		free(c->cookie);
		c->cookie = join(jar, "; ", q->cookie);
		free(jar);
	}
	call_id(c, &web, q, post);
	c->path = dup_text(q->path == NULL ? "/app.cgi" : q->path);
	web.method = q->method != NULL ? q->method : post ? "POST" : NULL;
	web.path = c->path;
	web.header = call_header;
	web.arg = c;
	web.query = c->query;
	web.form.ptr = c->form;
	web.form.len = c->form == NULL ? 0 : strlen(c->form);
	web.params = q->params;
	web.nparams = q->nparams;
	web.bind.ptr = q->bind;
	web.bind.len = q->bind == NULL ? 0 : strlen(q->bind);
	fmt_back(mark);
	c->r = sstate_begin(&c->s, w->env, q->how, &web, &c->err);
	if (c->r != 0)
		printf("#   begin: %d, %s\n", c->r, c->err.text);
	return c->r;
}

static void
call_put(void *arg, const char *name, const char *value)
{
	struct call *c = arg;

	if (c->nout < HEADS_MAX) {
		(void)snprintf(c->out[c->nout].name, sizeof(c->out[0].name),
		    "%s", name);
		(void)snprintf(c->out[c->nout].value, sizeof(c->out[0].value),
		    "%s", value);
	}
	c->nout++;
}

/* Free the view alone: nothing is written. */
UNUSED static void
drop(struct call *c)
{
	sstate_free(c->s);
	c->s = NULL;
	free(c->query);
	free(c->form);
	free(c->heads);
	free(c->cookie);
	free(c->id);
	free(c->path);
	c->query = c->form = c->heads = c->cookie = c->id = c->path = NULL;
}

/* What the answer's headers and pages tell the client. */
UNUSED static void
answer(struct call *c)
{
	size_t mark = fmt_all.n;
	const char *t;
	unsigned i;

	c->nout = 0;
	sstate_headers(c->s, call_put, c);
	for (i = 0; i < c->nout && i < HEADS_MAX; i++)
		if (strcasecmp(c->out[i].name, "Set-Cookie") == 0)
			jar_take(&c->u->jar, c->out[i].value);
	if (c->u->carry != BY_COOKIE) {
		t = sstate_token(c->s);
		(void)snprintf(c->u->id, sizeof(c->u->id), "%s",
		    t == NULL ? "" : t);
	}
	fmt_back(mark);
}

/* Commit, answer, free; what sstate_commit() returned. */
UNUSED static int
end(struct call *c)
{
	int r = c->r;

	if (c->s != NULL) {
		r = sstate_commit(c->s);
		answer(c);
	}
	drop(c);
	return r;
}

/* A whole request that does nothing itself. */
UNUSED static int
request(struct site *w, struct who *u, const struct ask *q)
{
	struct call c;

	(void)ask(&c, w, u, q);
	return end(&c);
}

/* A whole request that stores one value. */
UNUSED static int
put(struct site *w, struct who *u, const struct sstate_how *how,
    const char *name, const char *value)
{
	struct call c;

	if (ask(&c, w, u, Q(.how = how)) == 0)
		(void)sstate_setstr(c.s, SSTATE_STORED, name, value);
	return end(&c);
}

/* A header of the answer, or NULL. */
UNUSED static const char *
head(const struct call *c, const char *name)
{
	unsigned i;

	for (i = 0; i < c->nout && i < HEADS_MAX; i++)
		if (strcasecmp(c->out[i].name, name) == 0)
			return c->out[i].value;
	return NULL;
}

UNUSED static unsigned
heads(const struct call *c, const char *name)
{
	unsigned i, n = 0;

	for (i = 0; i < c->nout && i < HEADS_MAX; i++)
		n += strcasecmp(c->out[i].name, name) == 0;
	return n;
}

/* ---- Names and values ------------------------------------------------ */

/* All values with '|' between them; "(none)" if the name is not there. */
UNUSED static const char *
vals(const struct sstate_session *s, int mem, const char *name)
{
	struct sstate_val v;
	const char *p = NULL;
	size_t i;

	if (s == NULL)
		return "(no session)";
	for (i = 0; sstate_get(&v, s, mem, name, i) == 0; i++)
		p = fmt("%s%s%.*s", p == NULL ? "" : p, p == NULL ? "" : "|",
		    (int)v.len, v.ptr);
	return p == NULL ? "(none)" : p;
}

UNUSED static int
is(const struct sstate_session *s, int mem, const char *name, const char *want)
{
	const char *have = vals(s, mem, name);

	if (strcmp(have, want) == 0)
		return 1;
	printf("#   memory %d, %s: \"%.200s\", not \"%.200s\"\n", mem, name,
	    have, want);
	return 0;
}

UNUSED static int
none(const struct sstate_session *s, int mem, const char *name)
{
	return is(s, mem, name, "(none)");
}

/* All names of a memory, with ',' between them. */
UNUSED static const char *
names(const struct sstate_session *s, int mem)
{
	const char *p = "", *n;

	if (s == NULL)
		return "(no session)";
	for (n = NULL; (n = sstate_next(s, mem, n)) != NULL;)
		p = fmt("%s%s%s", p, *p == '\0' ? "" : ",", n);
	return p;
}

UNUSED static int
is_new(struct sstate_session *s)
{
	return s != NULL && (sstate_inspect(s)->flags & SSTATE_IS_NEW) != 0;
}

UNUSED static int
is_stale(struct sstate_session *s)
{
	return s != NULL &&
	    (sstate_inspect(s)->flags & SSTATE_IS_STALE_PAGE) != 0;
}

/* Does a session of this id (NULL: the client's) hold name = want? */
UNUSED static int
holds(struct site *w, struct who *u, const char *id,
    const struct sstate_how *how, const char *name, const char *want)
{
	struct call c;
	int r;

	r = ask(&c, w, u, Q(.id = id, .how = how)) == 0 &&
	    is(c.s, SSTATE_STORED, name, want);
	drop(&c);
	return r;
}

UNUSED static struct sstate_how
how_of(uint32_t mindset, const char *const *memory,
    const char *const *shortterm)
{
	struct sstate_how how = SSTATE_HOW_INIT;

	how.mindset = mindset;
	how.memory = memory;
	how.shortterm = shortterm;
	return how;
}

/* What may be NULL, as a string. */
UNUSED static const char *
text_of(const char *s)
{
	return s == NULL ? "" : s;
}

/* ---- What a page says ------------------------------------------------ */

/* The query of a link, or "". */
UNUSED static const char *
query_of(const char *link)
{
	const char *p = link == NULL ? NULL : strchr(link, '?');

	return p == NULL ? "" : p + 1;
}

/* The first parameter of that name in a link, still encoded, or NULL. */
UNUSED static const char *
param_of(const char *link, const char *name)
{
	const char *p = query_of(link), *end;
	size_t n = strlen(name);

	for (; *p != '\0'; p = end + (*end != '\0')) {
		end = p + strcspn(p, "&;#");
		if ((size_t)(end - p) > n && strncmp(p, name, n) == 0 &&
		    p[n] == '=')
			return fmt("%.*s", (int)(end - p - (int)n - 1),
			    p + n + 1);
	}
	return NULL;
}

/* The value of the hidden input of that name, or NULL. */
UNUSED static const char *
field_of(const char *html, const char *name)
{
	const char *p = html, *tag, *end, *at;

	while (p != NULL && (tag = strstr(p, "<input")) != NULL &&
	    (end = strchr(tag, '>')) != NULL) {
		p = end;
		tag = fmt("%.*s", (int)(end - tag), tag);
		if (strstr(tag, fmt("name=\"%s\"", name)) == NULL ||
		    (at = strstr(tag, "value=\"")) == NULL)
			continue;
		at += strlen("value=\"");
		return fmt("%.*s", (int)strcspn(at, "\""), at);
	}
	return NULL;
}

/* The form data that a browser sends for these hidden inputs. */
UNUSED static const char *
form_of(const char *html)
{
	static const char *const all[] = { ".id", ".page", ".csrf" };
	const char *p = "", *v;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if ((v = field_of(html, all[i])) != NULL)
			p = fmt("%s%s%s=%s", p, *p == '\0' ? "" : "&", all[i],
			    v);
	return p;
}

#endif
