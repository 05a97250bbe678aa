/*
 * examples_call.c - call the functions that the manual shows as examples
 *
 * usage: examples_call FOLDER		a line "works WHAT" or "fails WHAT" each
 *
 * Knows nothing but their prototypes and <securestate.h>: what a reader has.
 */
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <securestate/cgi.h>
#include <securestate/store.h>

/* As the pages have them. */
int count(struct sstate *env, const char *query,
    const char *(*header)(void *, const char *), void *arg, int64_t *visits);
int take_one(struct sstate_session *s);
int answer(struct sstate_session *s);
int everywhere(struct sstate *env, const char *user);
int is_fresh(struct sstate_session *s);
void note(struct sstate_req *req, struct sstate_session *s);
void show(struct sstate_session *s);
int keep(const struct sstate_req *req, FILE *to);
int net_open(void **ctx, struct sstate_conf *c, struct sstate_error *err);
int set_aal(struct sstate_options *o, int level);
int no_core(void);
int greet(struct sstate_req *req, uint32_t mindset);
int results(struct sstate_req *req);
int enter(struct sstate_req *req, struct sstate_session *s, const char *hash);
int old_make(char *out, size_t size, const char *user, long long expires,
    const unsigned char key[32]);
int old_check(char user[65], const char *cookies, long long now,
    const unsigned char key[32]);
const char *who(struct sstate_req *req, struct sstate_session *s,
    long long last, const unsigned char key[32]);
int enter_root(const char *root, uid_t uid, gid_t gid);
int confine(const unsigned *allowed, size_t n);

enum { ROOM = 8192 };

static int failed;
static char cookie[256];

static void
says(int good, const char *what)
{
	printf("%s %s\n", good ? "works" : "fails", what);
	failed |= !good;
}

static void
must(int r, const char *what)
{
	if (r == 0)
		return;
	printf("fails %s: %s\n", what, sstate_strerror(r));
	exit(1);
}

static struct sstate *
env_of(uint32_t flags)
{
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate *env;

	o.flags = flags;
	o.stores = stores;
	must(sstate_open(&env, &o, NULL), "open");
	return env;
}

static const char *
header(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "Cookie") == 0 && cookie[0] != '\0' ? cookie : NULL;
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
begin(struct sstate *env)
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;

	web.path = "/count";
	web.header = header;
	must(sstate_begin(&s, env, NULL, &web, NULL), "begin");
	return s;
}

static void
end(struct sstate_session *s)
{
	must(sstate_commit(s), "commit");
	sstate_headers(s, take_cookie, NULL);
	sstate_free(s);
}

/* What fn prints, in text. */
static void
printed(char text[ROOM], void (*fn)(struct sstate_session *s),
    struct sstate_session *s)
{
	FILE *file = tmpfile();
	int saved = dup(1);
	size_t n;

	if (file == NULL || saved < 0)
		exit(1);
	(void)fflush(stdout);
	(void)dup2(fileno(file), 1);
	fn(s);
	(void)fflush(stdout);
	(void)dup2(saved, 1);
	(void)close(saved);
	rewind(file);
	n = fread(text, 1, ROOM - 1, file);
	text[n] = '\0';
	(void)fclose(file);
}

static int answered;

static void
call_answer(struct sstate_session *s)
{
	answered = answer(s);
}

static void
sessions(void)
{
	struct sstate *env = env_of(SSTATE_STRICT);
	struct sstate_session *s, *t;
	int64_t visits = 0;
	char text[ROOM];

	cookie[0] = '\0';
	says(count(env, "a=1", header, NULL, &visits) == 0 && visits == 1,
	    "sstate_begin: counts the first visit");
	s = begin(env);
	must(sstate_setint(s, SSTATE_STORED, "left", 2), "set");
	end(s);
	s = begin(env);
	t = begin(env);
	says(take_one(s) == 0 && take_one(t) == 0,
	    "sstate_commit: two requests take one each");
	says(take_one(t) == SSTATE_ENOTFOUND,
	    "sstate_commit: nothing is left for a third");
	sstate_free(s);
	sstate_free(t);

	s = begin(env);
	must(sstate_setstr(s, SSTATE_STORED, "word", "seven"), "set");
	printed(text, show, s);
	says(strcmp(text, "left: 1 bytes\nword: 5 bytes\n") == 0,
	    "sstate_str: shows names and sizes");
	says(!is_fresh(s), "sstate_login: nobody is no fresh log-in");
	must(sstate_login(s, "u"), "login");
	says(is_fresh(s), "sstate_login: a log-in is fresh");
	end(s);
	s = begin(env);
	printed(text, call_answer, s);
	says(answered == 0 && strstr(text, "Status: 200\n") != NULL &&
		strstr(text, "Cache-Control: no-store\n") != NULL &&
		strstr(text, "name=\".csrf\"") != NULL,
	    "sstate_link: headers, then a page with a form");
	sstate_free(s);
	says(everywhere(env, "u") == 0, "sstate_list: logs out everywhere");
	s = begin(env);
	says(sstate_user(s) == NULL, "sstate_list: the session is gone");
	sstate_free(s);
	sstate_close(env);
}

