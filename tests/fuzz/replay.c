// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over its corpus without a fuzzer, in make check: replay_<name> reads
// $srcdir/tests/fuzz/corpus/<name>/*. With arguments it reads those files instead (to look at a crash).

#include "base/cleanup.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>

enum { INPUT_MAX = 4 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void run(const char *path)
{
    CLEANUP_FCLOSE FILE *file = fopen(path, "re");
    CLEANUP_FREE uint8_t *buffer = malloc(INPUT_MAX);
    if (!file || !buffer) {
        perror(path);
        exit(1);
    }
    size_t length = fread(buffer, 1, INPUT_MAX, file);
    // Exactly as large as the input, so that the sanitizer sees a read past its end.
    CLEANUP_FREE uint8_t *bytes = malloc(length ? length : 1);
    if (!bytes) {
        exit(1);
    }
    memcpy(bytes, buffer, length);
    (void)LLVMFuzzerTestOneInput(bytes, length);
}

static int run_corpus(const char *program)
{
    const char *name = strstr(program, "replay_");
    const char *source = getenv("srcdir");
    char directory[1000];
    (void)snprintf(directory, sizeof(directory), "%s/tests/fuzz/corpus/%s", source ? source : ".", name ? name + 7 : "");
    DIR *corpus = opendir(directory);
    if (!corpus) {
        perror(directory);
        return 1;
    }
    unsigned count = 0;
    for (struct dirent *entry = readdir(corpus); entry; entry = readdir(corpus)) {
        char path[1400];
        (void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] != '.') {
            run(path);
            count++;
        }
    }
    closedir(corpus);
    printf("%u inputs of %s\n", count, directory);
    return count > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        run(argv[i]);
    }
    return argc > 1 ? 0 : run_corpus(argv[0]);
}
