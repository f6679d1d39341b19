// SPDX-License-Identifier: Apache-2.0

#include "fuzz.h"

#include "../../daemons/imaged/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct challenge challenge;
    char url[4096];
    if (challenge_parse_bearer(text, &challenge, NULL) == 0) {
        fuzz_check(challenge.realm[0]);
        if (challenge_token_url(&challenge, "org/x", url, sizeof(url), NULL) == 0) {
            fuzz_check(strncmp(url, challenge.realm, strlen(challenge.realm)) == 0);
        }
    }
    free(text);
    return 0;
}
