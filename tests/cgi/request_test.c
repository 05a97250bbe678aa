/* request_test.c - security.md 4.1: the CGI environment, line by line */
#include "shot.h"

static struct shot s;
static struct sstate *env;

/* One POST of a form, with one more variable. */
static void
post(const char *var, const char *body)
{
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, FORM_TYPE);
	if (var != NULL)
		shot_var(&s, var);
	shot_bare_body(&s, body, strlen(body));
	shot_fire(&s, env, shot_echo, NULL);
}

/* One GET with a query and one more variable. */
static void
get(const char *query, const char *var)
{
	char text[256];

	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=GET");
	(void)snprintf(text, sizeof(text), "QUERY_STRING=%s", query);
	shot_var(&s, text);
	if (var != NULL)
		shot_var(&s, var);
	shot_fire(&s, env, shot_echo, NULL);
}

static void
lengths(void)
{
	static const char *const bad[] = { "-1", "+5", " 5", "5 ", "0x10",
		"1e3", "5,5", "5, 5", "9223372036854775808",
		"18446744073709551621", "9999999999999999999", "5a", "\t5" };
	char var[64];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(var, sizeof(var), "CONTENT_LENGTH=%s", bad[i]);
		post(var, "a=bcdefghijklmnop");
		T(s.status == 400 && s.accepted == SSTATE_DONE &&
			shot_logged == 1 &&
			strstr(shot_log, "is no length") != NULL,
		    "E1 CONTENT_LENGTH \"%s\": SYNTAX", bad[i]);
	}
	get("a=1", "CONTENT_LENGTH=-1");
	T(s.status == 400, "E1 with GET, too");
	post("CONTENT_LENGTH=", "a=1");
	T(s.status == 200 && shot_page_is(&s, "###"),
	    "E1 an empty one: no body");
	post("CONTENT_LENGTH=0", "a=1");
	T(s.status == 200 && shot_page_is(&s, "###"), "E1 0: no body");
	post("CONTENT_LENGTH=3", "a=1");
	T(s.status == 200 && shot_page_is(&s, "a=1|###"), "E1 3 is 3");
	post("CONTENT_LENGTH=1048577", "a=1");
	T(s.status == 413 && shot_was_read(&s, 0),
	    "R-90 a length over max_body: LIMIT, and nothing is read");
	post("CONTENT_LENGTH=999999999999999999", "a=1");
	T(s.status == 413, "E1 R-90 no allocation from a huge length");
	post("CONTENT_LENGTH=9", "a=1");
	T(s.status == 400 && strstr(shot_log, "shorter") != NULL,
	    "E2 end of input before the length: SYNTAX \"short body\"");
	post("CONTENT_LENGTH=3", "a=1&b=2");
	T(shot_page_is(&s, "a=1|###") && shot_was_read(&s, 3),
	    "E2 nothing is read behind the length");
}

static void
no_length(void)
{
	static char big[(1 << 20) + 1];

	post(NULL, "a=1");
	T(shot_page_is(&s, "a=1|###"), "E3 a body without its length is read");
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "HTTP_TRANSFER_ENCODING=chunked");
	shot_bare_body(&s, "xyz", 3);
	shot_fire(&s, env, shot_echo, NULL);
	T(shot_page_is(&s, "###xyz"), "E3 chunked, taken apart by the server");
	memset(big, 'a', sizeof(big) - 1);
	post(NULL, big);
	T(s.status == 413, "E3 R-90 a name of 1 MiB without length: LIMIT");
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=PUT");
	shot_var(&s, "CONTENT_TYPE=text/plain");
	shot_bare_body(&s, big, sizeof(big));
	shot_fire(&s, env, shot_echo, NULL);
	T(s.status == 413, "E3 R-90 one octet over max_body: LIMIT");
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=PUT");
	shot_var(&s, "CONTENT_TYPE=text/plain");
	shot_bare_body(&s, big, sizeof(big) - 1);
	shot_fire(&s, env, shot_echo, NULL);
	T(s.status == 200, "E3 R-90 max_body itself is taken");
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_bare_body(&s, "a=1", 3);
	shot_fire(&s, env, shot_echo, NULL);
	T(shot_page_is(&s, "###") && shot_was_read(&s, 0),
	    "E3 neither length, coding nor type: no body (RFC 3875 4.1.2)");
	post("HTTP_TRANSFER_ENCODING=gzip, chunked", "a=1");
	T(s.status == 501, "E3 a transfer coding that is not known: 501");
	post("HTTP_CONTENT_ENCODING=gzip", "a=1");
	T(s.status == 415, "E3 a form that is compressed: 415");
}

