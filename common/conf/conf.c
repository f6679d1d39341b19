// SPDX-License-Identifier: Apache-2.0
// Reads a daemon's files through its table of options. libinih finds keys and values; this file feeds it line
// by line, so that it knows the number of each line and its section in full (inih cuts names at 49 bytes).

#include "conf/conf.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <string.h>

enum { CONF_LINE_MAX = 4000, CONF_LINES_MAX = 20000, CONF_SECTION_MAX = 300, CONF_FILES_MAX = 256 };

struct load {
    const struct conf_option *options;
    size_t option_count;
    bool *was_set; // one an option: a file has set it
    char *settings;
    struct error *err;
    // of the file being read
    const char *path;
    FILE *file;
    char *line;
    size_t line_size;
    unsigned number;
    char section[CONF_SECTION_MAX];
    bool failed;
};

static int fail(struct load *load, const char *text)
{
    load->failed = true;
    return error_set(load->err, ERROR_UNPROCESSABLE, "%s:%u: %s", load->path, load->number, text);
}

// "[name]" and nothing behind it; what inih makes of it is not used.
static int note_section(struct load *load, const char *line)
{
    const char *end = strchr(line, ']');
    if (!end || end[1 + strspn(end + 1, " \t\r\n")] != '\0') {
        return fail(load, "a section is one [name] on a line of its own");
    }
    size_t length = (size_t)(end - line - 1);
    if (length == 0 || length >= sizeof(load->section)) {
        return fail(load, "a section's name has 1 to 299 bytes");
    }
    memcpy(load->section, line + 1, length);
    load->section[length] = '\0';
    return 0;
}

// inih's fgets. Its buffer (ini_initial_alloc) holds any line that passes here.
static char *read_line(char *buffer, int size, void *stream)
{
    struct load *load = stream;
    ssize_t length = getline(&load->line, &load->line_size, load->file);
    if (length < 0) {
        return NULL;
    }
    load->number++;
    if (length > CONF_LINE_MAX || length >= size) {
        (void)fail(load, "line is too long");
        return NULL;
    }
    if (load->number > CONF_LINES_MAX || strlen(load->line) != (size_t)length) {
        (void)fail(load, load->number > CONF_LINES_MAX ? "too many lines" : "line contains a NUL byte");
        return NULL;
    }
    const char *text = load->line + strspn(load->line, " \t");
    if (*text == '[' && note_section(load, text) < 0) {
        return NULL;
    }
    memcpy(buffer, load->line, (size_t)length + 1);
    return buffer;
}

// The rest of the section's name if the option belongs to it, else NULL. "registry " matches "registry ghcr.io".
static const char *match_section(const char *option_section, const char *section)
{
    size_t length = strlen(option_section);
    if (length > 0 && option_section[length - 1] == ' ') {
        bool same = strncmp(option_section, section, length) == 0;
        const char *instance = section + length;
        return same && *instance != '\0' ? instance + strspn(instance, " ") : NULL;
    }
    return strcmp(option_section, section) == 0 ? "" : NULL;
}

static int set_option(struct load *load, size_t index, const char *instance, const char *value)
{
    const struct conf_option *option = &load->options[index];
    void *field = load->settings + option->offset;
    if (!load->was_set[index] && option->parse == conf_parse_strings) {
        conf_strings_fini(field); // what a file says comes instead of the default
    }
    load->was_set[index] = true;
    if (option->parse(instance, value, field, load->err) < 0) {
        (void)error_wrap(load->err, "%s:%u: %s", load->path, load->number, option->key);
        load->err->code = ERROR_UNPROCESSABLE;
        load->failed = true;
        return -EINVAL;
    }
    return 0;
}

// inih's handler: 0 is failure.
static int on_value(void *user, const char *section, const char *name, const char *value)
{
    struct load *load = user;
    bool section_is_known = false;
    if (load->failed) {
        return 0;
    }
    for (size_t i = 0; i < load->option_count; i++) {
        const char *instance = match_section(load->options[i].section, load->section);
        section_is_known = section_is_known || instance;
        if (instance && strcmp(load->options[i].key, name) == 0) {
            return set_option(load, i, instance, value) == 0;
        }
    }
    char text[2 * CONF_SECTION_MAX];
    (void)snprintf(text, sizeof(text), section_is_known ? "unknown key %.100s in [%s]" : "%.0sunknown section [%s]",
                   name, load->section);
    (void)fail(load, text);
    return 0;
}

