// SPDX-License-Identifier: Apache-2.0
// conf.c and parse.c: files of an operator's making.

#include "base/cleanup.h"
#include "base/log.h"
#include "conf/conf.h"

#include <stdint.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct settings {
    char *text;
    bool flag;
    unsigned number, seconds, port;
    uint64_t size;
    enum log_level level;
    struct conf_strings words;
};

static const struct conf_option options[] = {
    {"a", "text", conf_parse_string, offsetof(struct settings, text), "x", ""},
    {"a", "flag", conf_parse_bool, offsetof(struct settings, flag), "no", ""},
    {"a", "number", conf_parse_unsigned, offsetof(struct settings, number), "1", ""},
    {"a", "seconds", conf_parse_seconds, offsetof(struct settings, seconds), "1h", ""},
    {"b", "port", conf_parse_port, offsetof(struct settings, port), "1", ""},
    {"b", "size", conf_parse_bytes, offsetof(struct settings, size), "1K", ""},
    {"b", "level", conf_parse_log_level, offsetof(struct settings, level), "err", ""},
    {"b ", "words", conf_parse_strings, offsetof(struct settings, words), "p q", ""},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_CLOSE int fd = memfd_create("conf", MFD_CLOEXEC);
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length) {
        return 0;
    }
    struct settings settings = {0};
    struct error err = {0};
    if (conf_load(path, false, options, sizeof(options) / sizeof(options[0]), &settings, &err) < 0 && err.message[0] == '\0') {
        abort();
    }
    free(settings.text);
    conf_strings_fini(&settings.words);
    return 0;
}
