// SPDX-License-Identifier: Apache-2.0

#include "query.h"

#include "apid.h"
#include "store/machine.h"
#include "store/store.h"
#include "web/web.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int query_number(const struct web_request *request, const char *name, int64_t min, int64_t max,
                 int64_t otherwise, int64_t *ret_number, struct error *err)
{
    const char *text = web_query(request, name);
    if (!text) {
        *ret_number = otherwise;
        return 0;
    }
    size_t length = strlen(text);
    errno = 0;
    long long number = length >= 1 && length <= 19 && strspn(text, "0123456789") == length
                           ? strtoll(text, NULL, 10)
                           : -1;
    if (errno != 0 || number < min || number > max) {
        return error_set(err, ERROR_BAD_REQUEST,
                         "%s: must be a number from %" PRId64 " to %" PRId64, name, min, max);
    }
    *ret_number = number;
    return 0;
}

int query_machine(struct apid *apid, const struct web_request *request, struct machine *ret_machine,
                  struct error *err)
{
    const char *name = web_arg(request, "name");
    int result = machine_name_check(name, NULL);
    if (result == 0) {
        result = machine_by_name(store_reader(apid->store), name, ret_machine, err);
        if (result == 0 || err->code != ERROR_NOT_FOUND) {
            return result;
        }
    }
    return error_set(err, ERROR_NOT_FOUND, "there is no machine \"%.63s\"", name);
}
