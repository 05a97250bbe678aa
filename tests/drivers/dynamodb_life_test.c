/*
 * dynamodb_life_test.c - sessions over a DynamoDB, and all that it was sent
 *
 * driver: dynamodb
 */
#include "dynamodb_kit.h"

#include "life.h"

/* The bodies of items, out of their base64: as the dump is read raw. */
static void
bodies(struct life *l)
{
	static const char mark[] = "\"body\":{\"B\":\"";
	const char *p = (const char *)l->dump, *end;
	size_t n = l->dumped, len;
	unsigned char *raw = malloc(1 << 20);

	NEED(raw != NULL, "memory");
	l->dump[l->dumped] = '\0';
	while ((p = memmem(p, n, mark, sizeof(mark) - 1)) != NULL) {
		p += sizeof(mark) - 1;
		end = strchr(p, '"');
		while (end > p && end[-1] == '=')
			end--;
		len = (size_t)(end - p) / 4 * 3;
		if (len < 1 << 20) {
			char *url = strndup(p, (size_t)(end - p) / 4 * 4), *q;

			for (q = url; *q != '\0'; q++)
				*q = *q == '+' ? '-' : *q == '/' ? '_' : *q;
			if (b64_decode(raw, len, url, strlen(url)) ==
			    (int)len) {
				size_t at = (size_t)(p - (char *)l->dump);

				life_dump_add(l, raw, len);
				p = (char *)l->dump + at;
				l->dump[l->dumped] = '\0';
			}
			free(url);
		}
		n = l->dumped - (size_t)(p - (char *)l->dump);
	}
	free(raw);
}

static unsigned
times(const struct life *l, const char *what)
{
	const unsigned char *p = l->dump, *end = l->dump + l->dumped;
	const size_t n = strlen(what);
	unsigned k = 0;

	while ((p = memmem(p, (size_t)(end - p), what, n)) != NULL) {
		p += n;
		k++;
	}
	return k;
}

int
main(void)
{
	static struct life l = { .driver = &sstate_driver_v1_dynamodb,
		.rounds = KIT_SLOW ? 400 : 40 };
	struct dkit k;

	dkit_start(&k, 1);
	dkit_file(&k, "wire", "");
	l.uri = k.uri;
	life_all(&l);
	/* Every request with its headers, and what the engine keeps. */
	life_dump_tree(&l, k.s.dir);
	T(life_shows(&l, "attribute_not_exists", 20),
	    "R-26 what was sent is in it");
	T(times(&l, "\"ConsistentRead\":true") > 100 &&
		times(&l, "\"ConsistentRead\":true") ==
		    times(&l, ".GetItem\n") + times(&l, ".Query\n") +
			times(&l, ".Scan\n"),
	    "I1 each of %u reads is a consistent one",
	    times(&l, "\"ConsistentRead\":true"));
	T(!life_shows(&l, DKIT_SECRET, strlen(DKIT_SECRET)),
	    "the secret key is not sent");
	bodies(&l);
	life_dump_check(&l);
	dkit_end(&k);
	return tap_done();
}
