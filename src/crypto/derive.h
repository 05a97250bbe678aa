/* derive.h - the keys of one ring entry, from its secret (PROTOCOL.token) */
#ifndef CRYPTO_DERIVE_H
#define CRYPTO_DERIVE_H

#include <stdint.h>

#include "crypto/keyring.h"

enum { SECRET_BYTES = 32 };

/* Fill the eight keys and the fingerprint; other members stay. */
void derive_keys(struct ringkey *k, const uint8_t secret[SECRET_BYTES]);

#endif
