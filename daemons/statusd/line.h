// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a log line of an agent says besides its text: its level, and whether a step began or an
// image made progress. The form is CAPRF's: "[LEVEL] message key=value ...". Anything else is a
// plain line. No I/O.

#include <stdbool.h>
#include <stdint.h>

enum { LINE_WORD_SIZE = 64 };

struct line {
    char level; // 'I', 'W', 'E', 'D'
    enum { LINE_PLAIN, LINE_STEP, LINE_PROGRESS } what;
    char name[LINE_WORD_SIZE];   // the step, or the stage
    uint64_t bytes, total, rate; // of progress; 0 unknown
};

void line_parse(const char *text, struct line *ret_line);

// The step that an error report names: "step <name> failed: ...". "" if it names none.
void line_failed_step(const char *text, char ret_step[LINE_WORD_SIZE]);
