// SPDX-License-Identifier: Apache-2.0
// Reading manifests. Called by manifest_fetch.c and resolve.c with bytes whose digest was checked.

#include "manifest.h"

#include "base/json.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>

enum { ENTRIES_MAX = 1000 };

static const char oci_manifest[] = "application/vnd.oci.image.manifest.v1+json";
static const char oci_index[] = "application/vnd.oci.image.index.v1+json";

const char manifest_accept[] =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json";

// A whole disk; what follows says the format ("application/vnd.bootyard.disk.raw+zstd").
static const char disk_type[] = "application/vnd.bootyard.disk";

static json_t *load(const char *bytes, size_t length, struct error *err)
{
    json_error_t problem;
    json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(root)) {
        json_decref(root);
        error_set(err, ERROR_UNPROCESSABLE, "the manifest is not a JSON object");
        return NULL;
    }
    return root;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

// Visible ASCII that fits, else nothing: it goes into headers and replies.
static void copy_media_type(char media_type[MEDIA_TYPE_SIZE], const char *text)
{
    bool clean = strlen(text) < MEDIA_TYPE_SIZE;
    for (const char *c = text; clean && *c; c++) {
        clean = *c > ' ' && *c < 0x7f;
    }
    snprintf(media_type, MEDIA_TYPE_SIZE, "%s", clean ? text : "");
}

int manifest_read_kind(const char *bytes, size_t length, enum manifest_kind *ret_kind,
                       char media_type[MEDIA_TYPE_SIZE], struct error *err)
{
    CLEANUP_JSON json_t *root = load(bytes, length, err);
    if (!root) {
        return -1;
    }
    bool index = json_is_array(json_object_get(root, "manifests"));
    bool image = json_is_array(json_object_get(root, "layers"));
    if (index == image) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "the manifest is neither an image's nor an index");
    }
    *ret_kind = index ? MANIFEST_INDEX : MANIFEST_IMAGE;
    copy_media_type(media_type, text_of(root, "mediaType"));
    if (!media_type[0]) {
        snprintf(media_type, MEDIA_TYPE_SIZE, "%s", index ? oci_index : oci_manifest);
    }
    return 0;
}

static const char *normal_arch(const char *arch)
{
    if (strcmp(arch, "x86_64") == 0) {
        return "amd64";
    }
    return strcmp(arch, "aarch64") == 0 ? "arm64" : arch;
}

static bool entry_fits(const json_t *entry, const char *arch)
{
    const json_t *platform = json_object_get(entry, "platform");
    const char *system = text_of(platform, "os");
    return strcmp(normal_arch(text_of(platform, "architecture")), normal_arch(arch)) == 0 &&
           (!*system || strcmp(system, "linux") == 0);
}

int manifest_choose_platform(const char *bytes, size_t length, const char *arch,
                             char digest[DIGEST_TEXT_SIZE], struct error *err)
{
    CLEANUP_JSON json_t *root = load(bytes, length, err);
    if (!root) {
        return -1;
    }
    const json_t *entries = json_object_get(root, "manifests");
    size_t count = json_array_size(entries);
    const json_t *chosen = NULL;
    for (size_t i = 0; i < count && i < ENTRIES_MAX && !chosen; i++) {
        const json_t *entry = json_array_get(entries, i);
        if (entry_fits(entry, arch)) {
            chosen = entry;
        }
    }
    if (!chosen && count == 1 && !json_object_get(json_array_get(entries, 0), "platform")) {
        chosen = json_array_get(entries, 0);
    }
    if (!chosen) {
        return error_set(err, ERROR_NOT_FOUND,
                         "the index has no manifest for the architecture %.40s", arch);
    }
    const char *text = text_of(chosen, "digest");
    if (!digest_is_valid(text)) {
        return error_set(err, ERROR_UNPROCESSABLE,
                         "the index names a manifest without a sha256 digest");
    }
    memcpy(digest, text, DIGEST_TEXT_SIZE);
    return 0;
}

static bool type_is(const char *type, const char *wanted)
{
    size_t length = strlen(wanted);
    return strncmp(type, wanted, length) == 0 &&
           (!type[length] || type[length] == '+' || type[length] == ';');
}

static bool layer_fits(const json_t *layer, const char *media_type)
{
    const char *type = text_of(layer, "mediaType");
    if (media_type && *media_type) {
        return type_is(type, media_type);
    }
    size_t length = sizeof(disk_type) - 1;
    return strncmp(type, disk_type, length) == 0 && (!type[length] || strchr(".+;", type[length]));
}

static int ambiguous(const json_t *layers, size_t fitting, struct error *err)
{
    struct strbuf list;
    strbuf_init(&list, 300);
    for (size_t i = 0; i < json_array_size(layers) && i < 4; i++) {
        strbuf_printf(&list, "%s%.80s", i ? ", " : "",
                      text_of(json_array_get(layers, i), "mediaType"));
    }
    error_set(err, ERROR_UNPROCESSABLE, "which layer is the disk? %zu of %zu fit; there are: %s",
              fitting, json_array_size(layers), strbuf_text(&list));
    strbuf_fini(&list);
    return -1;
}

static int read_layer(const json_t *layer, struct manifest_layer *ret_layer, struct error *err)
{
    const char *digest = text_of(layer, "digest");
    json_int_t size = json_integer_value(json_object_get(layer, "size"));
    if (!digest_is_valid(digest) || size <= 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "the layer has no sha256 digest, or no size");
    }
    memcpy(ret_layer->digest, digest, DIGEST_TEXT_SIZE);
    ret_layer->size = size;
    copy_media_type(ret_layer->media_type, text_of(layer, "mediaType"));
    return 0;
}

int manifest_choose_layer(const char *bytes, size_t length, const char *media_type,
                          struct manifest_layer *ret_layer, struct error *err)
{
    CLEANUP_JSON json_t *root = load(bytes, length, err);
    if (!root) {
        return -1;
    }
    const json_t *layers = json_object_get(root, "layers");
    size_t count = json_array_size(layers);
    if (count == 0 || count > ENTRIES_MAX) {
        return error_set(err, ERROR_UNPROCESSABLE, "the manifest has %zu layers", count);
    }
    const json_t *chosen = NULL;
    size_t fitting = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *layer = json_array_get(layers, i);
        if (layer_fits(layer, media_type)) {
            chosen = layer;
            fitting++;
        }
    }
    if (fitting == 0 && count == 1 && !(media_type && *media_type)) {
        chosen = json_array_get(layers, 0);
        fitting = 1;
    }
    return fitting == 1 ? read_layer(chosen, ret_layer, err) : ambiguous(layers, fitting, err);
}