/* ---- Time-outs ------------------------------------------------------------ */

static int64_t the_time = 1000000000;

static int64_t
now(void *arg)
{
	(void)arg;
	return the_time;
}

/* Seconds after its log-in that a session lives, used every step seconds. */
static int64_t
lives(struct sstate *env, int64_t step)
{
	struct sstate_session *s;
	int64_t login = the_time;
	int there;

	cookie[0] = '\0';
	s = begin(env);
	must(sstate_login(s, "u"), "login");
	end(s);
	do {
		the_time += step;
		s = begin(env);
		there = sstate_user(s) != NULL;
		end(s);
	} while (there);
	return the_time - login;
}

static void
presets(void)
{
	/* SP 800-63B-4: the most that AAL1, AAL2 and AAL3 may have. */
	static const int64_t idle[] = { INT64_MAX, 3600, 900 };
	static const int64_t whole[] = { 30 * 86400, 86400, 43200 };
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o;
	struct sstate *env;
	int i;

	for (i = 0; i < 3; i++) {
		o = (struct sstate_options)SSTATE_OPTIONS_INIT;
		o.stores = stores;
		o.now = now;
		o.rotate = -1;
		must(set_aal(&o, i + 1), "set_aal");
		must(sstate_open(&env, &o, NULL), "open");
		says(o.idle <= idle[i] && lives(env, o.idle - 1) > o.idle &&
			lives(env, o.idle) == o.idle,
		    "R-22 securestate-timeouts: unused it ends in time");
		says(o.lifetime <= whole[i] &&
			lives(env, 300) == (o.lifetime + 299) / 300 * 300,
		    "R-22 securestate-timeouts: used it ends all the same");
		sstate_close(env);
	}
	says(set_aal(&o, 0) == SSTATE_EINVAL && set_aal(&o, 4) == SSTATE_EINVAL,
	    "securestate-timeouts: there are three levels");
}

static void
cores(void)
{
	struct rlimit l = { 1, 1 };

	says(no_core() == 0 && getrlimit(RLIMIT_CORE, &l) == 0 &&
		l.rlim_max == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0,
	    "securestate-deploy: no core file");
}

