// SPDX-License-Identifier: Apache-2.0
// The vars grammar as BOOTy's parser really behaves: vectors V1 to V16, V20, V21 and V30 to V32 of the CAPRF facts (the
// others are about values, tests/unit/agent/test_settings.c), and that what is written is read back.

#include "base/vars.h"

#include "tests/unit/tap.h"

// The value of `key` after parsing `text`; "(fatal)" or "(none)".
static const char *value_of(const char *text, const char *key)
{
    static char value[200];
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    struct error error = {0};
    if (vars_parse(text, strlen(text), &vars, &error) < 0) {
        return "(fatal)";
    }
    const char *found = vars_get(&vars, key);
    (void)snprintf(value, sizeof(value), "%s", found ? found : "(none)");
    return value;
}

static const struct {
    const char *name;
    const char *text;
    const char *key;
    const char *value;
} vectors[] = {
    {"V1", "export HOSTNAME=\"a\"\n", "HOSTNAME", "a"},
    {"V2", "HOSTNAME=a\n", "HOSTNAME", "a"},
    {"V3", "  export HOSTNAME='a'  \r\n", "HOSTNAME", "a"},
    {"V4", "export  HOSTNAME=a\n", "HOSTNAME", "(none)"},
    {"V5", "export\tHOSTNAME=a\n", "HOSTNAME", "(none)"},
    {"V6", "HOSTNAME = a\n", "HOSTNAME", "(none)"},
    {"V7", "HOSTNAME= \"a\"\n", "HOSTNAME", " \"a\""},
    {"V8", "HOSTNAME=\"a\" # x\n", "HOSTNAME", "\"a\" # x"},
    {"V9", "TOKEN='abc\"\n", "TOKEN", "'abc\""},
    {"V10", "TOKEN=\"\"\n", "TOKEN", ""},
    {"V10b", "TOKEN=\"\n", "TOKEN", "\""},
    {"V11", "TOKEN=a=b=c\n", "TOKEN", "a=b=c"},
    {"V12", "TOKEN=\"a\\\"b\"\n", "TOKEN", "a\\\"b"},
    {"V13", "TOKEN=\"\"abc\"\"\n", "TOKEN", "\"abc\""},
    {"V14", "HOSTNAME=a\nHOSTNAME=b\n", "HOSTNAME", "b"},
    {"V15", "# HOSTNAME=a\nexport NOEQUALS\nFOO=1\nhostname=a\n", "HOSTNAME", "(none)"},
    {"V15b", "export NOEQUALS\n", "NOEQUALS", "(none)"},
    {"V16", "A=1\nLUKS_ANYTHING=x\n", "A", "(fatal)"},
    {"V16b", "export LUKS_=\n", "A", "(fatal)"},
    {"V30", "", "HOSTNAME", "(none)"},
    {"V32", "HOSTNAME=a", "HOSTNAME", "a"},
    {"no BOM", "\xef\xbb\xbfHOSTNAME=a\n", "HOSTNAME", "(none)"},
};

static void test_vectors(void)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        is_text(value_of(vectors[i].text, vectors[i].key), vectors[i].value, "%s", vectors[i].name);
    }
}

static bool truth_of(const char *text)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    return vars_parse(text, strlen(text), &vars, NULL) == 0 && vars_get_bool(&vars, "DRY_RUN");
}

static void test_bool(void)
{
    ok(truth_of("DRY_RUN=\" TRUE \"\n"), "V20: true in any case, trimmed");
    ok(!truth_of("DRY_RUN=on\n"), "V21: on is not true");
    ok(truth_of("DRY_RUN=1") && truth_of("DRY_RUN=Yes") && !truth_of("DRY_RUN=") && !truth_of("A=1"),
       "1 and yes are, nothing is not");
}

static void test_limits(void)
{
    static char line[70010];
    memset(line, 'x', 70000);
    memcpy(line, "A=", 2);
    struct error error = {0};
    struct vars vars;
    vars_init(&vars);
    ok(vars_parse(line, 70000, &vars, &error) < 0, "V31: a line of 70,000 bytes is fatal");
    ok(vars_parse("A=1\0B=2", 7, &vars, &error) < 0 && error.code == ERROR_BAD_REQUEST,
       "so is a NUL byte");
    ok(vars.count == 0, "nothing of a refused file is kept");
    ok(vars_parse("A=1 rubbish", 3, &vars, &error) == 0 && vars_get(&vars, "A") &&
           strcmp(vars_get(&vars, "A"), "1") == 0,
       "the length ends the text, not a NUL");
    vars_fini(&vars);
}

static void test_write(void)
{
    static const char *const values[] = {"", "plain", "two words", "\"", "\"\"", "'x'", "a\"b\\c", "#", "$HOME",
                                         " edge ", "{\"a\": 1}"};
    CLEANUP_VARS struct vars vars;
    CLEANUP_VARS struct vars again;
    CLEANUP_STRBUF struct strbuf text;
    vars_init(&vars);
    vars_init(&again);
    strbuf_init(&text, 10000);
    struct error error = {0};
    char key[20];
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        (void)snprintf(key, sizeof(key), "KEY_%zu", i);
        if (vars_set(&vars, key, values[i], &error) < 0) {
            bail("%s", error.message);
        }
    }
    ok(vars_write(&vars, &text, &error) == 0 &&
           vars_parse(strbuf_text(&text), text.length, &again, &error) == 0,
       "what is written can be read");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        (void)snprintf(key, sizeof(key), "KEY_%zu", i);
        is_text(vars_get(&again, key), values[i], "value %zu comes back", i);
    }
    ok(vars_set(&vars, "A", "x\nB=y", &error) < 0, "a value of two lines is refused");
    ok(vars_set(&vars, "1A", "x", &error) < 0 && vars_set(&vars, "A B", "x", &error) < 0 &&
           vars_set(&vars, "", "x", &error) < 0 && vars_set(&vars, "LUKS_X", "x", &error) < 0,
       "so are names that would not be read back");
}

int main(void)
{
    test_vectors();
    test_bool();
    test_limits();
    test_write();
    return done();
}
