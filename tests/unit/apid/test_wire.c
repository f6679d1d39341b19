// SPDX-License-Identifier: Apache-2.0
// The walk along a table: every kind of thing that can be wrong is named by its path.

#include "../../../daemons/apid/wire.h"
#include "../tap.h"
#include "base/json.h"

static int lower_check(const char *text, struct error *err)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz") == strlen(text)
               ? 0
               : error_set(err, ERROR_BAD_REQUEST, "not lower case");
}

static int member_check(const char *key, const json_t *value, struct error *err)
{
    return json_is_string(value) ? 0 : error_set(err, ERROR_BAD_REQUEST, "no string");
}

static const struct wire_field inner[] = {
    {.name = "word",
     .kind = WIRE_STRING,
     .required = true,
     .min = 2,
     .max = 5,
     .check = lower_check},
};

static const struct wire_field fields[] = {
    {.name = "text", .kind = WIRE_STRING, .required = true, .min = 1, .max = 8},
    {.name = "number", .kind = WIRE_INTEGER, .min = 1, .max = 10},
    {.name = "flag", .kind = WIRE_BOOL},
    {.name = "list", .kind = WIRE_ARRAY, .min = 0, .max = 2, .fields = inner, .field_count = 1},
    {.name = "inner", .kind = WIRE_OBJECT, .fields = inner, .field_count = 1},
    {.name = "map", .kind = WIRE_OBJECT, .max = 2, .check_member = member_check},
};

static const struct {
    const char *document;
    const char *message; // NULL: good
} cases[] = {
    {"{\"text\": \"a\"}", NULL},
    {"{\"text\": \"a\", \"number\": 10, \"flag\": false, \"list\": [{\"word\": \"ab\"}], "
     "\"inner\": {\"word\": \"abcde\"},"
     " \"map\": {\"K\": \"v\"}}",
     NULL},
    {"{}", "text: is missing"},
    {"{\"text\": \"a\", \"txt\": 1}", "txt: unknown member"},
    {"{\"text\": \"\"}", "text: must not be empty"},
    {"{\"text\": \"123456789\"}", "text: longer than 8 bytes"},
    {"{\"text\": \"a\\nb\"}", "text: must not contain control characters"},
    {"{\"text\": null}", "text: must be a string, not null"},
    {"{\"text\": 5}", "text: must be a string, not a number"},
    {"{\"text\": \"a\", \"number\": 11}", "number: must be 1 to 10"},
    {"{\"text\": \"a\", \"number\": 1.5}", "number: must be a whole number"},
    {"{\"text\": \"a\", \"number\": \"1\"}", "number: must be a number, not a string"},
    {"{\"text\": \"a\", \"flag\": 1}", "flag: must be true or false, not a number"},
    {"{\"text\": \"a\", \"list\": {}}", "list: must be an array, not an object"},
    {"{\"text\": \"a\", \"list\": [1]}", "list[0]: must be an object, not a number"},
    {"{\"text\": \"a\", \"list\": [{\"word\": \"ab\"}, {\"word\": \"aB\"}]}",
     "list[1].word: not lower case"},
    {"{\"text\": \"a\", \"list\": [{\"word\": \"a\"}]}", "list[0].word: too short"},
    {"{\"text\": \"a\", \"list\": [{\"word\": \"ab\"}, {}]}", "list[1].word: is missing"},
    {"{\"text\": \"a\", \"list\": [{\"word\": \"ab\"}, {\"word\": \"ab\"}, {\"word\": \"ab\"}]}",
     "list: must have 0 to 2 elements, not 3"},
    {"{\"text\": \"a\", \"inner\": []}", "inner: must be an object, not an array"},
    {"{\"text\": \"a\", \"inner\": {\"word\": \"ab\", \"x\": 1}}", "inner.x: unknown member"},
    {"{\"text\": \"a\", \"map\": {\"K\": 1}}", "map.K: no string"},
    {"{\"text\": \"a\", \"map\": {\"A\": \"\", \"B\": \"\", \"C\": \"\"}}",
     "map: must have 0 to 2 members, not 3"},
};

static void test_long_names(void)
{
    char document[4096];
    char name[2001];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    (void)snprintf(document, sizeof(document), "{\"text\": \"a\", \"map\": {\"%s\": 1}}", name);
    CLEANUP_JSON json_t *parsed = json_loads(document, 0, NULL);
    struct error err = {0};
    ok(wire_check(parsed, fields, sizeof(fields) / sizeof(fields[0]), &err) < 0 &&
           strlen(err.message) < 200,
       "a long name is cut in the message");
}

int main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP_JSON json_t *document = json_loads(cases[i].document, 0, NULL);
        struct error err = {0};
        int result = wire_check(document, fields, sizeof(fields) / sizeof(fields[0]), &err);
        ok((result == 0) == (cases[i].message == NULL), "%s is %s", cases[i].document,
           cases[i].message ? "refused" : "taken");
        if (cases[i].message) {
            is_text(err.message, cases[i].message, "the reason is told");
            ok(err.code == ERROR_UNPROCESSABLE, "the code is that of an unacceptable value");
        }
    }
    test_long_names();
    return done();
}
