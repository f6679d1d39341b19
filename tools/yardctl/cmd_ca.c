// SPDX-License-Identifier: Apache-2.0
// yardctl ca: the files of the yard's CA under DIR/tls. Each file appears whole or not at all;
// ca.crt comes last, so that an interrupted init is simply done again. A renewal keeps the server's
// key and replaces one file.

#include "base/cleanup.h"
#include "base/json.h"
#include "api.h"
#include "ca.h"
#include "yardctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX = 64 * 1024, PATH_SIZE = 4096 };

static const char init_usage[] = "ca init --dir DIR --san NAME-OR-ADDRESS...";
static const char show_usage[] = "ca show --dir DIR";
static const char renew_usage[] = "ca renew --dir DIR [--san NAME-OR-ADDRESS]... [--within DAYS]";

struct ca_options {
    const char *dir;
    struct ca_sans sans;
    long within_days; // renew only when fewer are left; 0: always
};

CLEANUP_DEFINE(cleanup_x509, X509 *, X509_free)
CLEANUP_DEFINE(cleanup_key, EVP_PKEY *, EVP_PKEY_free)
CLEANUP_DEFINE(cleanup_bio, BIO *, BIO_free)

static int parse(int argc, char **argv, struct ca_options *ca, const char *usage, struct error *err)
{
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"san", required_argument, NULL, 's'},
                                            {"within", required_argument, NULL, 'w'},
                                            {0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd') {
            ca->dir = optarg;
        } else if (option == 'w') {
            ca->within_days = strtol(optarg, NULL, 10);
        } else if (option == 's' && ca->sans.count < CA_SANS_MAX) {
            ca->sans.items[ca->sans.count++] = optarg;
        } else {
            return usage_error(err, usage);
        }
    }
    return optind != argc || !ca->dir ? usage_error(err, usage) : 0;
}

