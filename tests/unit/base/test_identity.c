// SPDX-License-Identifier: Apache-2.0
// uuid.c, mac.c and clock.c: what machines and times are called.

#include "base/clock.h"
#include "base/mac.h"
#include "base/uuid.h"
#include "tests/unit/tap.h"

static void test_uuid(void)
{
    static const char text[] = "01234567-89ab-cdef-0123-456789abcdef";
    struct uuid uuid = {0};
    char again[UUID_TEXT_SIZE];
    ok(uuid_is_zero(&uuid), "zeroes are the zero UUID");
    ok(uuid_parse("01234567-89AB-CDEF-0123-456789abcdef", &uuid, NULL) == 0, "parse, either case");
    uuid_format(&uuid, again);
    is_text(again, text, "format, lower case");
    ok(uuid.bytes[0] == 0x01 && uuid.bytes[15] == 0xef && !uuid_is_zero(&uuid), "bytes in written order");
    static const char *const bad[] = {
        "", "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdef0",
        "01234567-89ab-cdef-0123-456789abcdeg", "0123456-789ab-cdef-0123-456789abcdef", "{01234567-89ab-cdef-0123-456789abcdef}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(uuid_parse(bad[i], &uuid, NULL) < 0, "bad UUID %zu is refused", i);
    }
    struct uuid made;
    uuid_make(&made);
    ok(made.bytes[6] >> 4 == 4 && made.bytes[8] >> 6 == 2, "a made UUID says version 4, variant 1");
    ok(!uuid_equal(&made, &uuid) && uuid_equal(&made, &made), "equality");
}

static void test_mac(void)
{
    static const char *const good[] = {"52:54:00:12:34:56", "52-54-00-12-34-56", "525400123456", "52:54:00:12:34:56"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct mac mac = {0};
        char text[MAC_TEXT_SIZE];
        ok(mac_parse(good[i], &mac, NULL) == 0, "parse %s", good[i]);
        mac_format(&mac, text);
        is_text(text, "52:54:00:12:34:56", "format %s", good[i]);
    }
    static const char *const bad[] = {
        "", "52:54:00:12:34", "52:54:00:12:34:5g", "52:54:00-12:34:56", "52:54:00:12:34:56:78", "5254.0012.3456", "52:5400:12:34:56", "52540012345",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mac mac;
        ok(mac_parse(bad[i], &mac, NULL) < 0, "bad MAC \"%s\" is refused", bad[i]);
    }
}

static void test_clock(void)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(0, text);
    is_text(text, "1970-01-01T00:00:00.000Z", "the epoch");
    clock_format(951782399999LL, text);
    is_text(text, "2000-02-28T23:59:59.999Z", "milliseconds are not rounded up");
    clock_format(4102444800123LL, text);
    is_text(text, "2100-01-01T00:00:00.123Z", "after 2038");
    int64_t before = clock_monotonic_ms();
    ok(clock_monotonic_ms() >= before, "monotonic time does not go back");
    ok(clock_now_ms() > 1700000000000LL, "now is after 2023");
}

int main(void)
{
    test_uuid();
    test_mac();
    test_clock();
    return done();
}
