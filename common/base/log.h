// SPDX-License-Identifier: Apache-2.0
#pragma once

// Logging: one line a message on standard error, `<N>` in front under systemd (sd-daemon(3)), so that
// journald knows the level; a time stamp and the level's name otherwise. Control characters in a
// message are replaced: what came over the wire cannot forge lines. Libraries do not log; the
// edge (handler, main, timer) does. info = state change, notice = rare, warning = we coped,
// err = somebody must act. Threads: any.

enum log_level {
    LOG_LEVEL_ERR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

// The most verbose level that is printed; LOG_LEVEL_INFO at start. Call before threads start.
void log_set_level(enum log_level level);

// "err", "warning", "notice", "info", "debug" to a level; 0, or -1 for another word.
int log_level_parse(const char *text, enum log_level *ret_level);

// Where every printed line also goes (the agent's spool). `sink` may be NULL; call before threads start.
void log_set_sink(void (*sink)(void *context, enum log_level level, const char *line), void *context);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_err(...) log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
