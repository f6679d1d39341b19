// SPDX-License-Identifier: Apache-2.0
// error.c: codes, statuses, texts; nothing runs over.

#include "base/error.h"
#include "tests/unit/tap.h"

#include <errno.h>

static void test_table(void)
{
    for (int code = ERROR_NONE + 1; code < ERROR_CODE_COUNT; code++) {
        int status = error_status((enum error_code)code);
        ok(status >= 400 && status <= 599, "code %d has an HTTP status of an error", code);
        ok(strlen(error_name((enum error_code)code)) > 1, "code %d has a name", code);
        ok(error_set(NULL, (enum error_code)code, "x") < 0, "code %d gives a negative number", code);
    }
    ok(error_status(ERROR_CONFLICT) == 409, "conflict is 409");
    ok(error_status(ERROR_UNPROCESSABLE) == 422, "unprocessable is 422");
    ok(error_status(ERROR_CODE_COUNT) == 500, "an unknown code is our own fault");
    ok(error_status((enum error_code)-5) == 500, "a negative code is our own fault");
}

static void test_text(void)
{
    struct error err = {0};
    ok(error_set(&err, ERROR_NOT_FOUND, "no %s", "machine") < 0, "error_set is negative");
    is_text(err.message, "no machine", "the message is formatted");
    ok(err.code == ERROR_NOT_FOUND, "the code is kept");
    ok(error_wrap(&err, "reading %d", 7) == error_set(NULL, ERROR_NOT_FOUND, "x"), "wrap gives the same number");
    is_text(err.message, "reading 7: no machine", "wrap puts its text in front");
    ok(error_errno(&err, ENOENT, "open %s", "/x") == -ENOENT, "error_errno is -errno");
    is_text(err.message, "open /x: No such file or directory", "and appends the system's text");
    ok(err.code == ERROR_IO, "and means I/O");
    ok(error_errno(&err, 0, "nothing") < 0, "errno 0 is a failure all the same");
}

static void test_length(void)
{
    struct error err = {0};
    char text[1000];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)error_set(&err, ERROR_IO, "%s", text);
    ok(strlen(err.message) == sizeof(err.message) - 1, "a long message is cut");
    (void)error_wrap(&err, "%s", text);
    ok(strlen(err.message) == sizeof(err.message) - 1, "a long wrap is cut");
    (void)error_errno(&err, EPERM, "%s", text);
    ok(strlen(err.message) == sizeof(err.message) - 1, "a long errno message is cut");
}

int main(void)
{
    test_table();
    test_text();
    test_length();
    return done();
}
