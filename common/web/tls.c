// SPDX-License-Identifier: Apache-2.0
// Certificates of a TLS listener. GnuTLS asks for them at each handshake, so that a reload takes effect without
// a new listener; a handshake may still be using the former ones, so they are kept for a while.

#include "web/internal.h"

#include "base/clock.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

enum { TLS_CHAIN_MAX = 8, TLS_KEEP_MS = 5 * 60 * 1000 };

// TLS 1.2 or later, as RFC 9325 advises.
static const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";

struct tls_pair {
    struct tls_pair *former;
    int64_t replaced_ms;
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    unsigned chain_length;
    gnutls_privkey_t key;
};

struct web_tls {
    char *certificate_path;
    char *key_path;
    struct tls_pair *current; // and the former ones behind it
};

static struct tls_pair *pair_free(struct tls_pair *pair)
{
    if (pair) {
        for (unsigned i = 0; i < pair->chain_length; i++) {
            gnutls_pcert_deinit(&pair->chain[i]);
        }
        if (pair->key) {
            gnutls_privkey_deinit(pair->key);
        }
        free(pair);
    }
    return NULL;
}

static int load_chain(struct tls_pair *pair, const char *path, struct error *err)
{
    gnutls_datum_t data = {0};
    int result = gnutls_load_file(path, &data);
    if (result == GNUTLS_E_SUCCESS) {
        unsigned count = TLS_CHAIN_MAX;
        result = gnutls_pcert_list_import_x509_raw(pair->chain, &count, &data, GNUTLS_X509_FMT_PEM, 0);
        pair->chain_length = result == GNUTLS_E_SUCCESS ? count : 0;
        gnutls_free(data.data);
    }
    if (result < 0 || pair->chain_length == 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "certificate %s: %s", path, gnutls_strerror(result));
    }
    return 0;
}

static int load_key(struct tls_pair *pair, const char *path, struct error *err)
{
    gnutls_datum_t data = {0};
    int result = gnutls_privkey_init(&pair->key);
    if (result == GNUTLS_E_SUCCESS) {
        result = gnutls_load_file(path, &data);
    }
    if (result == GNUTLS_E_SUCCESS) {
        result = gnutls_privkey_import_x509_raw(pair->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
        explicit_bzero(data.data, data.size);
        gnutls_free(data.data);
    }
    return result < 0 ? error_set(err, ERROR_UNPROCESSABLE, "key %s: %s", path, gnutls_strerror(result)) : 0;
}

// A key of another certificate would make every handshake fail.
static int check_pair(const struct tls_pair *pair, struct error *err)
{
    unsigned char certificate_id[64];
    unsigned char key_id[64];
    size_t certificate_size = sizeof(certificate_id);
    size_t key_size = sizeof(key_id);
    gnutls_pubkey_t public_key;
    if (gnutls_pubkey_init(&public_key) < 0) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    int result = gnutls_pubkey_import_privkey(public_key, pair->key, 0, 0);
    if (result == GNUTLS_E_SUCCESS) {
        result = gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, key_id, &key_size);
    }
    if (result == GNUTLS_E_SUCCESS) {
        result = gnutls_pubkey_get_key_id(pair->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, certificate_id, &certificate_size);
    }
    gnutls_pubkey_deinit(public_key);
    bool same = result == GNUTLS_E_SUCCESS && key_size == certificate_size && memcmp(key_id, certificate_id, key_size) == 0;
    return same ? 0 : error_set(err, ERROR_UNPROCESSABLE, "key and certificate do not belong together");
}

static struct tls_pair *pair_load(const struct web_tls *tls, struct error *err)
{
    struct tls_pair *pair = calloc(1, sizeof(*pair));
    if (!pair) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    if (load_chain(pair, tls->certificate_path, err) < 0 || load_key(pair, tls->key_path, err) < 0 ||
        check_pair(pair, err) < 0) {
        return pair_free(pair);
    }
    return pair;
}

static void free_old(struct web_tls *tls, int64_t now_ms)
{
    struct tls_pair **link = &tls->current->former;
    while (*link) {
        struct tls_pair *pair = *link;
        if (now_ms - pair->replaced_ms > TLS_KEEP_MS) {
            *link = pair->former;
            (void)pair_free(pair);
        } else {
            link = &pair->former;
        }
    }
}

int tls_reload(struct web_tls *tls, struct error *err)
{
    struct tls_pair *pair = pair_load(tls, err);
    if (!pair) {
        return -1;
    }
    int64_t now_ms = clock_monotonic_ms();
    pair->former = tls->current;
    if (tls->current) {
        tls->current->replaced_ms = now_ms;
    }
    tls->current = pair;
    free_old(tls, now_ms);
    return 0;
}

struct web_tls *tls_new(const char *certificate, const char *key, struct error *err)
{
    struct web_tls *tls = calloc(1, sizeof(*tls));
    if (!tls) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    tls->certificate_path = strdup(certificate);
    tls->key_path = strdup(key ? key : certificate);
    if (!tls->certificate_path || !tls->key_path) {
        (void)error_set(err, ERROR_IO, "out of memory");
        return tls_free(tls);
    }
    return tls_reload(tls, err) < 0 ? tls_free(tls) : tls;
}

struct web_tls *tls_free(struct web_tls *tls)
{
    if (!tls) {
        return NULL;
    }
    while (tls->current) {
        struct tls_pair *pair = tls->current;
        tls->current = pair->former;
        (void)pair_free(pair);
    }
    free(tls->certificate_path);
    free(tls->key_path);
    free(tls);
    return NULL;
}

static int on_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count,
                          const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **ret_chain,
                          unsigned *ret_length, gnutls_privkey_t *ret_key)
{
    // MHD makes the connection the session's pointer.
    struct web_connection *connection = connection_of(gnutls_session_get_ptr(session));
    if (!connection || !connection->listener->tls) {
        return -1;
    }
    struct tls_pair *pair = connection->listener->tls->current;
    *ret_chain = pair->chain;
    *ret_length = pair->chain_length;
    *ret_key = pair->key;
    return 0;
}

size_t tls_options(struct MHD_OptionItem *options)
{
    options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)on_certificate};
    options[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)tls_priorities};
    return 2;
}

ssize_t tls_send(struct MHD_Connection *mhd, const void *bytes, size_t length)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? gnutls_record_send(info->tls_session, bytes, length) : -1;
}
