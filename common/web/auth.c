// SPDX-License-Identifier: Apache-2.0
// Credentials of the Authorization header (RFC 9110, 7617, 6750), taken apart; whether they are good is for the daemon.

#include "web/web.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <string.h>
#include <strings.h>

int web_check_transport(const struct web_request *request, struct error *err)
{
    if (web_is_tls(request) || web_is_local(request)) {
        return 0;
    }
    return error_set(err, ERROR_FORBIDDEN, "a token must not travel over plain HTTP: use the https URL");
}

// What follows the scheme's name, or NULL.
static const char *credentials(const struct web_request *request, const char *scheme)
{
    const char *header = web_header(request, "Authorization");
    size_t length = strlen(scheme);
    if (!header || strncasecmp(header, scheme, length) != 0 || header[length] != ' ') {
        return NULL;
    }
    header += length;
    header += strspn(header, " ");
    return *header ? header : NULL;
}

const char *web_bearer(const struct web_request *request)
{
    return credentials(request, "Bearer");
}

int web_basic(const struct web_request *request, char **ret_user, char **ret_password)
{
    const char *text = credentials(request, "Basic");
    size_t length = 0;
    char *decoded = text ? (char *)base64_decode(text, &length) : NULL;
    if (!decoded) {
        return -1;
    }
    char *colon = strchr(decoded, ':');
    char *user = NULL;
    char *password = NULL;
    if (colon && strlen(decoded) == length) {
        user = strndup(decoded, (size_t)(colon - decoded));
        password = strdup(colon + 1);
    }
    explicit_bzero(decoded, length);
    free(decoded);
    if (!user || !password) {
        free(user);
        free(password);
        return -1;
    }
    *ret_user = user;
    *ret_password = password;
    return 0;
}
