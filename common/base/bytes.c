// SPDX-License-Identifier: Apache-2.0

#include "base/bytes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void hex_encode(const uint8_t *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * length] = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

int hex_decode(const char *text, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int high = hex_value(text[2 * i]);
        int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
        if (low < 0) {
            return -1;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * length] == '\0' ? 0 : -1;
}

void random_fill(void *bytes, size_t length)
{
    uint8_t *position = bytes;
    while (length > 0) {
        ssize_t got = getrandom(position, length, 0);
        if (got < 0) {
            abort();
        }
        position += got;
        length -= (size_t)got;
    }
}

void token_make(char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[33] = {0}; // 256 bits and a zero byte, so that groups of three come out even
    random_fill(bytes, 32);
    for (size_t i = 0; i < 11; i++) {
        uint32_t group = (uint32_t)bytes[3 * i] << 16 | (uint32_t)bytes[3 * i + 1] << 8 |
                         bytes[3 * i + 2];
        for (size_t j = 0; j < 4 && 4 * i + j < TOKEN_TEXT_SIZE - 1; j++) {
            text[4 * i + j] = alphabet[group >> (18 - 6 * j) & 63];
        }
    }
    text[TOKEN_TEXT_SIZE - 1] = '\0';
    explicit_bzero(bytes, sizeof(bytes));
}

void sha256_bytes(const void *data, size_t length, uint8_t digest[SHA256_BYTES])
{
    (void)SHA256(data, length, digest);
}

bool digest_is_valid(const char *text)
{
    if (!text || strncmp(text, "sha256:", 7) != 0 || strlen(text) != DIGEST_TEXT_SIZE - 1) {
        return false;
    }
    return strspn(text + 7, "0123456789abcdef") == 64;
}

void digest_format(const uint8_t digest[SHA256_BYTES], char text[DIGEST_TEXT_SIZE])
{
    memcpy(text, "sha256:", 7);
    hex_encode(digest, SHA256_BYTES, text + 7);
}

int digest_parse(const char *text, uint8_t digest[SHA256_BYTES], struct error *err)
{
    if (!digest_is_valid(text)) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "a digest is \"sha256:\" and 64 lower-case hexadecimal digits");
    }
    return hex_decode(text + 7, digest, SHA256_BYTES);
}

bool secret_equal(const char *a, const char *b)
{
    if (!a || !b || strlen(a) != strlen(b)) {
        return false;
    }
    return CRYPTO_memcmp(a, b, strlen(a)) == 0;
}

char *base64_encode(const void *data, size_t length)
{
    if (length > INT32_MAX / 2) {
        return NULL;
    }
    char *text = malloc(4 * ((length + 2) / 3) + 1);
    if (text) {
        (void)EVP_EncodeBlock((unsigned char *)text, data, (int)length);
    }
    return text;
}

uint8_t *base64_decode(const char *text, size_t *ret_length)
{
    size_t length = strlen(text);
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=') {
        padding++;
    }
    size_t digits = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    if (length % 4 != 0 || length > INT32_MAX / 2 || digits != length - padding) {
        return NULL;
    }
    uint8_t *bytes = malloc(length / 4 * 3 + 1);
    if (!bytes) {
        return NULL;
    }
    int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (decoded < 0) {
        free(bytes);
        return NULL;
    }
    *ret_length = (size_t)decoded - padding;
    bytes[*ret_length] = '\0';
    return bytes;
}
