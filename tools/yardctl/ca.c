// SPDX-License-Identifier: Apache-2.0
// Certificates by OpenSSL. notBefore lies days in the past, since machines come up with clocks that
// are behind.

#include "ca.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { ROOT_AGE_DAYS = 7, SERVER_AGE_DAYS = 2, DAY_S = 24 * 3600, SERIAL_BYTES = 16 };

static inline void cleanup_x509(X509 **certificate)
{
    X509_free(*certificate);
}

static int openssl_error(struct error *err, const char *what)
{
    char reason[200] = "unknown";
    unsigned long code = ERR_get_error();
    if (code != 0) {
        ERR_error_string_n(code, reason, sizeof(reason));
    }
    ERR_clear_error();
    return error_set(err, ERROR_INTERNAL, "%s: %s", what, reason);
}

EVP_PKEY *ca_make_key(struct error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key) {
        (void)openssl_error(err, "cannot make a key");
    }
    return key;
}

static bool add_extension(X509 *certificate, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool set_serial(X509 *certificate)
{
    uint8_t bytes[SERIAL_BYTES];
    random_fill(bytes, sizeof(bytes));
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); // positive, and always as long
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return set;
}

static bool set_validity(X509 *certificate, int age_days, int days)
{
    return X509_time_adj_ex(X509_getm_notBefore(certificate), -age_days, 0, NULL) &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, NULL);
}

static bool set_name(X509 *certificate, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1;
}

// Version, serial, validity, name and key: what both kinds have.
static X509 *start_certificate(EVP_PKEY *key, const char *common_name, int age_days, int days)
{
    CLEANUP(cleanup_x509) X509 *certificate = X509_new();
    if (!certificate || X509_set_version(certificate, X509_VERSION_3) != 1 ||
        !set_serial(certificate) || !set_validity(certificate, age_days, days) ||
        !set_name(certificate, common_name) || X509_set_pubkey(certificate, key) != 1) {
        return NULL;
    }
    return TAKE_PTR(certificate);
}

X509 *ca_make_root(EVP_PKEY *key, struct error *err)
{
    uint8_t random[4];
    char hex[2 * sizeof(random) + 1];
    char name[64];
    random_fill(random, sizeof(random));
    hex_encode(random, sizeof(random), hex);
    // Told apart from the CA of another yard, also by people.
    (void)snprintf(name, sizeof(name), "bootyard CA %s", hex);
    CLEANUP(cleanup_x509)
    X509 *root = start_certificate(key, name, ROOT_AGE_DAYS, CA_YEARS * 365 + CA_YEARS / 4);
    X509V3_CTX context;
    X509V3_set_ctx(&context, root, root, NULL, NULL, 0);
    if (!root || X509_set_issuer_name(root, X509_get_subject_name(root)) != 1 ||
        !add_extension(root, &context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(root, &context, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(root, &context, NID_subject_key_identifier, "hash") ||
        X509_sign(root, key, EVP_sha256()) == 0) {
        (void)openssl_error(err, "cannot make the CA's certificate");
        return NULL;
    }
    return TAKE_PTR(root);
}

static bool dns_name_is_good(const char *text)
{
    size_t label = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 253) {
        return false;
    }
    for (const char *c = text; *c; c++) {
        if (*c == '.') {
            if (label == 0 || c[-1] == '-') {
                return false;
            }
            label = 0;
            continue;
        }
        bool wildcard = *c == '*' && c == text && c[1] == '.';
        if ((!isalnum((unsigned char)*c) && !wildcard && (*c != '-' || label == 0)) ||
            label++ >= 63) {
            return false;
        }
    }
    return label > 0 && text[length - 1] != '-';
}

static GENERAL_NAME *make_general_name(const char *text, struct error *err)
{
    unsigned char address[16];
    size_t length = inet_pton(AF_INET, text, address) == 1    ? 4
                    : inet_pton(AF_INET6, text, address) == 1 ? 16
                                                              : 0;
    if (length == 0 && !dns_name_is_good(text)) {
        (void)error_set(err, ERROR_UNPROCESSABLE, "\"%.100s\" is neither an address nor a DNS name",
                        text);
        return NULL;
    }
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = length > 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    const void *bytes = length > 0 ? (const void *)address : text;
    if (!name || !value ||
        ASN1_STRING_set(value, bytes, (int)(length > 0 ? length : strlen(text))) != 1) {
        ASN1_STRING_free(value);
        GENERAL_NAME_free(name);
        (void)openssl_error(err, "cannot make a name");
        return NULL;
    }
    GENERAL_NAME_set0_value(name, length > 0 ? GEN_IPADD : GEN_DNS, value);
    return name;
}

static int add_sans(X509 *certificate, const struct ca_sans *sans, struct error *err)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    int result = names ? 0 : openssl_error(err, "cannot make the list of names");
    for (size_t i = 0; i < sans->count && result == 0; i++) {
        GENERAL_NAME *name = make_general_name(sans->items[i], err);
        if (!name || sk_GENERAL_NAME_push(names, name) == 0) {
            GENERAL_NAME_free(name);
            result = -1;
        }
    }
    if (result == 0 &&
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1) {
        result = openssl_error(err, "cannot add the names");
    }
    GENERAL_NAMES_free(names);
    return result;
}

X509 *ca_make_server(X509 *root, EVP_PKEY *root_key, EVP_PKEY *server_key,
                     const struct ca_sans *sans, struct error *err)
{
    CLEANUP(cleanup_x509)
    X509 *server =
        start_certificate(server_key, "bootyard server", SERVER_AGE_DAYS, CA_SERVER_DAYS);
    X509V3_CTX context;
    X509V3_set_ctx(&context, root, server, NULL, NULL, 0);
    if (!server || X509_set_issuer_name(server, X509_get_subject_name(root)) != 1 ||
        !add_extension(server, &context, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(server, &context, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(server, &context, NID_ext_key_usage, "serverAuth") ||
        !add_extension(server, &context, NID_subject_key_identifier, "hash") ||
        !add_extension(server, &context, NID_authority_key_identifier, "keyid:always")) {
        (void)openssl_error(err, "cannot make the server's certificate");
        return NULL;
    }
    if (add_sans(server, sans, err) < 0) {
        return NULL;
    }
    if (X509_sign(server, root_key, EVP_sha256()) == 0) {
        (void)openssl_error(err, "cannot sign the server's certificate");
        return NULL;
    }
    return TAKE_PTR(server);
}

static char *general_name_text(const GENERAL_NAME *name)
{
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const unsigned char *data = ASN1_STRING_get0_data(value);
    int length = ASN1_STRING_length(value);
    char text[INET6_ADDRSTRLEN] = "";
    if (type == GEN_DNS) {
        return strndup((const char *)data, (size_t)length);
    }
    if (type == GEN_IPADD && (length == 4 || length == 16) &&
        inet_ntop(length == 4 ? AF_INET : AF_INET6, data, text, sizeof(text))) {
        return strdup(text);
    }
    return NULL;
}

size_t ca_server_sans(X509 *certificate, char **ret_texts)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t count = 0;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && count < CA_SANS_MAX; i++) {
        char *text = general_name_text(sk_GENERAL_NAME_value(names, i));
        if (text) {
            ret_texts[count++] = text;
        }
    }
    GENERAL_NAMES_free(names);
    return count;
}

int ca_days_left(X509 *certificate)
{
    int days = 0;
    int seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1) {
        return -1;
    }
    return seconds < 0 ? days - 1 : days;
}
