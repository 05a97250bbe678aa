/* hint.h - what a compiler may know of how a function is used */
#ifndef BASE_HINT_H
#define BASE_HINT_H

#if defined(__has_attribute)
#if __has_attribute(uninitialized)
/* A large buffer that is filled before it is read: not zeroed beforehand. */
#define UNFILLED __attribute__((uninitialized))
#endif
#if __has_attribute(cold) && __has_attribute(noinline)
/*
 * Not for an ordinary request: neither its code nor its room on the stack
 * burdens a caller.
 */
#define APART __attribute__((cold, noinline))
#endif
#endif
#ifndef UNFILLED
#define UNFILLED
#endif
#ifndef APART
#define APART
#endif

#endif
