/*
 * fcgi_addrs.c - FCGI_WEB_SERVER_ADDRS: from where a web server may connect
 *
 * Invariant: a list that cannot be read is an error, never a list of none.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/arena.h"
#include "cgi/fcgi_set.h"

enum { MAX_ADDRS = 64 };

struct fcgi_addrs {
	size_t n;
	struct in6_addr a[MAX_ADDRS]; /* IPv4 as ::ffff:a.b.c.d */
};

static void
mapped(struct in6_addr *out, const struct in_addr *in)
{
	memset(out, 0, sizeof(*out));
	out->s6_addr[10] = out->s6_addr[11] = 0xff;
	memcpy(out->s6_addr + 12, in, 4);
}

static int
parse(struct in6_addr *out, const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;

	while (n > 0 && *s == ' ') {
		s++;
		n--;
	}
	while (n > 0 && s[n - 1] == ' ')
		n--;
	if (n == 0 || n >= sizeof(text))
		return SSTATE_EPARSE;
	memcpy(text, s, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, &v4) == 1) {
		mapped(out, &v4);
		return 0;
	}
	return inet_pton(AF_INET6, text, out) == 1 ? 0 : SSTATE_EPARSE;
}

int
addrs_new(struct fcgi_addrs **out, const struct hook *h, const char *list,
    struct sstate_error *err)
{
	struct fcgi_addrs *a;
	size_t n;

	*out = NULL;
	if (list == NULL)
		return 0;
	if ((a = hook_alloc(h, sizeof(*a))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "fcgi: addresses");
	for (a->n = 0;; list += n + 1) {
		n = strcspn(list, ",");
		if (a->n == MAX_ADDRS || parse(&a->a[a->n++], list, n) != 0) {
			hook_free(h, a, sizeof(*a));
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "fcgi: FCGI_WEB_SERVER_ADDRS is no list of "
			    "addresses");
		}
		if (list[n] == '\0')
			break;
	}
	*out = a;
	return 0;
}

void
addrs_free(struct fcgi_addrs *a, const struct hook *h)
{
	if (a != NULL)
		hook_free(h, a, sizeof(*a));
}

int
addrs_has(const struct fcgi_addrs *a, const struct sockaddr_storage *sa)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	size_t i;

	if (sa->ss_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		mapped(&in6.sin6_addr, &in.sin_addr);
	} else if (sa->ss_family == AF_INET6)
		memcpy(&in6, sa, sizeof(in6));
	else
		/* No address at all: whoever can reach it is let in. */
		return 1;
	for (i = 0; i < a->n; i++)
		if (memcmp(&a->a[i], &in6.sin6_addr, sizeof(a->a[i])) == 0)
			return 1;
	return 0;
}
