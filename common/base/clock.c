// SPDX-License-Identifier: Apache-2.0

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t which)
{
    struct timespec now;
    (void)clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void clock_format(int64_t time_ms, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm broken_down;
    (void)gmtime_r(&seconds, &broken_down);
    char date[CLOCK_TEXT_SIZE];
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &broken_down);
    (void)snprintf(text, CLOCK_TEXT_SIZE, "%.19s.%03dZ", date, (int)((unsigned)(time_ms % 1000) % 1000u));
}
