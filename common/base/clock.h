// SPDX-License-Identifier: Apache-2.0
#pragma once

// Time: milliseconds since 1970 (UTC) on records and the wire, monotonic milliseconds for timers and
// deadlines. Text is RFC 3339 in UTC with milliseconds: 2026-11-22T03:04:05.678Z. Threads: any.

#include <stdint.h>

enum { CLOCK_TEXT_SIZE = 25 };

int64_t clock_now_ms(void);
int64_t clock_monotonic_ms(void);
void clock_format(int64_t time_ms, char text[CLOCK_TEXT_SIZE]);
