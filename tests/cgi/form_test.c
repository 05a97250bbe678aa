/* form_test.c - security.md 4.2 and 4.4 as a program sees them */
#include "shot.h"

#include "../leftout.h"

static struct shot s;
static struct sstate *cookies, *pages;

static void
post(struct sstate *env, const char *query, const char *body, size_t n)
{
	char var[256];

	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "SCRIPT_NAME=/app");
	(void)snprintf(var, sizeof(var), "QUERY_STRING=%s", query);
	shot_var(&s, var);
	shot_var(&s, FORM_TYPE);
	shot_body(&s, body, n);
	shot_fire(&s, env, shot_echo, NULL);
}

static void
meanings(void)
{
	static const struct {
		const char *id, *body, *page;
	} row[] = {
		{ "U1", "a=%&b=%zz&c=%u0041", "a=%|b=%zz|c=%u0041|###" },
		{ "U2", "a=x%00y", "a=x\\00y|###" },
		{ "U3", "a=%C0%AF%ED%A0%80", "a=\\c0\\af\\ed\\a0\\80|###" },
		{ "U4", "a=%2541", "a=%41|###" },
		{ "U5", "a=1&a[]=2&a=3&a[b]=c", "a=1|a=3|a[]=2|a[b]=c|###" },
		{ "U6", "a=1;b=2", "a=1;b=2|###" },
		{ "U7", "=b&c&&=", "=b|=|c=|###" },
		{ "U10", "_charset_=utf-7&a=+ADw-",
		    "_charset_=utf-7|a=\\20ADw-|###" },
		{ "U11", ".tmpx=y&a=1", ".tmpx=y|a=1|###" },
		{ "U11 B04", ".id=x&.page=y&.csrf=z&a=1", "a=1|###" },
		{ "M12",
		    "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n"
		    "\r\nv\r\n--X--\r\n",
		    "--X\\0d\\0aContent-Disposition:\\20form-data;\\20name="
		    "\"a\"\\0d\\0a\\0d\\0av\\0d\\0a--X--\\0d\\0a|###" },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		post(cookies, "", row[i].body, strlen(row[i].body));
		T(s.status == 200 && shot_page_is(&s, row[i].page),
		    "%s line %zu: %s", row[i].id, i, s.page);
	}
	post(pages, "", "a=1;b=2&c=3", 11);
	T(shot_page_is(&s, "a=1|b=2|c=3|###"),
	    "U6 K25 ';' separates under the page carrier");
}

static int sent_program_saw;

static void
str_program(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;
	struct sstate_val v;

	(void)arg;
	sent_program_saw = 0;
	if (sstate_req_session(&session, req, NULL, NULL) == 0)
		sent_program_saw =
		    sstate_str(session, SSTATE_SENT, "a") == NULL &&
		    sstate_get(&v, session, SSTATE_SENT, "a", 0) == 0 &&
		    v.len == 3;
}

static int sent_is_out;

static void
out_program(struct sstate_req *req, void *arg)
{
	struct sstate_val v;

	(void)arg;
	sent_is_out = 0;
	if (sstate_req_body(&v, req) == 0 && v.len == 8)
		sent_is_out = left_out(v.ptr);
}

/* What a client typed may be a password. */
static void
out_of_core(void)
{
#ifdef SSTATE_HEAP
	tap_skip("this build has requests in malloc's memory");
	return;
#endif
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=application/json");
	shot_body(&s, "\"secret\"", 8);
	shot_fire(&s, cookies, out_program, NULL);
	if (sent_is_out < 0)
		tap_skip("no VmFlags in /proc/self/smaps");
	else
		T(sent_is_out, "a core file leaves out what was sent");
}

static void
refused(void)
{
	static char big[1 << 18];
	size_t i, n;

	post(cookies, "", "%00a=1", 6);
	T(s.status == 400 && s.accepted == SSTATE_DONE && shot_logged == 1,
	    "U2 a NUL in a name: SYNTAX, and the program does not see it");
	post(cookies, "", "a\0=1", 4);
	T(s.status == 400, "U2 a bare NUL in a name: SYNTAX");
	post(cookies, "a%00=1", "a=1", 3);
	T(s.status == 400, "U2 a NUL in a name of the query: SYNTAX");
	shot_begin(&s);
	shot_var(&s, "QUERY_STRING=a=x%00y");
	shot_fire(&s, cookies, str_program, NULL);
	T(sent_program_saw, "U2 a value with a NUL is no C string, but whole");
	for (n = 0; n < 1000; n++)
		memcpy(big + 2 * n, "a&", 2);
	post(cookies, "", big, 2 * n);
	T(s.status == 200, "R-90 1000 parameters are taken");
	post(cookies, "b", big, 2 * n);
	T(s.status == 413, "R-90 U8 1001 parameters of query and body: LIMIT");
	for (i = 0; i < n; i++)
		big[2 * i + 1] = ';';
	post(pages, "b", big, 2 * n);
	T(s.status == 413, "R-91 U6 ';' counts like '&'");
	memset(big, 'a', sizeof(big));
	post(cookies, "", big, 256);
	T(s.status == 200, "R-90 a name of 256 octets is taken");
	post(cookies, "", big, 257);
	T(s.status == 413, "R-90 U8 a name of 257: LIMIT");
	memcpy(big, "v=", 2);
	post(cookies, "", big, 65538);
	T(s.status == 200, "R-90 a value of 64 KiB is taken");
	post(cookies, "", big, 65539);
	T(s.status == 413, "R-90 a value of one more: LIMIT");
}

