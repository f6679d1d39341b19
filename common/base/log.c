// SPDX-License-Identifier: Apache-2.0
// One write(2) a line, so that lines of several threads or processes do not mix.

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level log_threshold = LOG_LEVEL_INFO;
static void (*log_sink)(void *context, enum log_level level, const char *line);
static void *log_sink_context;

static const char *const level_names[] = {
    [LOG_LEVEL_ERR] = "err",       [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",     [LOG_LEVEL_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
    log_threshold = level;
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
    for (int level = LOG_LEVEL_ERR; level <= LOG_LEVEL_DEBUG; level++) {
        if (strcmp(text, level_names[level]) == 0) {
            *ret_level = (enum log_level)level;
            return 0;
        }
    }
    return -1;
}

void log_set_sink(void (*sink)(void *context, enum log_level level, const char *line), void *context)
{
    log_sink = sink;
    log_sink_context = context;
}

static int prefix_format(enum log_level level, char *buffer, size_t size)
{
    if (getenv("JOURNAL_STREAM")) {
        return snprintf(buffer, size, "<%d>", level);
    }
    struct timespec now;
    struct tm broken_down;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &broken_down);
    return snprintf(buffer, size, "%02d:%02d:%02d.%03ld %-7s ", broken_down.tm_hour,
                    broken_down.tm_min, broken_down.tm_sec, now.tv_nsec / 1000000,
                    level_names[level]);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > log_threshold) {
        return;
    }
    char line[2048];
    int prefix = prefix_format(level, line, sizeof(line));
    size_t used = (size_t)prefix;
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
    va_end(arguments);
    if (wanted < 0) {
        return;
    }
    size_t room = sizeof(line) - used - 2;
    size_t length = used + ((size_t)wanted < room ? (size_t)wanted : room);
    for (size_t i = used; i < length; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = line[i] == '\n' || line[i] == '\t' ? ' ' : '?';
        }
    }
    line[length] = '\0';
    if (log_sink) {
        log_sink(log_sink_context, level, line + used);
    }
    line[length] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length + 1);
    (void)written; // nowhere left to complain
}