/* One request through securestate/cgi.h; fn gets it before the answer. */
static void
request(char text[ROOM], struct sstate *env, const char *folder,
    const char *const *vars, const char *body,
    void (*fn)(struct sstate_req *req))
{
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	char in[512], out[512];
	ssize_t n;

	(void)snprintf(in, sizeof(in), "%s/in", folder);
	(void)snprintf(out, sizeof(out), "%s/answer", folder);
	o.in = open(in, O_RDWR | O_CREAT | O_TRUNC, 0600);
	o.out = open(out, O_RDWR | O_CREAT | O_TRUNC, 0600);
	o.vars = vars;
	if (o.in < 0 || o.out < 0 ||
	    write(o.in, body, strlen(body)) != (ssize_t)strlen(body) ||
	    lseek(o.in, 0, SEEK_SET) != 0)
		exit(1);
	must(sstate_cgi_open(&cgi, env, &o, NULL), "cgi_open");
	must(sstate_cgi_accept(&req, cgi, NULL), "accept");
	fn(req);
	(void)sstate_req_end(req);
	sstate_cgi_close(cgi);
	n = pread(o.out, text, ROOM - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	(void)close(o.in);
	(void)close(o.out);
}

static char csrf[128];
static struct sstate_val kept;

static void
form(struct sstate_req *req)
{
	struct sstate_session *s;

	must(sstate_req_session(&s, req, NULL, NULL), "session");
	(void)snprintf(csrf, sizeof(csrf), "%s", sstate_csrf(s, "note"));
}

static void
post(struct sstate_req *req)
{
	struct sstate_session *s;

	must(sstate_req_session(&s, req, NULL, NULL), "session");
	note(req, s);
	(void)sstate_get(&kept, s, SSTATE_STORED, "note", 0);
	says((kept.len == 2) == (csrf[0] != '\0'),
	    "sstate_req_html: a note is kept of our own form alone");
}

static void
upload(struct sstate_req *req)
{
	char text[16] = "";
	FILE *to = tmpfile();

	if (to == NULL)
		exit(1);
	says(keep(req, to) == 0 && fseek(to, 0, SEEK_SET) == 0 &&
		fread(text, 1, sizeof(text) - 1, to) == 3 &&
		strcmp(text, "jpg") == 0,
	    "sstate_cgi_open: a file goes where the program wants it");
	(void)fclose(to);
}

/* The cookie of an answer. */
static void
keep_cookie(const char *text)
{
	const char *p = strstr(text, "Set-Cookie: ");

	if (p == NULL)
		return;
	p += 12;
	(void)snprintf(cookie, sizeof(cookie), "HTTP_COOKIE=%.*s",
	    (int)strcspn(p, ";"), p);
}

static void
requests(const char *folder)
{
	static const char parts[] =
	    "--b\r\nContent-Disposition: form-data; name=\"photo\"; "
	    "filename=\"x.jpg\"\r\n\r\njpg\r\n--b--\r\n";
	struct sstate *env = env_of(0);
	char length[64], body[256], text[ROOM];
	const char *vars[6] = { "REQUEST_METHOD=GET", "SCRIPT_NAME=/note" };

	request(text, env, folder, vars, "", form);
	keep_cookie(text);
	(void)snprintf(body, sizeof(body), "note=hi&.csrf=%s", csrf);
	(void)snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu",
	    strlen(body));
	vars[0] = "REQUEST_METHOD=POST";
	vars[2] = cookie;
	vars[3] = "CONTENT_TYPE=application/x-www-form-urlencoded";
	vars[4] = length;
	request(text, env, folder, vars, body, post);
	says(strstr(text, "Status: 303 ") != NULL &&
		strstr(text, "Location: /note\r\n") != NULL,
	    "sstate_req_html: then the client is led on");
	csrf[0] = '\0';
	(void)snprintf(length, sizeof(length), "CONTENT_LENGTH=7");
	vars[2] = "HTTP_COOKIE=";
	request(text, env, folder, vars, "note=hi", post);
	says(strstr(text, "Status: 403 ") != NULL,
	    "sstate_req_html: a stranger's form is refused");

	vars[3] = "CONTENT_TYPE=multipart/form-data; boundary=b";
	(void)snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu",
	    sizeof(parts) - 1);
	request(text, env, folder, vars, parts, upload);
	sstate_close(env);
}

/* ---- The guides ---------------------------------------------------------- */

static void
forgets(struct sstate_req *req)
{
	(void)greet(req, SSTATE_FORGETFUL);
}

static void
keeps(struct sstate_req *req)
{
	(void)greet(req, SSTATE_UNFORGETFUL);
}

static void
searches(struct sstate_req *req)
{
	(void)results(req);
}

/* GET with a query and the cookie that is kept. */
static void
get(char text[ROOM], struct sstate *env, const char *folder, const char *query,
    void (*fn)(struct sstate_req *req))
{
	const char *vars[5] = { "REQUEST_METHOD=GET", "SCRIPT_NAME=/guide" };
	char line[ROOM];

	(void)snprintf(line, sizeof(line), "QUERY_STRING=%s", query);
	vars[2] = line;
	vars[3] = cookie;
	request(text, env, folder, vars, "", fn);
	keep_cookie(text);
}

static void
mindsets(struct sstate *env, const char *folder)
{
	char text[ROOM];

	(void)snprintf(cookie, sizeof(cookie), "HTTP_COOKIE=");
	get(text, env, folder, "", forgets);
	says(strstr(text, "Hello, stranger.") != NULL,
	    "securestate-intro: a stranger is greeted");
	get(text, env, folder, "name=Ann%3C", forgets);
	says(strstr(text, "Hello, Ann&lt;.") != NULL,
	    "securestate-intro: a name is shown escaped");
	get(text, env, folder, "name=Bob", forgets);
	says(strstr(text, "Hello, Ann&lt;.") != NULL,
	    "securestate-intro: forgetful, what was stored wins");
	(void)snprintf(cookie, sizeof(cookie), "HTTP_COOKIE=");
	get(text, env, folder, "name=Ann&other=1", keeps);
	get(text, env, folder, "", keeps);
	says(strstr(text, "Set-Cookie") == NULL && cookie[12] != '\0' &&
		strstr(text, "Hello, stranger.") != NULL,
	    "securestate-intro: unforgetful, what is listed is not kept");
}

