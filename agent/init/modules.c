// SPDX-License-Identifier: Apache-2.0
// Both files are read once and kept as text; an alias is found by its literal beginning and fnmatch(3).

#include "agent/init/modules.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

enum {
    FILE_MAX = 16 * 1024 * 1024,
    MODULE_NAME_MAX = 64,
    COMPRESSED_FILE = 4, // MODULE_INIT_COMPRESSED_FILE of linux/module.h
};

struct module {
    const char *path; // as in modules.dep
    char *depends;    // the rest of its line: paths, to be loaded from right to left
    char name[MODULE_NAME_MAX];
    bool was_tried;
};

struct alias {
    const char *pattern;
    size_t literal; // bytes before the first wildcard
    char module[MODULE_NAME_MAX];
};

struct modules {
    char dir[PATH_MAX];
    char *dep_text;
    char *alias_text;
    struct module *list;
    size_t count;
    struct alias *aliases;
    size_t alias_count;
};

// Dashes and underscores are the same in a module's name.
static void copy_name(char name[MODULE_NAME_MAX], const char *text, size_t length)
{
    size_t used = length < MODULE_NAME_MAX ? length : MODULE_NAME_MAX - 1;
    for (size_t i = 0; i < used; i++) {
        name[i] = text[i] == '-' ? '_' : text[i];
    }
    name[used] = '\0';
}

