// SPDX-License-Identifier: Apache-2.0
// conf.c and parse.c: every parser, files over defaults, sections with an argument, and where errors are said to be.

#include "base/cleanup.h"
#include "base/log.h"
#include "conf/conf.h"
#include "tests/unit/tap.h"

#include <ftw.h>
#include <stdint.h>
#include <sys/stat.h>

struct registry {
    char *names[4];
    unsigned count;
};

struct settings {
    char *name;
    char *long_value;
    bool enabled;
    unsigned number, seconds, port;
    uint64_t size;
    enum log_level level;
    struct conf_strings words;
    struct conf_strings none;
    struct registry registries;
};

static int parse_registry(const char *instance, const char *value, void *field, struct error *err)
{
    struct registry *registries = field;
    if (registries->count == 4) {
        return error_set(err, ERROR_UNPROCESSABLE, "too many");
    }
    if (asprintf(&registries->names[registries->count], "%s=%s", instance, value) < 0) {
        abort();
    }
    registries->count++;
    return 0;
}

static const struct conf_option options[] = {
    {"main", "name", conf_parse_string, offsetof(struct settings, name), "nobody", "who"},
    {"main", "long", conf_parse_string, offsetof(struct settings, long_value), NULL, "a long text"},
    {"main", "enabled", conf_parse_bool, offsetof(struct settings, enabled), "no", "whether"},
    {"main", "number", conf_parse_unsigned, offsetof(struct settings, number), "3", "how many"},
    {"limits", "seconds", conf_parse_seconds, offsetof(struct settings, seconds), "2min", "how long"},
    {"limits", "port", conf_parse_port, offsetof(struct settings, port), "8080", "where"},
    {"limits", "size", conf_parse_bytes, offsetof(struct settings, size), "1K", "how large"},
    {"limits", "level", conf_parse_log_level, offsetof(struct settings, level), "info", "how loud"},
    {"limits", "words", conf_parse_strings, offsetof(struct settings, words), "a b", "which"},
    {"limits", "none", conf_parse_strings, offsetof(struct settings, none), "", "which not"},
    {"registry ", "allow", parse_registry, offsetof(struct settings, registries), NULL, "whether to ask there"},
};
enum { OPTION_COUNT = sizeof(options) / sizeof(options[0]) };

static char directory[] = "/tmp/test_conf.XXXXXX";

static void settings_fini(struct settings *settings)
{
    free(settings->name);
    free(settings->long_value);
    conf_strings_fini(&settings->words);
    conf_strings_fini(&settings->none);
    for (unsigned i = 0; i < settings->registries.count; i++) {
        free(settings->registries.names[i]);
    }
    *settings = (struct settings){0};
}

static void path_of(const char *name, char path[200])
{
    (void)snprintf(path, 200, "%s/%s", directory, name);
}

static void write_bytes(const char *name, const char *bytes, size_t length)
{
    char path[200];
    path_of(name, path);
    FILE *file = fopen(path, "we");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
        bail("cannot write %s", path);
    }
}

static int load(const char *text, struct settings *settings, struct error *err)
{
    char path[200];
    write_bytes("test.conf", text, strlen(text));
    path_of("test.conf", path);
    *settings = (struct settings){0};
    return conf_load(path, false, options, OPTION_COUNT, settings, err);
}

static void test_defaults(void)
{
    struct settings settings = {0};
    struct error err = {0};
    ok(conf_load("/nonexistent/x.conf", true, options, OPTION_COUNT, &settings, &err) == 0, "a file that may be missing");
    is_text(settings.name, "nobody", "string");
    ok(!settings.enabled && settings.number == 3 && settings.seconds == 120 && settings.port == 8080, "numbers");
    ok(settings.size == 1024 && settings.level == LOG_LEVEL_INFO, "size and level");
    ok(settings.words.count == 2 && settings.none.count == 0, "words");
    ok(settings.long_value == NULL && settings.registries.count == 0, "no default: untouched");
    settings_fini(&settings);
    ok(conf_load("/nonexistent/x.conf", false, options, OPTION_COUNT, &settings, &err) < 0, "a file that must be there");
    settings_fini(&settings);
}

static void test_values(void)
{
    struct settings settings;
    struct error err = {0};
    ok(load("# comment\n; comment\n[main]\nname = a;b#c \"d\" = e \nenabled=yes\nnumber = 4294967295\n\n"
            "[limits]\nseconds = 3h\nport = 0\nsize = 16T\nlevel = debug\nwords = x\nwords =  y\tz \n",
            &settings, &err) == 0, "all kinds of values: %s", err.message);
    is_text(settings.name, "a;b#c \"d\" = e", "semicolons, hashes and quotes are text");
    ok(settings.enabled && settings.number == 4294967295U, "bool and number");
    ok(settings.seconds == 10800 && settings.port == 0, "seconds and port");
    ok(settings.size == 16ULL << 40 && settings.level == LOG_LEVEL_DEBUG, "size and level");
    ok(settings.words.count == 3 && strcmp(settings.words.items[2], "z") == 0, "words: instead of the default, then appended");
    settings_fini(&settings);
    ok(load("[limits]\nwords = x\nwords =\nwords = q\n", &settings, &err) == 0 && settings.words.count == 1, "an empty value empties");
    settings_fini(&settings);
    ok(load("[main]\r\nname = dos\r\n", &settings, &err) == 0, "CR LF");
    is_text(settings.name, "dos", "and no CR in the value");
    settings_fini(&settings);
}

