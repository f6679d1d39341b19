// SPDX-License-Identifier: Apache-2.0
#pragma once

// Errors: what went wrong, for whom. A function that can fail takes a `struct error *` that its
// caller owns (it may be NULL: the text is then not wanted), returns 0 when it worked and a negative
// number when it did not. The number is forwarded, never interpreted; the code says what kind of
// failure it is, the message says it to a person. No allocation: it must work when memory is gone.
// The HTTP status of each code stands in error.c's table and nowhere else. Threads: plain data.

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>

enum error_code {
    ERROR_NONE,
    ERROR_BAD_REQUEST,   // 400 the request cannot be understood
    ERROR_UNAUTHORIZED,  // 401 no credential, or one that is not known
    ERROR_FORBIDDEN,     // 403 known, but may not
    ERROR_NOT_FOUND,     // 404
    ERROR_METHOD,        // 405
    ERROR_CONFLICT,      // 409 the state of things does not allow it
    ERROR_TOO_LARGE,     // 413 over a limit of size or count
    ERROR_MEDIA_TYPE,    // 415
    ERROR_RANGE,         // 416
    ERROR_UNPROCESSABLE, // 422 understood, but a value is not acceptable
    ERROR_TOO_MANY,      // 429 over a limit of rate
    ERROR_INTERNAL,      // 500 our own fault
    ERROR_IO,            // 500 the machine's: disk, memory, system call
    ERROR_UPSTREAM,      // 502 somebody we asked failed
    ERROR_UNAVAILABLE,   // 503 not now
    ERROR_TIMEOUT,       // 504
    ERROR_CORRUPT,       // 502 bytes that do not match their digest
    ERROR_CODE_COUNT,
};

struct error {
    enum error_code code;
    char message[500];
};

// Fill `err` and return a negative number, so that `return error_set(err, ...)` reads well.
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int error_setv(struct error *err, enum error_code code, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

// The same for a failed system call: ": " and the text of `number` (an errno) are appended.
int error_errno(struct error *err, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Put a context and ": " before the message that is there. Returns a negative number.
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

// HTTP status for a code (RFC 9110), and its short name for machines ("conflict").
int error_status(enum error_code code);
const char *error_name(enum error_code code);
