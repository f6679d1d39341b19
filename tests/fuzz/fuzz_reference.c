// SPDX-License-Identifier: Apache-2.0
// What parses as a reference means the same after it was written out, and holds nothing that could
// leave its place in a URL.

#include "fuzz.h"

#include "../../daemons/imaged/reference.h"

static void check(const struct reference *reference)
{
    char text[REFERENCE_TEXT_SIZE];
    struct reference again;
    reference_format(reference, text);
    fuzz_check(reference_parse(text, &again, NULL) == 0);
    fuzz_check(strcmp(again.host, reference->host) == 0);
    fuzz_check(strcmp(again.repository, reference->repository) == 0);
    fuzz_check(strcmp(again.tag, reference->tag) == 0);
    fuzz_check(strcmp(again.digest, reference->digest) == 0);
    fuzz_check(reference->repository[0] && reference->host[0]);
    fuzz_check(!strstr(reference->repository, "..") &&
               !strpbrk(reference->repository, "%?#@:\\ \r\n"));
    fuzz_check(!strpbrk(reference->host, "%?#@/\\ \r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct reference reference;
    if (reference_parse(text, &reference, NULL) == 0) {
        check(&reference);
    }
    if (reference_parse_name(text, &reference, NULL) == 0) {
        check(&reference);
    }
    free(text);
    return 0;
}