static void test_long_values(void)
{
    struct settings settings;
    struct error err = {0};
    char text[6000];
    memset(text, 'v', sizeof(text));
    memcpy(text, "[main]\nlong = ", 14);
    text[3500] = '\0';
    ok(load(text, &settings, &err) == 0 && strlen(settings.long_value) == 3500 - 14, "a value of 3,486 bytes");
    settings_fini(&settings);
    text[3500] = 'v';
    text[5999] = '\0';
    ok(load(text, &settings, &err) < 0 && strstr(err.message, "test.conf:2: line is too long"), "too long: %s", err.message);
    settings_fini(&settings);
}

static void test_instances(void)
{
    struct settings settings;
    struct error err = {0};
    static const char name[] = "registry.with.a.very.long.name.that.inih.would.cut.example:5000";
    char text[300];
    (void)snprintf(text, sizeof(text), "[registry ghcr.io]\nallow = 1\n[registry %s]\nallow=2\n", name);
    ok(load(text, &settings, &err) == 0 && settings.registries.count == 2, "two instances: %s", err.message);
    is_text(settings.registries.names[0], "ghcr.io=1", "the first");
    ok(settings.registries.count == 2 && strncmp(settings.registries.names[1], name, strlen(name)) == 0, "a long name is not cut");
    settings_fini(&settings);
}

static void test_errors(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[main]\n\nnmae = x\n", "test.conf:3: unknown key nmae in [main]"},
        {"[mian]\nname = x\n", "test.conf:2: unknown section [mian]"},
        {"name = x\n", "test.conf:1: unknown section []"},
        {"[registry ]\nallow = x\n", "test.conf:2: unknown section [registry ]"},
        {"[main]\nnumber = 4294967296\n", "test.conf:2: number: expected a number"},
        {"[main]\nnumber = -1\n", "test.conf:2: number: expected a number"},
        {"[main]\nnumber = 0x10\n", "test.conf:2: number: expected a number"},
        {"[main]\nnumber =\n", "test.conf:2: number: expected a number"},
        {"[main]\nenabled = maybe\n", "test.conf:2: enabled: expected yes or no"},
        {"[limits]\nport = 65536\n", "test.conf:2: port: expected a port"},
        {"[limits]\nsize = 1k\n", "test.conf:2: size: expected bytes"},
        {"[limits]\nsize = 9000000000T\n", "test.conf:2: size: expected bytes"},
        {"[limits]\nseconds = 5 weeks\n", "test.conf:2: seconds: expected seconds"},
        {"[limits]\nlevel = loud\n", "test.conf:2: level: expected err"},
        {"[main]\nname = a\nrubbish\nname = b\n", "test.conf:3: expected [section], key = value"},
        {"[main\nname = a\n", "test.conf:1: a section is one [name]"},
        {"[main] name = a\n", "test.conf:1: a section is one [name]"},
        {"[]\n", "test.conf:1: a section's name"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct settings settings;
        struct error err = {0};
        ok(load(cases[i].text, &settings, &err) < 0 && strstr(err.message, cases[i].message), "%s (said: %s)", cases[i].message,
           err.message);
        settings_fini(&settings);
    }
    char path[200];
    struct settings settings = {0};
    struct error err = {0};
    write_bytes("nul.conf", "[main]\nname = a\0b\n", 18);
    path_of("nul.conf", path);
    ok(conf_load(path, false, options, OPTION_COUNT, &settings, &err) < 0 && strstr(err.message, ":2: line contains a NUL"), "NUL");
    settings_fini(&settings);
}

static void test_directory(void)
{
    char path[200];
    struct settings settings;
    struct error err = {0};
    path_of("test.conf.d", path);
    (void)mkdir(path, 0700);
    write_bytes("test.conf.d/20-b.conf", "[main]\nname = second\n", 21);
    write_bytes("test.conf.d/10-a.conf", "[main]\nname = first\nnumber = 9\n", 31);
    write_bytes("test.conf.d/30-c.txt", "[main]\nname = third\n", 20);
    write_bytes("test.conf.d/.40-d.conf", "[main]\nname = fourth\n", 21);
    ok(load("[main]\nname = base\n", &settings, &err) == 0, "with a directory: %s", err.message);
    is_text(settings.name, "second", "files in the order of their names, *.conf only");
    ok(settings.number == 9, "each adds");
    settings_fini(&settings);
    write_bytes("test.conf.d/50-e.conf", "[main]\nx = 1\n", 13);
    ok(load("", &settings, &err) < 0 && strstr(err.message, "50-e.conf:2:"), "errors name the file: %s", err.message);
    settings_fini(&settings);
}

static void test_print(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    conf_print_options(out, options, OPTION_COUNT);
    (void)fclose(out);
    ok(strstr(text, "[main]\n# who\nname = nobody\n") == text, "section, help, default");
    ok(strstr(text, "#long =\n"), "no default: commented out");
    ok(strstr(text, "\n[registry NAME]\n"), "a section with an argument");
    free(text);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    return remove(path);
}

int main(void)
{
    if (!mkdtemp(directory)) {
        bail("no temporary directory");
    }
    test_defaults();
    test_values();
    test_long_values();
    test_instances();
    test_errors();
    test_directory();
    test_print();
    (void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return done();
}
