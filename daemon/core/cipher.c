#include "core/cipher.h"

#define NAME_ROW(symbol, name, key_bytes, reserved_bytes) [CIPHER_##symbol] = name,
const char *const CIPHER_NAME[CIPHER_N] = {CIPHERS(NAME_ROW)};

#define BYTES_ROW(symbol, name, key_bytes, reserved_bytes) [CIPHER_##symbol] = key_bytes,
const unsigned CIPHER_KEY_BYTES[CIPHER_N] = {CIPHERS(BYTES_ROW)};

#define RESERVED_ROW(symbol, name, key_bytes, reserved_bytes) [CIPHER_##symbol] = reserved_bytes,
const unsigned CIPHER_RESERVED_BYTES[CIPHER_N] = {CIPHERS(RESERVED_ROW)};
