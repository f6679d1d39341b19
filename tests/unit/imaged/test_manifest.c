// SPDX-License-Identifier: Apache-2.0
// Which manifest of an index, which layer of a manifest.

#include "../../../daemons/imaged/manifest.h"
#include "../tap.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define LAYER(type, digest, size)                                                                  \
    "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":" size "}"
#define DISK "application/vnd.bootyard.disk.raw+zstd"
#define OTHER "application/vnd.example.notes"

static int layer_of(const char *text, const char *type, struct manifest_layer *layer,
                    struct error *err)
{
    return manifest_choose_layer(text, strlen(text), type, layer, err);
}

static void test_layers(void)
{
    struct manifest_layer layer = {.size = 0};
    struct error err = {.message = ""};
    ok(layer_of("{\"layers\":[" LAYER(OTHER, A, "7") "]}", NULL, &layer, &err) == 0,
       "the only layer");
    is_text(layer.digest, A, "is it");
    ok(layer.size == 7, "with its size");
    ok(layer_of("{\"layers\":[" LAYER(OTHER, A, "7") "," LAYER(DISK, B, "8") "]}", "", &layer,
                &err) == 0,
       "the one that is a disk");
    is_text(layer.digest, B, "is it");
    is_text(layer.media_type, DISK, "with its type");
    ok(layer_of("{\"layers\":[" LAYER(OTHER, A, "7") "," LAYER(DISK, B, "8") "]}", OTHER, &layer,
                &err) == 0,
       "the one that was asked for");
    is_text(layer.digest, A, "is it");
    ok(layer_of("{\"layers\":[" LAYER(DISK, B, "8") "]}", "application/vnd.bootyard.disk.raw",
                &layer, &err) == 0,
       "a type without its compression");
    static const char *const bad[] = {
        "{\"layers\":[]}",
        "{\"layers\":[" LAYER(DISK, A, "7") "," LAYER(DISK, B, "8") "]}",
        "{\"layers\":[" LAYER(OTHER, A, "7") "," LAYER(OTHER, B, "8") "]}",
        "{\"layers\":[" LAYER("application/vnd.bootyard.diskette", A, "7") "," LAYER(OTHER, B,
                                                                                     "8") "]}",
        "{\"layers\":[" LAYER(DISK, "sha256:../../x", "7") "]}",
        "{\"layers\":[" LAYER(DISK, A, "0") "]}",
        "{\"layers\":[" LAYER(DISK, A, "-1") "]}",
        "{\"layers\":[" LAYER(DISK, A, "\"7\"") "]}",
        "{\"layers\":[1]}",
        "{\"layers\":{}}",
        "[]",
        "nonsense",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(layer_of(bad[i], NULL, &layer, &err) < 0 && err.code == ERROR_UNPROCESSABLE, "%s: %s",
           bad[i], err.message);
    }
}

static void test_platforms(void)
{
    static const char index[] =
        "{\"manifests\":[{\"digest\":\"" A
        "\",\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\"}},"
        "{\"digest\":\"sha256:x\",\"platform\":{\"architecture\":\"amd64\",\"os\":\"windows\"}},"
        "{\"digest\":\"" B "\",\"platform\":{\"architecture\":\"amd64\",\"os\":\"linux\"}}]}";
    static const char single[] = "{\"manifests\":[{\"digest\":\"" A "\"}]}";
    char digest[DIGEST_TEXT_SIZE] = "";
    struct error err;
    ok(manifest_choose_platform(index, sizeof(index) - 1, "amd64", digest, &err) == 0, "amd64");
    is_text(digest, B, "on linux");
    ok(manifest_choose_platform(index, sizeof(index) - 1, "aarch64", digest, &err) == 0,
       "the kernel's name");
    is_text(digest, A, "is arm64");
    ok(manifest_choose_platform(index, sizeof(index) - 1, "riscv64", digest, &err) < 0 &&
           err.code == ERROR_NOT_FOUND,
       "none for others");
    ok(manifest_choose_platform(single, sizeof(single) - 1, "riscv64", digest, &err) == 0,
       "a single one without a platform is for all");
}

static void test_kinds(void)
{
    enum manifest_kind kind = MANIFEST_IMAGE;
    char type[MEDIA_TYPE_SIZE];
    struct error err;
    ok(manifest_read_kind("{\"manifests\":[]}", 16, &kind, type, &err) == 0 &&
           kind == MANIFEST_INDEX,
       "an index");
    is_text(type, "application/vnd.oci.image.index.v1+json", "has OCI's type if it does not say");
    static const char evil[] = "{\"layers\":[],\"mediaType\":\"text/html\\r\\nX: y\"}";
    ok(manifest_read_kind(evil, sizeof(evil) - 1, &kind, type, &err) == 0 && kind == MANIFEST_IMAGE,
       "a manifest");
    is_text(type, "application/vnd.oci.image.manifest.v1+json", "whose type cannot break a header");
    ok(manifest_read_kind("{}", 2, &kind, type, &err) < 0, "neither");
    ok(manifest_read_kind("{\"layers\":[],\"manifests\":[]}", 28, &kind, type, &err) < 0,
       "nor both");
}

int main(void)
{
    test_layers();
    test_platforms();
    test_kinds();
    return done();
}
