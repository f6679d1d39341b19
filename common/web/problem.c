// SPDX-License-Identifier: Apache-2.0
// An error as JSON (RFC 9457).

#include "web/internal.h"

char *problem_text(int status, const char *code, const char *detail)
{
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title",
                                MHD_get_reason_phrase_for((unsigned)status), "status", status, "detail", detail, "code", code);
    if (!problem) {
        // A detail that is not UTF-8: it repeats what somebody sent.
        problem = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
                            MHD_get_reason_phrase_for((unsigned)status), "status", status, "code", code);
    }
    char *text = json_dumps(problem, JSON_COMPACT);
    json_decref(problem);
    return text;
}
