// SPDX-License-Identifier: Apache-2.0
// bytes.c: numbers, hexadecimal, base64, tokens, digests.

#include "base/bytes.h"
#include "tests/unit/tap.h"

static void test_numbers(void)
{
    uint8_t bytes[8];
    put_le64(bytes, 0x1122334455667788ULL);
    ok(bytes[0] == 0x88 && bytes[7] == 0x11, "little endian puts the low byte first");
    ok(get_le64(bytes) == 0x1122334455667788ULL, "le64 comes back");
    ok(get_le32(bytes) == 0x55667788U && get_le16(bytes) == 0x7788, "le32, le16");
    put_be32(bytes, 0xfedcba98U);
    ok(bytes[0] == 0xfe && get_be32(bytes) == 0xfedcba98U && get_be16(bytes) == 0xfedc, "be32, be16");
}

static void test_hex(void)
{
    char text[9];
    uint8_t bytes[4] = {0};
    hex_encode((const uint8_t *)"\x00\xff\x1a\x2b", 4, text);
    is_text(text, "00ff1a2b", "encode");
    ok(hex_decode("00FF1a2B", bytes, 4) == 0 && memcmp(bytes, "\x00\xff\x1a\x2b", 4) == 0, "decode either case");
    ok(hex_decode("00ff1a2", bytes, 4) < 0, "too short");
    ok(hex_decode("00ff1a2b0", bytes, 4) < 0, "too long");
    ok(hex_decode("00fg1a2b", bytes, 4) < 0, "no digit");
    ok(hex_decode("", bytes, 0) == 0, "nothing is nothing");
}

static void test_base64(void)
{
    static const char *const pairs[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char *encoded = base64_encode(pairs[i][0], strlen(pairs[i][0]));
        is_text(encoded, pairs[i][1], "encode \"%s\" (RFC 4648 section 10)", pairs[i][0]);
        free(encoded);
        size_t length = 99;
        uint8_t *decoded = base64_decode(pairs[i][1], &length);
        ok(decoded && length == strlen(pairs[i][0]) && memcmp(decoded, pairs[i][0], length + 1) == 0, "decode \"%s\"", pairs[i][1]);
        free(decoded);
    }
    static const char *const bad[] = {"Zg", "Zg=", "Z===", "Zg==Zg==", "Zm9v\n", "Zm-_", "=", "====", "Zm 9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t length;
        uint8_t *decoded = base64_decode(bad[i], &length);
        ok(!decoded, "bad base64 %zu is refused", i);
        free(decoded);
    }
}

static void test_tokens(void)
{
    char a[TOKEN_TEXT_SIZE];
    char b[TOKEN_TEXT_SIZE];
    token_make(a);
    token_make(b);
    ok(strlen(a) == 43, "a token has 43 characters");
    ok(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == 43, "of base64url");
    ok(strcmp(a, b) != 0, "two tokens differ");
    ok(secret_equal("abc", "abc") && !secret_equal("abc", "abd") && !secret_equal("abc", "ab"), "secret_equal compares");
    ok(!secret_equal(NULL, NULL) && !secret_equal("a", NULL), "NULL equals nothing");
}

static void test_digests(void)
{
    static const char empty[] = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    uint8_t digest[SHA256_BYTES];
    uint8_t parsed[SHA256_BYTES];
    char text[DIGEST_TEXT_SIZE];
    sha256_bytes("", 0, digest);
    digest_format(digest, text);
    is_text(text, empty, "SHA-256 of nothing");
    ok(digest_parse(empty, parsed, NULL) == 0 && memcmp(parsed, digest, sizeof(digest)) == 0, "and parsed again");
    ok(!digest_is_valid(NULL) && !digest_is_valid("") && !digest_is_valid("sha256:"), "no digests");
    ok(!digest_is_valid("sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), "another algorithm");
    ok(!digest_is_valid("sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), "upper case");
    struct error err = {0};
    ok(digest_parse("sha256:12", parsed, &err) < 0 && err.code == ERROR_UNPROCESSABLE, "a bad one says so");
}

int main(void)
{
    test_numbers();
    test_hex();
    test_base64();
    test_tokens();
    test_digests();
    return done();
}
