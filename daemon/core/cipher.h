/* cipher: how a database may be encrypted, by the platform's own names.
 * In:    a name. Out: how long its keys are. Never: a key. */
#ifndef TENANTD_CORE_CIPHER_H
#define TENANTD_CORE_CIPHER_H

/* clang-format off: a table */
#define CIPHERS(X)                                                                                 \
    X(AES256GCM, "aes256gcm", 32, 28)                                                              \
    X(AES128GCM, "aes128gcm", 16, 28)                                                              \
    X(CHACHA20POLY1305, "chacha20poly1305", 32, 28)                                                \
    X(AEGIS128L, "aegis128l", 16, 32)                                                              \
    X(AEGIS128X2, "aegis128x2", 16, 32)                                                            \
    X(AEGIS128X4, "aegis128x4", 16, 32)                                                            \
    X(AEGIS256, "aegis256", 32, 48)                                                                \
    X(AEGIS256X2, "aegis256x2", 32, 48)                                                            \
    X(AEGIS256X4, "aegis256x4", 32, 48)
/* clang-format on */

#define CIPHER_ENUM(symbol, name, key_bytes, reserved_bytes) CIPHER_##symbol,
enum cipher { CIPHERS(CIPHER_ENUM) CIPHER_N };
#undef CIPHER_ENUM

extern const char *const CIPHER_NAME[CIPHER_N];
extern const unsigned CIPHER_KEY_BYTES[CIPHER_N];
/* What each page of a file has to keep free for it. */
extern const unsigned CIPHER_RESERVED_BYTES[CIPHER_N];

#endif