static void configure_inih(void)
{
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_initial_alloc = CONF_LINE_MAX + 96;
    ini_max_line = CONF_LINE_MAX + 96;
    ini_allow_inline_comments = false; // values contain ';' and '#'
    ini_allow_multiline = false;
    ini_stop_on_first_error = true;
    ini_allow_no_value = false;
}

static int load_file(struct load *load, const char *path)
{
    load->path = path;
    load->number = 0;
    load->section[0] = '\0';
    load->file = fopen(path, "re");
    if (!load->file) {
        return error_errno(load->err, errno, "%s", path);
    }
    configure_inih();
    int result = ini_parse_stream(read_line, load, on_value, load);
    bool broken = ferror(load->file);
    (void)fclose(load->file);
    load->file = NULL;
    if (load->failed) {
        return -EINVAL;
    }
    if (result > 0) {
        load->number = (unsigned)result;
        return fail(load, "expected [section], key = value, or a comment");
    }
    return result < 0 || broken ? error_set(load->err, ERROR_IO, "%s: cannot be read", path) : 0;
}

static int is_conf_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); // not the locale's order
}

static int load_directory(struct load *load, const char *path)
{
    CLEANUP_FREE char *directory = NULL;
    if (asprintf(&directory, "%s.d", path) < 0) {
        directory = NULL;
        return error_set(load->err, ERROR_IO, "out of memory");
    }
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_conf_file, by_name);
    if (count < 0) {
        return errno == ENOENT ? 0 : error_errno(load->err, errno, "%s", directory);
    }
    int result = count > CONF_FILES_MAX ? error_set(load->err, ERROR_TOO_LARGE, "%s: too many files", directory) : 0;
    for (int i = 0; i < count; i++) {
        CLEANUP_FREE char *file = NULL;
        if (result == 0 && asprintf(&file, "%s/%s", directory, entries[i]->d_name) < 0) {
            file = NULL;
            result = error_set(load->err, ERROR_IO, "out of memory");
        }
        if (result == 0) {
            result = load_file(load, file);
        }
        free(entries[i]);
    }
    free(entries);
    return result;
}

static int load_defaults(struct load *load)
{
    for (size_t i = 0; i < load->option_count; i++) {
        const struct conf_option *option = &load->options[i];
        if (option->default_value &&
            option->parse("", option->default_value, load->settings + option->offset, load->err) < 0) {
            return error_wrap(load->err, "default of %s", option->key);
        }
    }
    return 0;
}

int conf_load(const char *path, bool may_be_missing, const struct conf_option *options, size_t option_count,
              void *settings, struct error *err)
{
    struct error own_error = {0};
    CLEANUP_FREE bool *was_set = calloc(option_count ? option_count : 1, sizeof(*was_set));
    if (!was_set) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    struct load load = {
        .options = options,
        .option_count = option_count,
        .was_set = was_set,
        .settings = settings,
        .err = err ? err : &own_error,
    };
    int result = load_defaults(&load);
    if (result == 0 && !(may_be_missing && access(path, F_OK) < 0 && errno == ENOENT)) {
        result = load_file(&load, path);
    }
    if (result == 0) {
        result = load_directory(&load, path);
    }
    free(load.line);
    return result;
}

void conf_print_options(FILE *out, const struct conf_option *options, size_t option_count)
{
    const char *section = "";
    for (size_t i = 0; i < option_count; i++) {
        const struct conf_option *option = &options[i];
        if (strcmp(section, option->section) != 0) {
            section = option->section;
            size_t length = strlen(section);
            bool takes_instance = length > 0 && section[length - 1] == ' ';
            (void)fprintf(out, "%s[%s%s]\n", i > 0 ? "\n" : "", section, takes_instance ? "NAME" : "");
        }
        (void)fprintf(out, "# %s\n%s%s =%s%s\n", option->help, option->default_value ? "" : "#", option->key,
                      option->default_value && *option->default_value ? " " : "",
                      option->default_value ? option->default_value : "");
    }
}
