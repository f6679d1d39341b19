// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small things about bytes: little and big endian numbers, hexadecimal, random tokens, SHA-256, and
// digests as OCI spells them ("sha256:" and 64 lower-case hex digits, OCI image-spec, descriptor.md).
// Threads: any.

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SHA256_BYTES = 32,
    DIGEST_TEXT_SIZE = 7 + 64 + 1, // "sha256:" + hex + NUL
    TOKEN_TEXT_SIZE = 43 + 1,      // 32 random bytes in base64url without padding + NUL
};

static inline uint16_t get_le16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t get_le32(const uint8_t *bytes)
{
    return (uint32_t)get_le16(bytes) | (uint32_t)get_le16(bytes + 2) << 16;
}

static inline uint64_t get_le64(const uint8_t *bytes)
{
    return (uint64_t)get_le32(bytes) | (uint64_t)get_le32(bytes + 4) << 32;
}

static inline void put_le16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void put_le32(uint8_t *bytes, uint32_t value)
{
    put_le16(bytes, (uint16_t)value);
    put_le16(bytes + 2, (uint16_t)(value >> 16));
}

static inline void put_le64(uint8_t *bytes, uint64_t value)
{
    put_le32(bytes, (uint32_t)value);
    put_le32(bytes + 4, (uint32_t)(value >> 32));
}

static inline uint16_t get_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t get_be32(const uint8_t *bytes)
{
    return (uint32_t)get_be16(bytes) << 16 | get_be16(bytes + 2);
}

static inline void put_be16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline void put_be32(uint8_t *bytes, uint32_t value)
{
    put_be16(bytes, (uint16_t)(value >> 16));
    put_be16(bytes + 2, (uint16_t)value);
}

// `text` needs 2 * length + 1 bytes.
void hex_encode(const uint8_t *bytes, size_t length, char *text);
// Exactly 2 * length digits, either case; 0 or -1.
int hex_decode(const char *text, uint8_t *bytes, size_t length);

// Fill with random bytes of the system; aborts if there are none, since nothing secret works then.
void random_fill(void *bytes, size_t length);
// A new unguessable token: 256 bits as base64url. `text` has TOKEN_TEXT_SIZE bytes.
void token_make(char *text);

void sha256_bytes(const void *data, size_t length, uint8_t digest[SHA256_BYTES]);

// True if `text` is "sha256:" and 64 lower-case hex digits.
bool digest_is_valid(const char *text);
void digest_format(const uint8_t digest[SHA256_BYTES], char text[DIGEST_TEXT_SIZE]);
int digest_parse(const char *text, uint8_t digest[SHA256_BYTES], struct error *err);

// Constant-time comparison; false when lengths differ or one is NULL.
bool secret_equal(const char *a, const char *b);

// Base64 with padding (RFC 4648 section 4). Decoding is strict; the result is NUL-terminated besides
// its length. Caller frees. NULL on bad input or no memory.
char *base64_encode(const void *data, size_t length);
uint8_t *base64_decode(const char *text, size_t *ret_length);
