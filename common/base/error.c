// SPDX-License-Identifier: Apache-2.0
// The one table from kinds of failure to HTTP statuses and names, and the functions that fill an error.

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    int number;
    const char *name;
} error_table[ERROR_CODE_COUNT] = {
    [ERROR_NONE] = {200, 0, "none"},
    [ERROR_BAD_REQUEST] = {400, EINVAL, "bad-request"},
    [ERROR_UNAUTHORIZED] = {401, EACCES, "unauthorized"},
    [ERROR_FORBIDDEN] = {403, EPERM, "forbidden"},
    [ERROR_NOT_FOUND] = {404, ENOENT, "not-found"},
    [ERROR_METHOD] = {405, EOPNOTSUPP, "method-not-allowed"},
    [ERROR_CONFLICT] = {409, EBUSY, "conflict"},
    [ERROR_TOO_LARGE] = {413, EFBIG, "too-large"},
    [ERROR_MEDIA_TYPE] = {415, EINVAL, "unsupported-media-type"},
    [ERROR_RANGE] = {416, ERANGE, "range-not-satisfiable"},
    [ERROR_UNPROCESSABLE] = {422, EINVAL, "unprocessable"},
    [ERROR_TOO_MANY] = {429, EAGAIN, "too-many-requests"},
    [ERROR_INTERNAL] = {500, EFAULT, "internal"},
    [ERROR_IO] = {500, EIO, "io"},
    [ERROR_UPSTREAM] = {502, EREMOTEIO, "upstream"},
    [ERROR_UNAVAILABLE] = {503, EAGAIN, "unavailable"},
    [ERROR_TIMEOUT] = {504, ETIMEDOUT, "timeout"},
    [ERROR_CORRUPT] = {502, EBADMSG, "corrupt"},
};

static bool code_is_known(enum error_code code)
{
    return code > ERROR_NONE && code < ERROR_CODE_COUNT;
}

int error_status(enum error_code code)
{
    return code_is_known(code) ? error_table[code].status : 500;
}

const char *error_name(enum error_code code)
{
    return code_is_known(code) ? error_table[code].name : "internal";
}

int error_setv(struct error *err, enum error_code code, const char *format, va_list arguments)
{
    if (err) {
        err->code = code;
        (void)vsnprintf(err->message, sizeof(err->message), format, arguments);
    }
    return code_is_known(code) ? -error_table[code].number : -EFAULT;
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = error_setv(err, code, format, arguments);
    va_end(arguments);
    return result;
}

int error_errno(struct error *err, int number, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        (void)error_setv(err, ERROR_IO, format, arguments);
        va_end(arguments);
        size_t used = strlen(err->message);
        char text[128];
        (void)snprintf(err->message + used, sizeof(err->message) - used, ": %s",
                       strerror_r(number, text, sizeof(text)));
    }
    return number > 0 ? -number : -EIO;
}

int error_wrap(struct error *err, const char *format, ...)
{
    if (!err) {
        return -EFAULT;
    }
    char inner[sizeof(err->message)];
    memcpy(inner, err->message, sizeof(inner));
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    size_t used = strlen(err->message);
    (void)snprintf(err->message + used, sizeof(err->message) - used, ": %s", inner);
    return code_is_known(err->code) ? -error_table[err->code].number : -EFAULT;
}