/* The query of the link in a page, as a browser reads it. */
static void
follow(char query[ROOM], const char *text)
{
	const char *p = strstr(text, "<a href=\"/guide?");
	char *to = query;

	for (p = p != NULL ? p + 16 : ""; *p != '\0' && *p != '"'; p++) {
		*to = *p;
		if (strncmp(p, "&#", 2) == 0) {
			*to = (char)strtol(p + 2, NULL, 10);
			p += strcspn(p, ";");
		}
		to++;
	}
	*to = '\0';
}

static void
back_button(struct sstate *env, const char *folder)
{
	char text[ROOM], first[ROOM], second[ROOM];

	(void)snprintf(cookie, sizeof(cookie), "HTTP_COOKIE=");
	get(text, env, folder, "query=eggs", searches);
	says(strstr(text, "eggs, from 0<") != NULL,
	    "securestate-intro: a search begins");
	follow(first, text);
	get(text, env, folder, first, searches);
	says(strstr(text, "eggs, from 10<") != NULL,
	    "securestate-intro: its link leads on");
	follow(second, text);
	get(text, env, folder, "query=marzipan", searches);
	get(text, env, folder, second, searches);
	says(strstr(text, "eggs, from 20<") != NULL,
	    "securestate-intro: each page's link goes on from that page");
	get(text, env, folder, first, searches);
	says(strstr(text, "eggs, from 10<") != NULL,
	    "securestate-intro: also after Back");
}

static char hash[crypto_pwhash_STRBYTES];
static const char *logged_in;

static void
form_of_enter(struct sstate_req *req)
{
	struct sstate_session *s;

	must(sstate_req_session(&s, req, NULL, NULL), "session");
	(void)snprintf(csrf, sizeof(csrf), "%s", sstate_csrf(s, "enter"));
}

static void
enters(struct sstate_req *req)
{
	struct sstate_session *s;

	must(sstate_req_session(&s, req, NULL, NULL), "session");
	(void)enter(req, s, hash);
	logged_in = sstate_user(s) != NULL ? "yes" : "no";
}

static void
log_in(struct sstate *env, const char *folder)
{
	static const struct {
		const char *csrf, *pass, *in, *status;
	} tries[] = {
		{ "x", "Pie", "no", "Status: 403 " },
		{ NULL, "pie", "no", "Status: 303 " },
		{ NULL, "Pie", "yes", "Status: 303 " },
	};
	char body[256], length[64], text[ROOM];
	const char *vars[6] = { "REQUEST_METHOD=POST", "SCRIPT_NAME=/guide",
		cookie, "CONTENT_TYPE=application/x-www-form-urlencoded",
		length };
	size_t i;

	must(sodium_init() < 0 ? SSTATE_ESYS : 0, "sodium");
	must(crypto_pwhash_str(hash, "Pie", 3, crypto_pwhash_OPSLIMIT_MIN,
		 crypto_pwhash_MEMLIMIT_MIN),
	    "pwhash");
	(void)snprintf(cookie, sizeof(cookie), "HTTP_COOKIE=");
	get(text, env, folder, "", form_of_enter);
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		(void)snprintf(body, sizeof(body),
		    "user=Cottleston&pass=%s&.csrf=%s", tries[i].pass,
		    tries[i].csrf != NULL ? tries[i].csrf : csrf);
		(void)snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu",
		    strlen(body));
		request(text, env, folder, vars, body, enters);
		says(strcmp(logged_in, tries[i].in) == 0 &&
			strstr(text, tries[i].status) != NULL,
		    "securestate-intro: a form of ours with the password");
	}
}

static const unsigned char old_key[32] = "no program has such a key";
static long long last;
static char found[65];

static void
asks(struct sstate_req *req)
{
	struct sstate_session *s;
	const char *user;

	must(sstate_req_session(&s, req, NULL, NULL), "session");
	user = who(req, s, last, old_key);
	(void)snprintf(found, sizeof(found), "%s", user != NULL ? user : "-");
}

/* Who is found with these cookies; the answer in text. */
static int
is(const char *name, char text[ROOM], struct sstate *env, const char *folder,
    const char *cookies)
{
	(void)snprintf(cookie, sizeof(cookie), "HTTP_COOKIE=%s", cookies);
	get(text, env, folder, "", asks);
	return strcmp(found, name) == 0;
}

