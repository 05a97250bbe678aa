/*
 * memcached_life_test.c - sessions over a real memcached, and what it keeps
 *
 * driver: memcached
 */
#include "memcached_kit.h"

#include "life.h"

/* "key=sstate%3Ar..." of a line; 0: no line is left. */
static int
next_key(char *out, size_t max, const char **p)
{
	const char *q = strstr(*p, "key=");
	size_t n = 0;
	char hex[3] = "";

	if (q == NULL)
		return 0;
	for (q += 4; *q != ' ' && *q != '\0' && n + 1 < max; q++) {
		out[n] = *q;
		if (*q == '%') {
			memcpy(hex, q + 1, 2);
			out[n] = (char)strtol(hex, NULL, 16);
			q += 2;
		}
		n++;
	}
	out[n] = '\0';
	*p = q;
	return 1;
}

static int
is_ours(const char *key)
{
	static const char ns[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	const char *p = key + 9;
	size_t n;

	if (strncmp(key, "sstate:r:", 9) != 0)
		return 0;
	n = strspn(p, ns);
	return n > 0 && n <= 32 && p[n] == ':' && strlen(p + n + 1) == 64 &&
	    strspn(p + n + 1, "0123456789abcdef") == 64;
}

/*
 * Each item of the server, by its crawler; what the server moves from one of
 * its lists to another meanwhile can be missing, or be there twice.
 */
static char *
dump(const struct mckit *k)
{
	static const char clock[] = "key=sstate%3Aclock ";
	char *all = NULL, *at = NULL;
	int i;

	for (i = 0; i < 100; i++) {
		free(all);
		all = mckit_say(k, "lru_crawler metadump all\r\n", "END\r\n");
		at = strstr(all, clock);
		if (at != NULL && strstr(at + 1, clock) == NULL)
			break;
	}
	return all;
}

static void
items(const struct mckit *k, struct life *l)
{
	char *all = dump(k);
	unsigned records = 0, clocks = 0, strange = 0;
	char key[300], cmd[320], *said;
	const char *p = all;
	int fd;
	ssize_t n;
	static char buf[1 << 20];

	while (next_key(key, sizeof(key), &p)) {
		if (strcmp(key, "sstate:clock") == 0)
			clocks++;
		else if (is_ours(key))
			records++;
		else if (strange++ == 0)
			printf("# a strange key: %s\n", key);
		life_dump_add(l, key, strlen(key));
		(void)snprintf(cmd, sizeof(cmd), "get %s\r\n", key);
		NEED((fd = mckit_connect(k)) >= 0, "a connection");
		(void)send(fd, cmd, strlen(cmd), MSG_NOSIGNAL);
		(void)shutdown(fd, SHUT_WR);
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
			life_dump_add(l, buf, (size_t)n);
		(void)close(fd);
	}
	free(all);
	T(strange == 0 && records > 0 && clocks == 1,
	    "R-96 keys are of one alphabet and length: %u records, %u clocks, "
	    "%u others",
	    records, clocks, strange);
	said = mckit_say(k, "stats\r\n", "END\r\n");
	T(strstr(said, "STAT evictions 0\r\n") != NULL,
	    "none was evicted meanwhile");
	free(said);
}

int
main(void)
{
	static struct life l = { .driver = &sstate_driver_v1_memcached,
		.unlisted = 1,
		.rounds = KIT_SLOW ? 1000 : 100 };
	struct mckit k;

	mckit_start(&k, NULL);
	l.uri = k.uri;
	life_all(&l);
	items(&k, &l);
	life_dump_check(&l);
	mckit_end(&k);
	return tap_done();
}
