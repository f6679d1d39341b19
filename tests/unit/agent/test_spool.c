// SPDX-License-Identifier: Apache-2.0
// The log spool: order, bounds, the mark where lines were lost, and the takeover after a crash.

#include "agent/report/spool.h"

#include "tests/unit/tap.h"

static struct spool spool;
static struct spool_line line;

static void test_order(void)
{
    spool_init(&spool);
    ok(!spool_peek(&spool, &line), "a new spool is empty");
    spool_put(&spool, 'I', "first");
    spool_put(&spool, 'W', "second");
    spool_put(&spool, 'E', "");
    ok(spool_peek(&spool, &line), "a line is there");
    is_text(line.text, "[INFO] first", "the oldest comes first, with its level");
    ok(spool_peek(&spool, &line), "peeking takes nothing away");
    is_text(line.text, "[INFO] first", "so it is the same line");
    spool_drop(&spool, &line);
    spool_drop(&spool, &line);
    ok(spool_peek(&spool, &line), "dropping a line twice drops it once");
    is_text(line.text, "[WARN] second", "the next one follows");
    spool_drop(&spool, &line);
    ok(spool_peek(&spool, &line), "an empty text is a line too");
    is_text(line.text, "[ERROR] ", "of its level");
    spool_drop(&spool, &line);
    ok(!spool_peek(&spool, &line), "then it is empty");
}

static void test_bounds(void)
{
    spool_init(&spool);
    char text[3000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 200; i++) {
        (void)snprintf(text, 8, "%07d", i);
        text[7] = 'x';
        spool_put(&spool, 'I', text);
    }
    ok(spool.used <= SPOOL_BYTES && spool.count < 200, "the spool stays within its bounds");
    uint64_t lost = 200 - spool.count;
    char expected[100];
    (void)snprintf(expected, sizeof(expected), "[WARN] log lines lost count=%u", (unsigned)lost);
    ok(spool_peek(&spool, &line) && line.lost == lost, "the reader is told first what was lost");
    is_text(line.text, expected, "in one line");
    spool_put(&spool, 'I', text);
    spool_drop(&spool, &line);
    ok(spool_peek(&spool, &line) && line.lost == 1, "what was lost meanwhile is told by another");
    spool_drop(&spool, &line);
    unsigned number = (unsigned)lost + 1;
    bool in_order = true;
    while (spool_peek(&spool, &line) && number < 200) {
        in_order = in_order && (unsigned)strtoul(line.text + 7, NULL, 10) == number &&
                   strlen(line.text) == 7 + sizeof(text) - 1;
        number++;
        spool_drop(&spool, &line);
    }
    ok(in_order && number == 200, "the rest is whole and in order, across the ring's end");
    static char huge[10000];
    memset(huge, 'y', sizeof(huge) - 1);
    spool_init(&spool);
    spool_put(&spool, 'I', huge);
    ok(spool_peek(&spool, &line) && strlen(line.text) == SPOOL_LINE_MAX, "a huge line is cut");
}

static void test_adopt(void)
{
    spool_init(&spool);
    spool_put(&spool, 'I', "before the crash");
    (void)pthread_mutex_lock(&spool.lock); // whoever held it is gone
    spool_adopt(&spool);
    ok(spool_peek(&spool, &line), "an adopted spool keeps its lines and is not locked");
    is_text(line.text, "[INFO] before the crash", "unchanged");
    spool.used += 7;
    spool_adopt(&spool);
    ok(spool_peek(&spool, &line) && line.lost == 1, "one that makes no sense is emptied and says so");
    spool.start = SPOOL_BYTES + 5;
    spool.count = 1000000;
    spool_adopt(&spool);
    spool_put(&spool, 'I', "after");
    while (spool_peek(&spool, &line) && line.lost) {
        spool_drop(&spool, &line);
    }
    is_text(line.text, "[INFO] after", "and works again");
}

int main(void)
{
    test_order();
    test_bounds();
    test_adopt();
    return done();
}