static void
migrates(struct sstate *env, const char *folder)
{
	char old[200], text[ROOM], ours[256];

	last = INT32_MAX;
	must(old_make(old, sizeof(old), "ann", 1LL << 40, old_key), "old");
	says(is("ann", text, env, folder, old) &&
		strstr(text, "Set-Cookie: auth=; Max-Age=0;") != NULL &&
		strstr(text, "Set-Cookie: __Host-sstate=") != NULL,
	    "securestate-migrate: an old cookie becomes a session");
	(void)snprintf(ours, sizeof(ours), "%s",
	    strstr(text, "Set-Cookie: __Host-sstate=") + 12);
	ours[strcspn(ours, ";")] = '\0';
	says(is("ann", text, env, folder, ours) &&
		strstr(text, "auth=") == NULL,
	    "securestate-migrate: which then stands alone");
	last = 1000;
	says(is("-", text, env, folder, old) &&
		strstr(text, "Set-Cookie: auth=; Max-Age=0;") != NULL,
	    "securestate-migrate: after the last day it does not");
	last = INT32_MAX;
	old[strlen(old) - 1] ^= 1;
	says(is("-", text, env, folder, old),
	    "securestate-migrate: nor if it is forged");
	must(old_make(old, sizeof(old), "ann", 1000, old_key), "old");
	says(is("-", text, env, folder, old),
	    "securestate-migrate: nor if it has expired");
}

static void
guides(const char *folder)
{
	struct sstate *env = env_of(0);

	mindsets(env, folder);
	back_button(env, folder);
	log_in(env, folder);
	migrates(env, folder);
	sstate_close(env);
}

/* ---- A driver whose open is the manual's --------------------------------- */

static void
net_close(void *ctx)
{
	free(ctx);
}

static int
no_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	(void)ctx;
	(void)key;
	(void)found;
	(void)arg;
	(void)err;
	return SSTATE_ENOTFOUND;
}

static int
no_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	(void)ctx;
	(void)key;
	(void)rec;
	return sstate_fail(err, SSTATE_ESTORE, 0, "net: create: no net");
}

static int
no_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	(void)expected;
	return no_create(ctx, key, rec, err);
}

static int
no_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	(void)ctx;
	(void)key;
	(void)expected;
	(void)err;
	return 0;
}

static int
open_net(const char *uri, const char *ring, struct sstate_error *err)
{
	static const struct sstate_driver net = {
		.size = sizeof(struct sstate_driver),
		.abi = SSTATE_DRIVER_ABI,
		.scheme = "net",
		.open = net_open,
		.close = net_close,
		.get = no_get,
		.create = no_create,
		.replace = no_replace,
		.remove = no_remove,
	};
	static const struct sstate_driver *const drivers[] = { &net, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *stores[2] = { uri, NULL };
	struct sstate *env;
	int r;

	o.stores = stores;
	o.drivers = drivers;
	o.keyring = ring;
	r = sstate_open(&env, &o, err);
	sstate_close(env);
	return r;
}

static void
drivers(const char *folder)
{
	struct sstate_error err;
	char ring[512];

	(void)snprintf(ring, sizeof(ring), "%s/ring", folder);
	says(open_net("net://h:1?timeout_ms=9", ring, &err) == 0,
	    "securestate-store: opens");
	says(open_net("net://h", ring, &err) == SSTATE_EINVAL &&
		strcmp(err.text, "net: open: no host or port") == 0,
	    "securestate-store: says what is missing");
	says(open_net("net://h:1?timeout=9", ring, &err) == SSTATE_EINVAL &&
		strstr(err.text, "timeout") != NULL,
	    "securestate-store: a parameter that nobody asked for fails");
}

/* ---- What a program gives up: each in a child of its own ----------------- */

static int
in_child(int (*fn)(const char *folder), const char *folder)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		_exit(fn(folder));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(1);
	return status;
}

static int
try_enter(const char *folder)
{
	if (geteuid() != 0)
		return enter_root(folder, 65534, 65534) != -1;
	return enter_root(folder, 65534, 65534) != 0 || geteuid() == 0 ||
	    access("/etc", F_OK) == 0;
}

static int
try_enter_as_root(const char *folder)
{
	return enter_root(folder, 0, 0) != -1;
}

static int
try_confine(const char *folder)
{
	static const unsigned few[] = { SYS_getppid, SYS_exit_group };

	if (confine(few, 2) != 0 || getppid() < 1)
		return 1;
	(void)access(folder, F_OK);
	return 2; /* it should not have come so far */
}

static void
locked_up(const char *folder)
{
	int status;

	says(in_child(try_enter, folder) == 0 &&
		in_child(try_enter_as_root, folder) == 0,
	    "securestate-sandbox: another root, another user");
	status = in_child(try_confine, folder);
	says(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
	    "securestate-sandbox: a call that is not listed kills");
}

int
main(int argc, char **argv)
{
	if (argc != 2)
		return 1;
	sessions();
	requests(argv[1]);
	guides(argv[1]);
	drivers(argv[1]);
	presets();
	cores();
	locked_up(argv[1]);
	return failed;
}