static void
smaller_limits(void)
{
	shot_begin(&s);
	s.opts.max_params = 2;
	shot_var(&s, "QUERY_STRING=a=1&b=2&c=3");
	shot_fire(&s, cookies, shot_echo, NULL);
	T(s.status == 413, "R-90 max_params");
	shot_begin(&s);
	s.opts.max_body = 4;
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, FORM_TYPE);
	shot_body(&s, "a=123", 5);
	shot_fire(&s, cookies, shot_echo, NULL);
	T(s.status == 413, "R-90 max_body");
	T(strstr(s.out, "123") == NULL && strstr(shot_log, "123") == NULL,
	    "R-99 neither page nor log repeat what was sent");
}

/* ---- Cookies ---------------------------------------------------------- */

static void
count_program(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;
	int64_t n = 0;

	(void)arg;
	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	sstate_incr(&n, session, "n", 1);
	sstate_req_html(req, "%lld", (long long)n);
}

/* The page for a Cookie header made of two formats around our cookie. */
static const char *
visit(const char *before, const char *cookie, const char *after)
{
	char var[4096];

	shot_begin(&s);
	(void)snprintf(var, sizeof(var), "HTTP_COOKIE=%s%s%s", before, cookie,
	    after);
	shot_var(&s, var);
	shot_fire(&s, cookies, count_program, NULL);
	return s.page != NULL ? s.page : "";
}

static void
one_name(void)
{
	char jar[JAR_MAX], bad[JAR_MAX];
	const char *ours;

	shot_begin(&s);
	shot_fire(&s, cookies, count_program, NULL);
	NEED(shot_page_is(&s, "1") && *shot_cookie(&s, jar) != '\0',
	    "I7 the first visit sets a cookie");
	ours = jar + strlen("HTTP_COOKIE=");
	T(strcmp(visit("", ours, ""), "2") == 0, "C1 our cookie is found");
	T(strcmp(visit("a=b; ", ours, "; c=d"), "3") == 0,
	    "C7 among the cookies of two headers joined by \"; \"");
	T(strcmp(visit("", ours, ", c=d"), "4") == 0,
	    "C7 before a header joined by \", \"");
	T(strcmp(visit("x=\"y\"; \x01; ;;=; $Version=1;", ours, ";"), "5") == 0,
	    "C3 C4 C8 after pairs that are no cookies");
	T(strcmp(visit("=", ours, ""), "1") == 0, "C1 not without a name");
	T(strcmp(visit("x=a, ", ours, ""), "1") == 0,
	    "C1 R-42 not inside another cookie's value");
	(void)snprintf(bad, sizeof(bad), "%s", ours);
	bad[2] = 'h';
	T(strcmp(visit("", bad, ""), "1") == 0, "C1 not in another case");
	(void)snprintf(bad, sizeof(bad), "%.*s=\"%s\"", (int)strcspn(ours, "="),
	    ours, strchr(ours, '=') + 1);
	T(strcmp(visit("", bad, ""), "1") == 0, "C3 not in quotes");
	T(strcmp(visit("", ours, ""), "6") == 0, "C1 and still there");
}

static void
bombs(void)
{
	static char var[20000];
	size_t i, n = strlen("HTTP_COOKIE=");

	memcpy(var, "HTTP_COOKIE=", n);
	for (i = 0; i < 65; i++, n += 4)
		memcpy(var + n, "a=b;", 5);
	shot_begin(&s);
	shot_var(&s, var);
	shot_fire(&s, cookies, shot_echo, NULL);
	T(s.status == 400 && s.accepted == SSTATE_DONE,
	    "C5 R-90 65 cookies: 400");
	memset(var + 12, 'a', 16385);
	var[12 + 16385] = '\0';
	shot_begin(&s);
	shot_var(&s, var);
	shot_fire(&s, cookies, shot_echo, NULL);
	T(s.status == 400, "C5 R-90 a Cookie header over 16 KiB: 400");
	shot_begin(&s);
	shot_var(&s, var);
	shot_fire(&s, pages, shot_echo, NULL);
	T(s.status == 200, "C5 which the page carrier does not read");
	var[12 + 16384] = '\0';
	shot_begin(&s);
	shot_var(&s, var);
	shot_fire(&s, cookies, shot_echo, NULL);
	T(s.status == 200, "C5 one of 16 KiB is read");
	shot_begin(&s);
	shot_var(&s, "HTTP_COOKIE=session=&=");
	shot_fire(&s, cookies, shot_echo, NULL);
	T(s.status == 200, "C8 an empty key is skipped");
}

int
main(void)
{
	cookies = shot_env(0);
	pages = shot_env(SSTATE_CARRY_PAGE);
	meanings();
	refused();
	smaller_limits();
	one_name();
	bombs();
	out_of_core();
	shot_begin(&s);
	shot_end(&s);
	sstate_close(cookies);
	sstate_close(pages);
	return tap_done();
}
