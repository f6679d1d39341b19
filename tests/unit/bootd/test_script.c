// SPDX-License-Identifier: Apache-2.0
// The scripts' texts, and what may not get into one.

#include "daemons/bootd/script.h"

#include "tap.h"

static const char *refused[] = {
    "",     "a b", "a\nb", "a\rb", "a\tb", "\x01", "a\x7f", "\xc3\xbc",  "${uuid}", "x${net0",
    "a||b", "||",  "&&",   "a&&b", ";",    "#",    "#x",    "a\n#!ipxe", "\x1b[2J"};
static const char *taken[] = {
    "a",   "console=ttyS0,115200n8", "$x",          "{y}", "a|b", "a&b", "a;b",
    "a#b", "http://h:1/p?q=1&r=%20", "x=\"quoted\""};

static void test_words(void)
{
    struct error err;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        CLEANUP_STRBUF struct strbuf out;
        strbuf_init(&out, SCRIPT_MAX);
        ok(script_word(&out, refused[i], &err) < 0 && err.code == ERROR_UNPROCESSABLE &&
               out.length == 0,
           "refused: number %zu", i);
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++) {
        CLEANUP_STRBUF struct strbuf out;
        strbuf_init(&out, SCRIPT_MAX);
        ok(script_word(&out, taken[i], &err) == 0, "taken: %s", taken[i]);
        is_text(strbuf_text(&out), taken[i], "as it is");
    }
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out, SCRIPT_MAX);
    ok(script_words(&out, "", &err) == 0 && out.length == 0, "no arguments are fine");
    ok(script_words(&out, "quiet panic=3", &err) == 0, "two arguments");
    is_text(strbuf_text(&out), " quiet panic=3", "with a space before each");
    ok(script_words(&out, "a  b", &err) < 0, "two spaces are refused");
    ok(script_words(&out, "a || shell", &err) < 0, "an operator among words is refused");
    ok(script_words(&out, "a\nshell", &err) < 0, "a line break among words is refused");
}

static void test_say(void)
{
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out, SCRIPT_MAX);
    script_say(&out, "it's ${x} || a\nshell && \x1b[2J; # \xc3\xbc \"q\" `c`");
    is_text(strbuf_text(&out), " it's ??x? ?? a?shell ?? ??2J, ? ?? ?q? ?c?",
            "nothing of it is more than text");
    strbuf_reset(&out);
    char longer[2 * SCRIPT_SAY_MAX];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    script_say(&out, longer);
    ok(out.length == SCRIPT_SAY_MAX + 1, "it is cut");
}

static void test_texts(void)
{
    struct error err;
    CLEANUP_STRBUF struct strbuf out;
    strbuf_init(&out, SCRIPT_MAX);
    struct script_agent agent = {.title = "w1 boots",
                                 .kernel_url = "http://b/boot/amd64/vmlinuz",
                                 .initramfs_url = "http://b/boot/amd64/initramfs",
                                 .archive_url = "http://b/deploy/K/deploy.cpio",
                                 .args = "console=ttyS0",
                                 .machine_args = "x=1 y=2"};
    ok(script_agent(&out, &agent, &err) == 0, "the agent's script");
    is_text(strbuf_text(&out),
            "#!ipxe\n"
            "echo bootyard: w1 boots\n"
            "kernel http://b/boot/amd64/vmlinuz initrd=initramfs initrd=deploy.cpio console=ttyS0 "
            "x=1 y=2\n"
            "initrd --name initramfs http://b/boot/amd64/initramfs\n"
            "initrd --name deploy.cpio http://b/deploy/K/deploy.cpio\n"
            "boot\n",
            "one kernel, two named initrds");
    agent.machine_args = "${cmd}";
    strbuf_reset(&out);
    ok(script_agent(&out, &agent, &err) < 0, "an argument that iPXE would expand is refused");

    strbuf_reset(&out);
    ok(script_disk(&out, "why", "http://b/l.efi", &err) == 0, "boot your disk");
    is_text(strbuf_text(&out),
            "#!ipxe\n"
            "echo bootyard: why\n"
            "iseq ${platform} pcbios && goto bios ||\n"
            "chain --autofree http://b/l.efi ||\n"
            "goto next\n"
            ":bios\n"
            "sanboot --no-describe --drive 0x80 ||\n"
            ":next\n"
            "set bootyard-answer next\n"
            "exit 1\n",
            "by a loader, by BIOS, by the firmware's next entry");
    strbuf_reset(&out);
    ok(script_disk(&out, "why", "", &err) == 0 && !strstr(strbuf_text(&out), "chain"),
       "without a loader");

    strbuf_reset(&out);
    ok(script_wait(&out, "reason\nshell", 60, "http://b/ipxe/mac/52:54:00:00:00:01", &err) == 0,
       "wait");
    is_text(strbuf_text(&out),
            "#!ipxe\n"
            "echo bootyard: reason?shell\n"
            "echo bootyard: asking again in 60 s\n"
            ":again\n"
            "sleep 60\n"
            "chain --autofree --replace http://b/ipxe/mac/52:54:00:00:00:01 || goto again\n",
            "it says why and asks again, for ever");

    strbuf_reset(&out);
    ok(script_chain(&out, "http://b", &err) == 0 &&
           strstr(strbuf_text(&out),
                  "chain --autofree http://b/ipxe/${uuid}?mac=${netX/mac:hexhyp} "),
       "the first script asks by UUID and MAC");
}

int main(void)
{
    test_words();
    test_say();
    test_texts();
    return done();
}
