// SPDX-License-Identifier: Apache-2.0
// The challenge parser. Called by registry.c with what a registry sent, so nothing about the text
// is believed.

#include "challenge.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct cursor {
    const char *at;
};

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_blanks(struct cursor *cursor)
{
    cursor->at += strspn(cursor->at, " \t");
}

// A word into `text`, cut if it does not fit (a cut word matches nothing that is looked for). False
// if there is none.
static bool read_token(struct cursor *cursor, char *text, size_t size)
{
    size_t length = 0;
    while (is_token_char(*cursor->at)) {
        if (length + 1 < size) {
            text[length++] = *cursor->at;
        }
        cursor->at++;
    }
    text[length] = '\0';
    return length > 0;
}

// A token or a quoted string. False when it is broken or does not fit.
static bool read_value(struct cursor *cursor, char *text, size_t size)
{
    if (*cursor->at != '"') {
        return read_token(cursor, text, size);
    }
    size_t length = 0;
    cursor->at++;
    while (*cursor->at && *cursor->at != '"') {
        if (*cursor->at == '\\' && cursor->at[1]) {
            cursor->at++;
        }
        if (length + 1 >= size) {
            return false;
        }
        text[length++] = *cursor->at++;
    }
    text[length] = '\0';
    if (*cursor->at != '"') {
        return false;
    }
    cursor->at++;
    return true;
}

static void take_parameter(struct challenge *challenge, const char *name, const char *value)
{
    if (strcasecmp(name, "realm") == 0) {
        snprintf(challenge->realm, sizeof(challenge->realm), "%s", value);
    } else if (strcasecmp(name, "service") == 0 && strlen(value) < sizeof(challenge->service)) {
        memcpy(challenge->service, value, strlen(value) + 1);
    }
}

int challenge_parse_bearer(const char *header, struct challenge *ret_challenge, struct error *err)
{
    struct challenge challenge = {.realm = ""};
    struct cursor cursor = {.at = header};
    bool bearer = false;
    for (;;) {
        cursor.at += strspn(cursor.at, " \t,");
        char word[64];
        char value[sizeof(challenge.realm)];
        if (!*cursor.at || !read_token(&cursor, word, sizeof(word))) {
            break;
        }
        skip_blanks(&cursor);
        if (*cursor.at == '=') { // a parameter of the scheme before it
            cursor.at += strspn(cursor.at, "=");
            skip_blanks(&cursor);
            bool more = *cursor.at && *cursor.at != ',';
            if (more && !read_value(&cursor, value, sizeof(value))) {
                break;
            }
            if (more && bearer) {
                take_parameter(&challenge, word, value);
            }
        } else {
            if (bearer && challenge.realm[0]) {
                break; // the next scheme: ours is complete
            }
            bearer = strcasecmp(word, "Bearer") == 0;
        }
    }
    if (!challenge.realm[0]) {
        return error_set(err, ERROR_UPSTREAM,
                         "the registry wants a credential, and offers no token server");
    }
    *ret_challenge = challenge;
    return 0;
}

// Append `value` percent-encoded; false when it does not fit.
static bool append_encoded(char *text, size_t size, const char *value)
{
    size_t length = strlen(text);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-._~", *c);
        if (length + 4 > size) {
            return false;
        }
        length += (size_t)snprintf(text + length, size - length, plain ? "%c" : "%%%02X", *c);
    }
    return true;
}

static bool append_plain(char *text, size_t size, const char *value)
{
    size_t length = strlen(text);
    int written = snprintf(text + length, size - length, "%s", value);
    return written >= 0 && (size_t)written < size - length;
}

int challenge_token_url(const struct challenge *challenge, const char *repository, char *text,
                        size_t size, struct error *err)
{
    text[0] = '\0';
    bool fits = append_plain(text, size, challenge->realm);
    const char *separator = strchr(challenge->realm, '?') ? "&" : "?";
    if (fits && challenge->service[0]) {
        fits = append_plain(text, size, separator) && append_plain(text, size, "service=") &&
               append_encoded(text, size, challenge->service);
        separator = "&";
    }
    fits = fits && append_plain(text, size, separator) && append_plain(text, size, "scope=") &&
           append_encoded(text, size, "repository:") && append_encoded(text, size, repository) &&
           append_encoded(text, size, ":pull");
    return fits ? 0 : error_set(err, ERROR_UPSTREAM, "the token server's URL is too long");
}