static void
proxy_program(struct sstate_req *req, void *arg)
{
	const char **v = arg;

	v[0] = sstate_req_var(req, "HTTP_PROXY");
	v[1] = sstate_req_var(req, "HTTP_HOST");
	v[2] = sstate_req_var(req, "REMOTE_ADDR");
	v[3] = sstate_req_var(req, "HTTP_PROXY=evil");
	v[4] = sstate_req_var(req, "");
	sstate_req_html(req, "%s %s", v[1], v[2]);
}

static void
variables(void)
{
	const char *v[5] = { "?", "?", "?", "?", "?" };
	static char big[70000];

	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=GET");
	shot_var(&s, "HTTP_PROXY=http://evil/");
	shot_var(&s, "HTTP_HOST=h\r\n<\">\\");
	shot_var(&s, "REMOTE_ADDR=fe80::1%eth0");
	shot_fire(&s, env, proxy_program, v);
	T(v[0] == NULL && v[3] == NULL && v[4] == NULL,
	    "E5 HTTP_PROXY is never read");
	T(getenv("HTTP_PROXY") == NULL ||
		strcmp(getenv("HTTP_PROXY"), "http://evil/") != 0,
	    "E5 the environment is not changed");
	T(shot_page_is(&s, "h&#13;&#10;&lt;&quot;&gt;\\ fe80::1%eth0"),
	    "E9 E12 odd octets are only ever shown escaped");
	get("", NULL);
	T(s.status == 200, "E12 no REMOTE_ADDR is no error");
	memset(big, 'a', sizeof(big) - 1);
	memcpy(big, "SCRIPT_NAME=/", 13);
	get("", big);
	T(s.status == 413, "E9 SCRIPT_NAME of 64 KiB: LIMIT");
	memcpy(big, "PATH_INFO=/aaa", 14);
	get("", big);
	T(s.status == 413, "E9 PATH_INFO of 64 KiB: LIMIT");
	memcpy(big, "HTTP_HOST=aaaa", 14);
	get("", big);
	T(s.status == 413, "E9 HTTP_HOST of 64 KiB: LIMIT");
	memcpy(big, "REMOTE_ADDR=aa", 14);
	get("", big);
	T(s.status == 413, "E12 REMOTE_ADDR of 64 KiB: LIMIT");
	memcpy(big, "QUERY_STRING=a", 14);
	shot_begin(&s);
	shot_var(&s, big);
	shot_fire(&s, env, shot_echo, NULL);
	T(s.status == 413, "R-90 a query over 64 KiB: LIMIT");
	big[4096] = '\0';
	memcpy(big, "REMOTE_ADDR=aa", 14);
	get("", big);
	T(s.status == 200, "E12 REMOTE_ADDR of 4 KiB is within bounds");
}

