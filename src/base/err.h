/*
 * err.h - what all layers share of errors; sstate_fail() is in store.h
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#include <securestate/store.h>

/* Replace control and 8-bit octets. */
void err_clean(char *text, size_t max);
/* Record code as "what: its text", unless a lower layer recorded it. */
int err_plain(struct sstate_error *err, int code, const char *what);
void err_clear(struct sstate_error *err);

#endif
