/*
 * forks.h - one lock of a driver that a fork leaves whole, and a count of
 * forks
 *
 * For engines that keep books of a process's open files: a child has the
 * books, but not the locks that they tell of.  What a driver lists under
 * this lock is whole in the child, and forks_seen() tells what is inherited.
 */
#ifndef FORKS_H
#define FORKS_H

#include <pthread.h>

static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	unsigned long seen; /* between the first use and this process */
} forks = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_ONCE_INIT, 0 };

static void
forks_before(void)
{
	(void)pthread_mutex_lock(&forks.lock);
}

static void
forks_parent(void)
{
	(void)pthread_mutex_unlock(&forks.lock);
}

/* The thread that forked locked it, and is the one that is here. */
static void
forks_child(void)
{
	forks.seen++;
	(void)pthread_mutex_unlock(&forks.lock);
}

static void
forks_watch(void)
{
	(void)pthread_atfork(forks_before, forks_parent, forks_child);
}

static void
forks_lock(void)
{
	(void)pthread_once(&forks.once, forks_watch);
	(void)pthread_mutex_lock(&forks.lock);
}

static void
forks_unlock(void)
{
	(void)pthread_mutex_unlock(&forks.lock);
}

/* Under the lock. */
static unsigned long
forks_seen(void)
{
	return forks.seen;
}

#endif
