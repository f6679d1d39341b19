// SPDX-License-Identifier: Apache-2.0
// TLS 1.2 or newer, certificate chain and name always proven: there is no switch to turn that off.

#include "agent/tls.h"
#include "agent/url.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct tls {
    SSL_CTX *context;
    SSL *session;
    struct bufferevent *channel;
};

static int openssl_error(struct error *err, const char *what)
{
    char reason[128];
    ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    return error_set(err, ERROR_IO, "%s: %s", what, reason);
}

static int make_context(const char *ca_file, SSL_CTX **ret_context, struct error *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) {
        return openssl_error(err, "TLS");
    }
    const char *bundle = ca_file ? ca_file : TLS_SYSTEM_BUNDLE;
    if (SSL_CTX_load_verify_file(context, bundle) != 1) {
        SSL_CTX_free(context);
        return openssl_error(err, bundle);
    }
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    *ret_context = context;
    return 0;
}

static int expect_peer(SSL *session, const struct url *url)
{
    X509_VERIFY_PARAM *expected = SSL_get0_param(session);
    if (url->host_is_address) {
        return X509_VERIFY_PARAM_set1_ip_asc(expected, url->host) == 1 ? 0 : -1;
    }
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(session, url->host) == 1 &&
                   X509_VERIFY_PARAM_set1_host(expected, url->host, 0) == 1
               ? 0
               : -1;
}

int tls_open(struct event_base *base, const struct url *url, const char *ca_file, struct tls **ret_tls,
             struct bufferevent **ret_channel, struct error *err)
{
    SSL_CTX *context = NULL;
    int result = make_context(ca_file, &context, err);
    if (result < 0) {
        return result;
    }
    struct tls *tls = calloc(1, sizeof(*tls));
    SSL *session = SSL_new(context);
    struct bufferevent *channel = NULL;
    if (tls && session && expect_peer(session, url) == 0) {
        // Frees the session, also when it fails.
        channel = bufferevent_openssl_socket_new(base, -1, session, BUFFEREVENT_SSL_CONNECTING,
                                                 BEV_OPT_CLOSE_ON_FREE);
    } else {
        SSL_free(session);
    }
    if (!channel) {
        free(tls);
        SSL_CTX_free(context);
        return openssl_error(err, "TLS session");
    }
    *tls = (struct tls){.context = context, .session = session, .channel = channel};
    *ret_tls = tls;
    *ret_channel = channel;
    return 0;
}

void tls_free(struct tls *tls)
{
    if (tls) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

bool tls_explain(const struct tls *tls, char *text, size_t size)
{
    long verified = SSL_get_verify_result(tls->session);
    if (verified != X509_V_OK) {
        (void)snprintf(text, size, "the server's certificate is refused: %s",
                       X509_verify_cert_error_string(verified));
        return true;
    }
    unsigned long code = bufferevent_get_openssl_error(tls->channel);
    if (code == 0) {
        return false;
    }
    const char *reason = ERR_reason_error_string(code);
    (void)snprintf(text, size, "TLS failed: %s", reason ? reason : "unknown reason");
    return true;
}
