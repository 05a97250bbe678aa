/*
 * redis_sentinel_test.c - a master, two replicas, three sentinels; the
 * master is killed, or hands over, in the middle of a run
 *
 * driver: redis
 */
#include "redis_kit.h"

#include "count.h"

enum { SERVERS = 3, SENTINELS = 3 };

static struct rkit k[SERVERS], watch[SENTINELS];

static void
server(int i)
{

	NEED(rkit_room(&k[i]) == 0, "a folder");
	rkit_port(&k[i], server_port());
	if (i > 0) {
		rkit_arg(&k[i], "--replicaof");
		rkit_arg(&k[i], "127.0.0.1");
		rkit_arg(&k[i], k[0].port_text);
	}
	rkit_arg(&k[i], "--repl-diskless-sync-delay");
	rkit_arg(&k[i], "0");
	NEED(rkit_again(&k[i]) == 0, "server %d", i);
}

/* A sentinel writes to its file, so it has one of its own. */
static void
sentinel(int i)
{
	struct rkit *w = &watch[i];
	char path[128];
	FILE *f;

	NEED(rkit_room(w) == 0, "a folder");
	w->port = server_port();
	(void)snprintf(path, sizeof(path), "%s/conf", w->s.dir);
	NEED((f = fopen(path, "w")) != NULL, "its file");
	(void)fprintf(f,
	    "bind 127.0.0.1\nport %d\nunixsocket %s\nunixsocketperm 777\n"
	    "sentinel monitor m 127.0.0.1 %d 2\n"
	    "sentinel down-after-milliseconds m 1000\n"
	    "sentinel failover-timeout m 4000\n",
	    w->port, w->sock, k[0].port);
	(void)fclose(f);
	if (geteuid() == 0)
		(void)chown(path, SERVER_NOBODY, SERVER_NOBODY);
	w->argc = 1;
	rkit_arg(w, "conf");
	rkit_arg(w, "--sentinel");
	NEED(rkit_again(w) == 0, "sentinel %d", i);
}

/* The port that a sentinel names. */
static int
master(int i)
{
	redisReply *re =
	    rkit_say(&watch[i], "SENTINEL get-master-addr-by-name m");
	int port = -1;

	if (re != NULL && re->elements == 2)
		port = (int)strtol(re->element[1]->str, NULL, 10);
	freeReplyObject(re);
	return port;
}

/* What a sentinel knows of the master: num-slaves, num-other-sentinels. */
static int
knows(int i, const char *field, int n)
{
	redisReply *re = rkit_say(&watch[i], "SENTINEL MASTER m");
	size_t j;
	int yes = 0;

	for (j = 0; re != NULL && j + 1 < re->elements; j += 2)
		if (strcmp(re->element[j]->str, field) == 0)
			yes = strtol(re->element[j + 1]->str, NULL, 10) == n;
	freeReplyObject(re);
	return yes;
}

static void
all_know(void)
{
	int i, tries = 0;

	for (i = 0; i < SENTINELS && tries < 3000; tries++)
		if (knows(i, "num-slaves", SERVERS - 1) &&
		    knows(i, "num-other-sentinels", SENTINELS - 1))
			i++;
		else
			count_nap(20);
	NEED(i == SENTINELS, "the sentinels know all servers and each other");
}

static struct rkit *
by_port(int port)
{
	int i;

	for (i = 0; i < SERVERS; i++)
		if (k[i].port == port)
			return &k[i];
	return NULL;
}

/* Until all sentinels name another one. */
static int
changed(int from)
{
	int i, tries = 0;

	for (i = 0; i < SENTINELS && tries < 3000; tries++)
		if (master(i) > 0 && master(i) != from)
			i++;
		else
			count_nap(20);
	return i == SENTINELS;
}

static void
kill_master(struct count *run, const char *what)
{
	int from = master(0);
	struct rkit *was = by_port(from);

	NEED(was != NULL && count_more(run, 50), "%s: a run", what);
	server_kill(&was->s);
	T(changed(from) && count_more(run, 50),
	    "%s: the run goes on with another master", what);
	NEED(rkit_again(was) == 0, "it is started again");
	/* The sentinels would, some seconds later. */
	NEED(rkit_int(was, "REPLICAOF 127.0.0.1 %d", master(0)) == 1,
	    "as a replica");
	T(count_more(run, 50), "%s: it is back", what);
}

/*
 * A master that hands over takes writes until it is told that it is none any
 * more; what only the other replica heard is lost.  So: all replicas.
 */
static void
hand_over(struct count *run)
{
	int from = master(0), i;

	NEED(count_more(run, 50), "hand over: a run");
	/* Not while it is still busy with the one before. */
	for (i = 0; i < 1500 && rkit_int(&watch[1], "SENTINEL FAILOVER m") != 1;
	     i++)
		count_nap(20);
	NEED(i < 1500, "hand over");
	if (!changed(from))
		for (i = 0; i < SENTINELS; i++)
			server_log(&watch[i].s);
	T(master(0) != from && count_more(run, 50),
	    "handed over in peace, the run goes on");
}

/* The first of the list is nobody: the next is asked. */
static const char *
uri(int wait)
{
	static char text[300];

	(void)snprintf(text, sizeof(text),
	    "redis:?sentinel=m&hosts=127.0.0.1:1,127.0.0.1:%d,127.0.0.1:%d,"
	    "127.0.0.1:%d&wait=%d",
	    watch[0].port, watch[1].port, watch[2].port, wait);
	return text;
}

int
main(void)
{
	struct count run = { .driver = &sstate_driver_v1_redis, .pace_ms = 2 };
	struct server s;
	int i;

	if (server_room(&s, "redis-server") != 0) {
		tap_skip("redis-server is not installed");
		return tap_done();
	}
	server_end(&s);
	for (i = 0; i < SERVERS; i++)
		server(i);
	/* A sentinel asks the master once in ten seconds. */
	for (i = 0; i < 3000 && rkit_int(&k[0], "WAIT 2 100") < 2; i++)
		count_nap(20);
	for (i = 0; i < SENTINELS; i++)
		sentinel(i);
	all_know();
	run.uri = uri(1);
	count_start(&run);
	kill_master(&run, "kill -9");
	count_stop(&run);
	count_check(&run, "the master killed, wait=1");
	count_end(&run);

	memset(&run, 0, sizeof(run));
	run.driver = &sstate_driver_v1_redis;
	run.pace_ms = 2;
	run.uri = uri(SERVERS - 1);
	count_start(&run);
	hand_over(&run);
	server_kill(&watch[0].s);
	server_kill(&watch[1].s);
	T(count_more(&run, 50), "two sentinels less: nobody minds");
	count_stop(&run);
	count_check(&run, "handed over, wait=2");
	count_end(&run);
	for (i = 0; i < SERVERS; i++)
		rkit_end(&k[i]);
	for (i = 0; i < SENTINELS; i++)
		rkit_end(&watch[i]);
	return tap_done();
}