static void
types(void)
{
	static const struct {
		const char *id, *type;
		int status;
		const char *page;
	} row[] = {
		{ "U10", "application/x-www-form-urlencoded; charset=UTF-8",
		    200, "a=1|###" },
		{ "U10",
		    "application/x-www-form-urlencoded;charset=\"us-ascii\"",
		    200, "a=1|###" },
		{ "U10", "APPLICATION/X-WWW-Form-Urlencoded", 200, "a=1|###" },
		{ "U10", "application/x-www-form-urlencoded;charset=utf-16",
		    415, NULL },
		{ "U10", "application/x-www-form-urlencoded;charset=utf-7", 415,
		    NULL },
		{ "U10",
		    "application/x-www-form-urlencoded;charset=utf-8;"
		    "charset=utf-8",
		    415, NULL },
		{ "U10", "application/x-www-form-urlencoded;charset*=utf-8''x",
		    415, NULL },
		{ "E6", "application/x-www-form-urlencoded, text/plain", 415,
		    NULL },
		{ "E6", "application/json, application/x-www-form-urlencoded",
		    415, NULL },
		{ "E6", "application/x-www-form-urlencoded text/plain", 415,
		    NULL },
		{ "E6", "multipart/form-data; boundary=X, text/plain", 415,
		    NULL },
		{ "E6", "form", 415, NULL },
		{ "E6", ";", 415, NULL },
		{ "E6", "application/json", 200, "###a=1" },
		{ "E6", "application/json; x=\"a;b, c\"", 200, "###a=1" },
		{ "E6", "application/json; x=\"a", 415, NULL },
		{ "M12", "multipart/mixed; boundary=X", 415, NULL },
		{ "M12", "multipart/form-data; boundary=X", 400, NULL },
		{ "E6", "", 200, "###a=1" },
	};
	char var[256];
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		shot_begin(&s);
		shot_var(&s, "REQUEST_METHOD=POST");
		(void)snprintf(var, sizeof(var), "CONTENT_TYPE=%s",
		    row[i].type);
		shot_var(&s, var);
		shot_body(&s, "a=1", 3);
		shot_fire(&s, env, shot_echo, NULL);
		T(s.status == row[i].status &&
			(row[i].page == NULL || shot_page_is(&s, row[i].page)),
		    "%s type \"%s\": %d", row[i].id, row[i].type, s.status);
	}
}

static void
method_program(struct sstate_req *req, void *arg)
{
	(void)arg;
	sstate_req_html(req, "%s", sstate_req_var(req, "REQUEST_METHOD"));
}

static void
methods(void)
{
	static const char *const bad[] = { "", "GE T", "GET\r\n", "G(",
		"\xff" };
	char var[4200];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		shot_begin(&s);
		(void)snprintf(var, sizeof(var), "REQUEST_METHOD=%s", bad[i]);
		shot_var(&s, var);
		shot_fire(&s, env, shot_echo, NULL);
		T(s.status == 400, "E7 a method that is no token, line %zu", i);
	}
	memset(var, 'A', sizeof(var) - 1);
	var[sizeof(var) - 1] = '\0';
	memcpy(var, "REQUEST_METHOD=", 15);
	shot_begin(&s);
	shot_var(&s, var);
	shot_fire(&s, env, shot_echo, NULL);
	T(s.status == 400, "E7 a method of 4 KiB: SYNTAX");
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=get");
	shot_fire(&s, env, method_program, NULL);
	T(shot_page_is(&s, "get"), "E7 methods are compared exactly");
	shot_begin(&s);
	shot_fire(&s, env, method_program, NULL);
	T(shot_page_is(&s, "GET"), "E7 REQUEST_METHOD is never NULL");
	for (i = 0; i < 2; i++) {
		shot_begin(&s);
		shot_var(&s,
		    i == 0 ? "REQUEST_METHOD=GET" : "REQUEST_METHOD=HEAD");
		shot_var(&s, FORM_TYPE);
		shot_var(&s, "QUERY_STRING=q=1");
		shot_body(&s, "a=1", 3);
		shot_fire(&s, env, shot_echo, NULL);
		T(s.status == 200 && shot_was_read(&s, 0) &&
			shot_page_is(&s, i == 0 ? "q=1|#q=1|##" : ""),
		    "E7 a body with GET or HEAD is not read");
	}
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "QUERY_STRING=a=query&c=3");
	shot_var(&s, FORM_TYPE);
	shot_body(&s, "a=body&b=2", 10);
	shot_fire(&s, env, shot_echo, NULL);
	T(shot_page_is(&s, "a=body|b=2|#a=query|c=3|##"),
	    "E8 K01 query and body are two memories");
}

int
main(void)
{
	env = shot_env(0);
	lengths();
	no_length();
	variables();
	types();
	methods();
	shot_begin(&s);
	shot_end(&s);
	sstate_close(env);
	return tap_done();
}
