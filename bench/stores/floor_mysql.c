/*
 * floor_mysql.c - MariaDB, bare: prepared statements, binary values
 */
#include <mysql.h>
#include <stdio.h>
#include <string.h>

#include "floor.h"

enum { CREATE, GET, PUT, DELETE, STATEMENTS };

static MYSQL *my;
static MYSQL_STMT *stmt[STATEMENTS];

void
bare_open(const char *place, const char *set)
{
	static const char *const texts[STATEMENTS][2] = {
		{ "INSERT INTO", "(body, id) VALUES (?, ?)" },
		{ "SELECT body FROM", "WHERE id = ?" },
		{ "UPDATE", "SET body = ? WHERE id = ?" },
		{ "DELETE FROM", "WHERE id = ?" },
	};
	const unsigned int protocol = MYSQL_PROTOCOL_SOCKET;
	char text[256];
	int i;

	if ((my = mysql_init(NULL)) == NULL ||
	    mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol) != 0 ||
	    mysql_real_connect(my, NULL, "shop", "", "sessions", 0, place, 0) ==
		NULL)
		bare_die("open", mysql_error(my));
	(void)snprintf(text, sizeof(text),
	    "CREATE TABLE bare_%s (id BINARY(32) NOT NULL PRIMARY KEY,"
	    " body LONGBLOB NOT NULL) ENGINE = InnoDB, ROW_FORMAT = DYNAMIC",
	    set);
	if (mysql_query(my, text) != 0)
		bare_die("open", mysql_error(my));
	for (i = 0; i < STATEMENTS; i++) {
		(void)snprintf(text, sizeof(text), "%s bare_%s %s", texts[i][0],
		    set, texts[i][1]);
		stmt[i] = mysql_stmt_init(my);
		if (mysql_stmt_prepare(stmt[i], text, strlen(text)) != 0)
			bare_die("prepare", mysql_stmt_error(stmt[i]));
	}
}

static void
bind(MYSQL_BIND *b, const unsigned char *p, unsigned long *n)
{
	memset(b, 0, sizeof(*b));
	b->buffer_type = MYSQL_TYPE_BLOB;
	b->buffer = (void *)(size_t)p;
	b->buffer_length = *n;
	b->length = n;
}

/* The key is the last value. */
static void
run(int which, const unsigned char *key, const unsigned char *body)
{
	unsigned long n[2] = { BARE_BODY, BARE_KEY };
	MYSQL_BIND b[2];

	bind(&b[0], body, &n[0]);
	bind(&b[1], key, &n[1]);
	if (mysql_stmt_bind_param(stmt[which], body != NULL ? b : b + 1) != 0 ||
	    mysql_stmt_execute(stmt[which]) != 0)
		bare_die("statement", mysql_stmt_error(stmt[which]));
}

static void
change(int which, const unsigned char *key, const unsigned char *body)
{
	run(which, key, body);
	if (mysql_stmt_affected_rows(stmt[which]) != 1)
		bare_die("change", "nothing there");
}

void
bare_create(const unsigned char *key, const unsigned char *body)
{
	change(CREATE, key, body);
}

void
bare_get(unsigned char *body, const unsigned char *key)
{
	static unsigned char room[BARE_BODY + 1];
	unsigned long n = sizeof(room);
	MYSQL_BIND b;

	run(GET, key, NULL);
	bind(&b, room, &n);
	if (mysql_stmt_bind_result(stmt[GET], &b) != 0 ||
	    mysql_stmt_fetch(stmt[GET]) != 0)
		bare_die("get", mysql_stmt_error(stmt[GET]));
	bare_take(body, room, n);
	(void)mysql_stmt_free_result(stmt[GET]);
}

void
bare_put(const unsigned char *key, const unsigned char *body)
{
	change(PUT, key, body);
}

void
bare_delete(const unsigned char *key)
{
	change(DELETE, key, NULL);
}
