/*
 * speak.h - a contender of the benchmark: verbs on stdin, numbers on stdout
 *
 * A line is "VERB N"; the answer is one line of decimal numbers, the first
 * of them nanoseconds for all N.  An error ends the program.  "cpu" is
 * answered for each: the processor's nanoseconds that it has used so far.
 */
#ifndef BENCH_SPEAK_H
#define BENCH_SPEAK_H

#include <stddef.h>
#include <stdint.h>

struct verb {
	const char *name;
	void (*fn)(void *arg, uint64_t n); /* says its own answer */
};

/* Until the end of stdin, or "quit". */
int speak_loop(const struct verb *v, size_t nv, void *arg);
void speak_say(uint64_t a, uint64_t b);
_Noreturn void speak_die(const char *what);

uint64_t speak_ns(void);
/* Uniform below n; the same sequence in each run. */
uint64_t speak_pick(uint64_t *state, uint64_t n);

#endif
