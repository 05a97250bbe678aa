/*
 * page.h - what a manual page says an administrator may type
 *
 *	page_lines(sql, sizeof(sql), "securestate-pgsql.7",
 *	    "CREATE TABLE", "INSERT INTO");
 *
 * copies the lines from the first that begins so up to the first, from there
 * on, that begins with the other; 0, or -1.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((unused)) static int
page_lines(char *out, size_t max, const char *page, const char *from,
    const char *to)
{
	const char *top = getenv("SOURCE_DIR");
	char path[600], line[200];
	int inside = 0, r = -1;
	FILE *f;

	out[0] = '\0';
	(void)snprintf(path, sizeof(path), "%s/man/%s", top != NULL ? top : ".",
	    page);
	if ((f = fopen(path, "r")) == NULL)
		return -1;
	while (r != 0 && fgets(line, sizeof(line), f) != NULL) {
		inside = inside || strncmp(line, from, strlen(from)) == 0;
		if (!inside || strlen(out) + strlen(line) >= max)
			continue;
		memcpy(out + strlen(out), line, strlen(line) + 1);
		if (strncmp(line, to, strlen(to)) == 0)
			r = 0;
	}
	(void)fclose(f);
	return r;
}

#endif