static int open_tls(const char *dir, bool create, struct error *err)
{
    char path[PATH_SIZE];
    if ((size_t)snprintf(path, sizeof(path), "%s/tls", dir) >= sizeof(path)) {
        return error_set(err, ERROR_IO, "%s: too long", dir);
    }
    if (create && mkdir(path, 0750) < 0 && errno != EEXIST) {
        return error_errno(err, errno, "%s", path);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : error_errno(err, errno, "%s", path);
}

static int write_whole(int tls, const char *name, mode_t mode, const char *bytes, size_t length,
                       struct error *err)
{
    char temporary[64];
    (void)snprintf(temporary, sizeof(temporary), ".%s.new", name);
    (void)unlinkat(tls, temporary, 0);
    CLEANUP_CLOSE int fd = openat(tls, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || fchmod(fd, mode) < 0 ||
        fsync(fd) < 0 || renameat(tls, temporary, tls, name) < 0 || fsync(tls) < 0) {
        return error_errno(err, errno, "%s", name);
    }
    return 0;
}

static int save_bio(int tls, const char *name, mode_t mode, BIO *bio, bool written,
                    struct error *err)
{
    char *bytes = NULL;
    long length = BIO_get_mem_data(bio, &bytes);
    if (!written || length <= 0) {
        return error_set(err, ERROR_INTERNAL, "%s: cannot be encoded", name);
    }
    int result = write_whole(tls, name, mode, bytes, (size_t)length, err);
    OPENSSL_cleanse(bytes, (size_t)length); // it may be a key
    return result;
}

static int save_key(int tls, const char *name, mode_t mode, EVP_PKEY *key, struct error *err)
{
    CLEANUP(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    return bio ? save_bio(tls, name, mode, bio, written, err)
               : error_set(err, ERROR_IO, "out of memory");
}

static int save_certificate(int tls, const char *name, X509 *certificate, struct error *err)
{
    CLEANUP(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio && PEM_write_bio_X509(bio, certificate) == 1;
    return bio ? save_bio(tls, name, 0644, bio, written, err)
               : error_set(err, ERROR_IO, "out of memory");
}

static BIO *load_file(int tls, const char *name, struct error *err)
{
    CLEANUP_CLOSE int fd = openat(tls, name, O_RDONLY | O_CLOEXEC);
    char bytes[FILE_MAX];
    ssize_t length = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
    if (length < 0) {
        (void)error_errno(err, errno, "%s", name);
        return NULL;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && BIO_write(bio, bytes, (int)length) != (int)length) {
        BIO_free(bio);
        bio = NULL;
    }
    explicit_bzero(bytes, sizeof(bytes));
    if (!bio) {
        (void)error_set(err, ERROR_IO, "out of memory");
    }
    return bio;
}

static X509 *load_certificate(int tls, const char *name, struct error *err)
{
    CLEANUP(cleanup_bio) BIO *bio = load_file(tls, name, err);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (bio && !certificate) {
        (void)error_set(err, ERROR_IO, "%s: not a certificate in PEM", name);
    }
    return certificate;
}

static EVP_PKEY *load_key(int tls, const char *name, struct error *err)
{
    CLEANUP(cleanup_bio) BIO *bio = load_file(tls, name, err);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    if (bio && !key) {
        (void)error_set(err, ERROR_IO, "%s: not a private key in PEM", name);
    }
    return key;
}

static int init_files(int tls, const struct ca_sans *sans, struct error *err)
{
    CLEANUP(cleanup_key) EVP_PKEY *root_key = ca_make_key(err);
    CLEANUP(cleanup_x509) X509 *root = root_key ? ca_make_root(root_key, err) : NULL;
    CLEANUP(cleanup_key) EVP_PKEY *server_key = root ? ca_make_key(err) : NULL;
    CLEANUP(cleanup_x509)
    X509 *server = server_key ? ca_make_server(root, root_key, server_key, sans, err) : NULL;
    if (!server) {
        return -1;
    }
    int result = save_key(tls, "ca.key", 0600, root_key, err);
    if (result == 0) {
        result = save_key(tls, "server.key", 0640, server_key, err);
    }
    if (result == 0) {
        result = save_certificate(tls, "server.crt", server, err);
    }
    return result == 0 ? save_certificate(tls, "ca.crt", root, err) : result;
}

int cmd_ca_init(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    struct ca_options ca = {0};
    if (parse(argc, argv, &ca, init_usage, err) != 0) {
        return EXIT_USAGE;
    }
    if (ca.sans.count == 0) {
        return usage_error(err, init_usage);
    }
    CLEANUP_CLOSE int tls = open_tls(ca.dir, true, err);
    if (tls < 0) {
        return EXIT_FAILED;
    }
    if (faccessat(tls, "ca.crt", F_OK, 0) == 0) {
        (void)error_set(err, ERROR_CONFLICT,
                        "%s/tls has a CA already: `ca renew` makes a new server certificate",
                        ca.dir);
        return EXIT_FAILED;
    }
    return init_files(tls, &ca.sans, err) < 0 ? EXIT_FAILED : 0;
}

static int renew_files(int tls, struct ca_sans *sans, X509 *old, struct error *err)
{
    char *kept[CA_SANS_MAX] = {0};
    size_t kept_count = 0;
    if (sans->count == 0) {
        kept_count = ca_server_sans(old, kept);
        for (size_t i = 0; i < kept_count; i++) {
            sans->items[sans->count++] = kept[i];
        }
    }
    CLEANUP(cleanup_x509) X509 *root = load_certificate(tls, "ca.crt", err);
    CLEANUP(cleanup_key) EVP_PKEY *root_key = root ? load_key(tls, "ca.key", err) : NULL;
    CLEANUP(cleanup_key) EVP_PKEY *server_key = root_key ? load_key(tls, "server.key", err) : NULL;
    CLEANUP(cleanup_x509)
    X509 *server = server_key ? ca_make_server(root, root_key, server_key, sans, err) : NULL;
    int result = server ? save_certificate(tls, "server.crt", server, err) : -1;
    for (size_t i = 0; i < kept_count; i++) {
        free(kept[i]);
    }
    return result;
}

int cmd_ca_renew(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    struct ca_options ca = {0};
    if (parse(argc, argv, &ca, renew_usage, err) != 0) {
        return EXIT_USAGE;
    }
    CLEANUP_CLOSE int tls = open_tls(ca.dir, false, err);
    CLEANUP(cleanup_x509) X509 *old = tls >= 0 ? load_certificate(tls, "server.crt", err) : NULL;
    if (!old) {
        return EXIT_FAILED;
    }
    int days = ca_days_left(old);
    if (ca.within_days > 0 && days >= ca.within_days) {
        printf("the server's certificate has %d days left: kept\n", days);
        return 0;
    }
    return renew_files(tls, &ca.sans, old, err) < 0 ? EXIT_FAILED : 0;
}

static void time_text(const ASN1_TIME *time, char *text, size_t size)
{
    struct tm parts;
    text[0] = '\0';
    if (ASN1_TIME_to_tm(time, &parts) == 1) {
        (void)strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
}

static json_t *describe(X509 *certificate)
{
    char subject[256];
    char from[32];
    char until[32];
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned length = 0;
    (void)X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof(subject));
    time_text(X509_get0_notBefore(certificate), from, sizeof(from));
    time_text(X509_get0_notAfter(certificate), until, sizeof(until));
    if (X509_digest(certificate, EVP_sha256(), digest, &length) == 1) {
        for (unsigned i = 0; i < length; i++) {
            (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        }
    }
    json_t *names = json_array();
    char *sans[CA_SANS_MAX];
    size_t count = ca_server_sans(certificate, sans);
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(names, json_string(sans[i]));
        free(sans[i]);
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o}", "subject", subject, "not_before", from,
                     "not_after", until, "days_left", ca_days_left(certificate), "sha256", hex,
                     "names", names);
}

static void print_certificate(const char *title, const json_t *shown)
{
    const json_t *names = json_object_get(shown, "names");
    printf("%s\n  subject     %s\n  not before  %s\n  not after   %s (%d days)\n  SHA-256     %s\n",
           title, api_text(shown, "subject"), api_text(shown, "not_before"),
           api_text(shown, "not_after"),
           (int)json_integer_value(json_object_get(shown, "days_left")), api_text(shown, "sha256"));
    for (size_t i = 0; i < json_array_size(names); i++) {
        printf("  name        %s\n", json_string_value(json_array_get(names, i)));
    }
}

int cmd_ca_show(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    struct ca_options ca = {0};
    if (parse(argc, argv, &ca, show_usage, err) != 0) {
        return EXIT_USAGE;
    }
    CLEANUP_CLOSE int tls = open_tls(ca.dir, false, err);
    CLEANUP(cleanup_x509) X509 *root = tls >= 0 ? load_certificate(tls, "ca.crt", err) : NULL;
    CLEANUP(cleanup_x509) X509 *server = root ? load_certificate(tls, "server.crt", err) : NULL;
    if (!server) {
        return EXIT_FAILED;
    }
    CLEANUP_JSON json_t *shown =
        json_pack("{s:o, s:o}", "ca", describe(root), "server", describe(server));
    if (ctl->json) {
        api_print(shown);
    } else {
        print_certificate("CA", json_object_get(shown, "ca"));
        print_certificate("server", json_object_get(shown, "server"));
    }
    return 0;
}