static void name_of_path(char name[MODULE_NAME_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *end = strstr(base, ".ko");
    copy_name(name, base, end ? (size_t)(end - base) : strlen(base));
}

static int read_text(const char *dir, const char *name, char **ret_text, struct error *err)
{
    char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        return error_errno(err, errno, "%s", path);
    }
    if (status.st_size > FILE_MAX) {
        return error_set(err, ERROR_TOO_LARGE, "%s is too large", path);
    }
    CLEANUP_FREE char *text = malloc((size_t)status.st_size + 1);
    size_t used = 0;
    ssize_t got = text ? 1 : 0;
    while (got > 0 && used < (size_t)status.st_size) {
        got = read(fd, text + used, (size_t)status.st_size - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (got < 0 || !text) {
        return error_errno(err, errno, "reading %s", path);
    }
    text[used] = '\0';
    *ret_text = TAKE_PTR(text);
    return 0;
}

static size_t count_lines(const char *text)
{
    size_t count = 1;
    for (; *text; text++) {
        count += *text == '\n';
    }
    return count;
}

static int read_dependencies(struct modules *modules, struct error *err)
{
    modules->list = calloc(count_lines(modules->dep_text), sizeof(*modules->list));
    if (!modules->list) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    char *rest = modules->dep_text;
    char *line;
    while ((line = strsep(&rest, "\n"))) {
        char *colon = strchr(line, ':');
        if (!colon) {
            continue;
        }
        *colon = '\0';
        struct module *module = &modules->list[modules->count++];
        module->path = line;
        module->depends = colon + 1;
        name_of_path(module->name, line);
    }
    return 0;
}

static int read_aliases(struct modules *modules, struct error *err)
{
    modules->aliases = calloc(count_lines(modules->alias_text), sizeof(*modules->aliases));
    if (!modules->aliases) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    char *rest = modules->alias_text;
    char *line;
    while ((line = strsep(&rest, "\n"))) {
        char *word = strsep(&line, " ");
        char *pattern = strsep(&line, " ");
        if (strcmp(word, "alias") != 0 || !pattern || !line) {
            continue;
        }
        struct alias *alias = &modules->aliases[modules->alias_count++];
        alias->pattern = pattern;
        alias->literal = strcspn(pattern, "*?[");
        copy_name(alias->module, line, strlen(line));
    }
    return 0;
}

struct modules *modules_open(const char *dir, struct error *err)
{
    struct modules *modules = calloc(1, sizeof(*modules));
    if (!modules) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    (void)snprintf(modules->dir, sizeof(modules->dir), "%s", dir);
    int result = read_text(dir, "modules.dep", &modules->dep_text, err);
    if (result == 0) {
        result = read_dependencies(modules, err);
    }
    if (result == 0 && read_text(dir, "modules.alias", &modules->alias_text, NULL) == 0) {
        result = read_aliases(modules, err);
    }
    if (result < 0) {
        modules_free(modules);
        return NULL;
    }
    return modules;
}

void modules_free(struct modules *modules)
{
    if (modules) {
        free(modules->dep_text);
        free(modules->alias_text);
        free(modules->list);
        free(modules->aliases);
        free(modules);
    }
}

static struct module *find_name(struct modules *modules, const char *name)
{
    for (size_t i = 0; i < modules->count; i++) {
        if (strcmp(modules->list[i].name, name) == 0) {
            return &modules->list[i];
        }
    }
    return NULL;
}

struct plan {
    const char **paths;
    size_t count;
};

static void plan_one(struct plan *plan, struct module *module)
{
    if (!module->was_tried && plan->count < MODULES_PLAN_MAX) {
        module->was_tried = true;
        plan->paths[plan->count++] = module->path;
    }
}

// modules.dep names all that is needed, the deepest last.
static void plan_with_dependencies(struct modules *modules, struct plan *plan, struct module *module)
{
    if (module->was_tried) {
        return;
    }
    const char *start = module->depends;
    const char *end = start + strlen(start);
    while (end > start) {
        const char *word = end;
        while (word > start && word[-1] != ' ') {
            word--;
        }
        char path[PATH_MAX];
        char name[MODULE_NAME_MAX];
        (void)snprintf(path, sizeof(path), "%.*s", (int)(end - word), word);
        name_of_path(name, path);
        struct module *dependency = *path ? find_name(modules, name) : NULL;
        if (dependency) {
            plan_one(plan, dependency);
        }
        end = word > start ? word - 1 : start;
    }
    plan_one(plan, module);
}

size_t modules_plan(struct modules *modules, const char *request,
                    const char *ret_paths[MODULES_PLAN_MAX])
{
    struct plan plan = {.paths = ret_paths};
    char name[MODULE_NAME_MAX];
    copy_name(name, request, strlen(request));
    struct module *module = find_name(modules, name);
    if (module) {
        plan_with_dependencies(modules, &plan, module);
        return plan.count;
    }
    for (size_t i = 0; i < modules->alias_count; i++) {
        const struct alias *alias = &modules->aliases[i];
        if (strncmp(alias->pattern, request, alias->literal) == 0 &&
            fnmatch(alias->pattern, request, 0) == 0) {
            module = find_name(modules, alias->module);
            if (module) {
                plan_with_dependencies(modules, &plan, module);
            }
        }
    }
    return plan.count;
}

static int load_file(const struct modules *modules, const char *path, struct error *err)
{
    char file[2 * PATH_MAX];
    (void)snprintf(file, sizeof(file), "%s/%s", modules->dir, path);
    CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_errno(err, errno, "%s", path);
    }
    size_t length = strlen(path);
    bool is_plain = length > 3 && strcmp(path + length - 3, ".ko") == 0;
    if (syscall(SYS_finit_module, fd, "", is_plain ? 0 : COMPRESSED_FILE) == 0 || errno == EEXIST) {
        return 0;
    }
    // ENODEV is a driver that looked and found nothing to drive.
    if (errno == ENODEV) {
        return 0;
    }
    return error_errno(err, errno, is_plain ? "%s" : "%s (compressed: ship it unpacked)", path);
}

int modules_load(struct modules *modules, const char *request, struct error *err)
{
    const char *paths[MODULES_PLAN_MAX];
    size_t count = modules_plan(modules, request, paths);
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        int one = load_file(modules, paths[i], err);
        result = one < 0 ? one : result;
    }
    return result;
}

void modules_dir(char *path, size_t size)
{
    struct utsname kernel;
    (void)uname(&kernel);
    (void)snprintf(path, size, "/lib/modules/%s", kernel.release);
}

int modprobe_main(int argc, char **argv)
{
    char dir[300];
    modules_dir(dir, sizeof(dir));
    struct modules *modules = modules_open(dir, NULL);
    if (!modules) {
        return 1;
    }
    int result = modules_load(modules, argv[argc - 1], NULL);
    modules_free(modules);
    return result < 0 ? 1 : 0;
}
