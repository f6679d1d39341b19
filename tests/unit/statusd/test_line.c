// SPDX-License-Identifier: Apache-2.0
// What statusd reads out of an agent's log line and error text, and what it leaves alone.

#include "tap.h"

#include "../../../daemons/statusd/line.h"

static void test_levels(void)
{
    static const struct {
        const char *text;
        char level;
    } lines[] = {
        {"[INFO] a", 'I'}, {"[WARN] a", 'W'}, {"[ERROR] a", 'E'}, {"[DEBUG] a", 'D'},
        {"", 'I'},         {"[WARN]", 'I'},   {"plain", 'I'},     {" [ERROR] a", 'I'},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct line line;
        line_parse(lines[i].text, &line);
        ok(line.level == lines[i].level && line.what == LINE_PLAIN, "level of \"%s\"",
           lines[i].text);
    }
}

static void test_steps(void)
{
    struct line line;
    line_parse("[INFO] provisioning step step=detect-disk index=14 total=36", &line);
    ok(line.what == LINE_STEP, "a step");
    is_text(line.name, "detect-disk", "its name");
    line_parse("[INFO] provisioning step step=x", &line);
    ok(line.what == LINE_STEP, "at the end of the line");
    static const char *const plain[] = {
        "[WARN] provisioning step step=x index=1 total=2",
        "provisioning step step=x",
        "[INFO] provisioning step step= index=1",
        "[INFO] provisioning step step=a/b index=1",
        "[INFO] provisioning step step=A",
        "[INFO] debug data=provisioning step step=x",
        "[INFO] provisioning step "
        "step=0123456789012345678901234567890123456789012345678901234567890123 index=1",
    };
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        line_parse(plain[i], &line);
        ok(line.what == LINE_PLAIN, "no step: %s", plain[i]);
    }
}

static void test_progress(void)
{
    struct line line;
    line_parse("[INFO] progress stage=image bytes=12 total=345 rate=6", &line);
    ok(line.what == LINE_PROGRESS && line.bytes == 12 && line.total == 345 && line.rate == 6,
       "all three numbers");
    line_parse("[INFO] progress stage=image rate=6 bytes=9223372036854775807", &line);
    ok(line.bytes == INT64_MAX && line.total == 0 && line.rate == 6,
       "any order, the largest number, one missing");
    line_parse("[INFO] progress stage=image bytes=9223372036854775808 total=-1 rate=x", &line);
    ok(line.what == LINE_PROGRESS && line.bytes == 0 && line.total == 0 && line.rate == 0,
       "too large or no number: unknown");
    line_parse("[INFO] progress stage= bytes=1", &line);
    ok(line.what == LINE_PLAIN, "no stage, no progress");
}

static void test_errors(void)
{
    char step[LINE_WORD_SIZE];
    line_failed_step("step mount-root failed: no such device", step);
    is_text(step, "mount-root", "the step of an error");
    static const char *const none[] = {
        "", "step", "step x", "step x failed", "step x y failed: z", "steps x failed: z"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        line_failed_step(none[i], step);
        is_text(step, "", "none in \"%s\"", none[i]);
    }
}

int main(void)
{
    test_levels();
    test_steps();
    test_progress();
    test_errors();
    return done();
}
