// SPDX-License-Identifier: Apache-2.0
// The image's whole way into a file that stands for a disk and was full of 0xA5: every byte is
// compared afterwards. The server is a function that sends from memory and cuts, lies or refuses as
// the case wants.

#include "agent/image/stream.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

enum {
    MIB = 1024 * 1024,
    IMAGE_BYTES = 12 * MIB + 3000,
    DISK_BYTES = 16 * MIB + 512 * 5,
    PIECE = 4096
};

static uint8_t *image; // IMAGE_BYTES, with runs of zeros
static char disk_path[] = "image-disk.XXXXXX";

// --- the server

struct server {
    const uint8_t *bytes;
    size_t length;
    size_t cut_every; // bytes per connection, 0: all
    bool no_ranges;   // answers 200 whatever was asked
    bool no_length;   // does not say how long
    int refuse_first; // so many requests get 503
    int silent_first; // so many get no answer at all
    int status;       // other than 0: for everything
    int requests;
    int range_requests;
    int proving_requests; // that said so to the server
    uint64_t sent;
    bool changed; // another entity from the second request on
};

static struct server server;
static atomic_bool stopped;

static int server_perform(const struct http_request *request, struct http_response *ret_response,
                          struct error *err)
{
    server.requests++;
    if (strcmp(request->url, "http://dead/") == 0) {
        return error_set(err, ERROR_UPSTREAM, "nobody there");
    }
    if (server.silent_first > 0) {
        server.silent_first--;
        return error_set(err, ERROR_TIMEOUT, "no answer");
    }
    struct http_response head = {.status = 200, .content_length = (int64_t)server.length};
    snprintf(head.etag, sizeof(head.etag), "\"%d\"", server.changed ? server.requests : 1);
    if (server.status != 0 || server.refuse_first > 0) {
        server.refuse_first--;
        head.status = server.status != 0 ? server.status : 503;
        request->on_head(request->context, &head, err);
        request->on_data(request->context, "come back later", 15, err);
        *ret_response = head;
        return 0;
    }
    size_t start = 0;
    bool same = !request->if_range || strcmp(request->if_range, head.etag) == 0;
    if (request->range_start > 0 && !server.no_ranges && same) {
        start = (size_t)request->range_start;
        head.status = 206;
        server.range_requests++;
        server.proving_requests += request->proves_whole;
    }
    head.total_length = server.no_length ? -1 : (int64_t)server.length;
    head.content_length = server.no_length ? -1 : (int64_t)(server.length - start);
    if (request->on_head(request->context, &head, err) < 0) {
        return -1;
    }
    size_t end = server.cut_every ? start + server.cut_every : server.length;
    end = end < server.length ? end : server.length;
    for (size_t at = start; at < end; at += PIECE) {
        size_t part = end - at < PIECE ? end - at : PIECE;
        server.sent += part;
        if (request->on_data(request->context, server.bytes + at, part, err) < 0) {
            return -1;
        }
    }
    *ret_response = head;
    return end < server.length ? error_set(err, ERROR_UPSTREAM, "the connection was cut") : 0;
}

static int writes_allowed; // by the disk's own guard, which is asked before each; negative: all

static bool disk_is_stopped(void *context)
{
    (void)context;
    return writes_allowed >= 0 && writes_allowed-- == 0;
}

static bool is_stopped(void *context)
{
    return atomic_load(&stopped);
}

// --- material

static void make_image(void)
{
    writes_allowed = -1;
    image = malloc(IMAGE_BYTES);
    uint32_t seed = 1;
    for (size_t i = 0; i < IMAGE_BYTES; i++) {
        seed = seed * 1664525 + 1013904223;
        image[i] = (uint8_t)(seed >> 24);
    }
    memset(image + 2 * MIB - 70000, 0, 3 * MIB); // zeros over several pieces, not aligned
    memset(image + 6 * MIB, 0, 65536);
    memset(image + 7 * MIB + 100, 0, 65536); // nearly a whole block
    memset(image + 9 * MIB, 0, 2 * MIB);
}

static uint8_t *gzip_bytes(const uint8_t *data, size_t length, size_t *ret_length)
{
    z_stream stream = {0};
    deflateInit2(&stream, 1, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY);
    size_t bound = deflateBound(&stream, length);
    uint8_t *out = malloc(bound);
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)length;
    stream.next_out = out;
    stream.avail_out = (uInt)bound;
    deflate(&stream, Z_FINISH);
    *ret_length = stream.total_out;
    deflateEnd(&stream);
    return out;
}

static uint8_t *zstd_bytes(const uint8_t *data, size_t length, size_t *ret_length)
{
    size_t bound = ZSTD_compressBound(length);
    uint8_t *out = malloc(bound);
    *ret_length = ZSTD_compress(out, bound, data, length, 1);
    return out;
}

// Two streams one after another, as multi-member gzip and multi-frame zstd are.
static uint8_t *twice(uint8_t *(*pack)(const uint8_t *, size_t, size_t *), size_t *ret_length)
{
    size_t first = 0;
    size_t second = 0;
    uint8_t *a = pack(image, 5 * MIB, &first);
    uint8_t *b = pack(image + 5 * MIB, IMAGE_BYTES - 5 * MIB, &second);
    a = realloc(a, first + second);
    memcpy(a + first, b, second);
    free(b);
    *ret_length = first + second;
    return a;
}

// --- one run

struct run {
    struct image_expectation expect;
    const char *urls[3];
    struct error err;
    struct held held;
    uint64_t progress;
    uint32_t sector_size; // 0: 512
};

static uint64_t last_progress;

static void on_progress(void *context, uint64_t bytes)
{
    last_progress = bytes;
}

static void fill_disk(uint64_t size)
{
    uint8_t *dirt = malloc(MIB);
    memset(dirt, 0xA5, MIB);
    int fd = open(disk_path, O_WRONLY | O_TRUNC);
    for (uint64_t at = 0; at < size; at += MIB) {
        size_t part = size - at < MIB ? (size_t)(size - at) : MIB;
        if (pwrite(fd, dirt, part, (off_t)at) != (ssize_t)part) {
            bail("cannot fill the disk");
        }
    }
    close(fd);
    free(dirt);
}

static int run(struct run *run, uint64_t disk_size)
{
    fill_disk(disk_size);
    struct image_fetch fetch = {
        .perform = server_perform,
        .is_stopped = is_stopped,
        .idle_timeout_ms = 1000,
        .silence_max_ms = 400,
        .backoff_ms = 1,
    };
    for (; fetch.url_count < 3 && run->urls[fetch.url_count]; fetch.url_count++) {
        fetch.urls[fetch.url_count] = run->urls[fetch.url_count];
    }
    if (fetch.url_count == 0) {
        fetch.urls[fetch.url_count++] = "http://server/";
    }
    struct device device;
    struct sink sink;
    if (device_open(&device, disk_path, &run->err) < 0 || held_init(&run->held, &run->err) < 0) {
        bail("no disk: %s", run->err.message);
    }
    device.sector_size = run->sector_size ? run->sector_size : device.sector_size;
    device.is_stopped = disk_is_stopped;
    sink_init(&sink, &device, &run->held);
    last_progress = 0;
    struct image_stream *stream = image_stream_open(&fetch, &run->expect, &run->err);
    const uint8_t *head = NULL;
    size_t length = 0;
    int result = stream ? image_stream_head(stream, &head, &length, &run->err) : -1;
    if (result == 0 && image_stream_write(stream, &sink, on_progress, &run->err) < 0) {
        result = -1;
    }
    image_stream_close(stream);
    device_close(&device);
    return result;
}

// Byte for byte: the image in the middle, its ends in memory, the disk's own ends and what lies
// behind untouched.
static bool disk_is_right(const struct run *run, uint64_t disk_size)
{
    uint8_t *disk = malloc(disk_size);
    int fd = open(disk_path, O_RDONLY);
    bool good = pread(fd, disk, disk_size, 0) == (ssize_t)disk_size;
    close(fd);
    uint64_t tail = disk_size - MIB;
    uint64_t sector = run->sector_size ? run->sector_size : 512;
    uint64_t padded = (IMAGE_BYTES + sector - 1) / sector * sector;
    for (uint64_t i = 0; i < disk_size && good; i++) {
        bool held = i < MIB || i >= tail;
        uint8_t in_image = i < IMAGE_BYTES ? image[i] : 0;
        uint8_t expected = held || i >= padded ? 0xA5 : in_image;
        good = disk[i] == expected;
        if (good && i < MIB) {
            good = run->held.head[i] == in_image;
        } else if (good && i >= tail) {
            good = run->held.tail[i - tail] == in_image;
        }
        if (!good) {
            printf("# byte %llu: %02x, expected %02x\n", (unsigned long long)i, disk[i], expected);
        }
    }
    free(disk);
    return good;
}

static void serve(const uint8_t *bytes, size_t length)
{
    server = (struct server){.bytes = bytes, .length = length};
}

static void declare(struct run *run, const char *format, bool served, bool raw)
{
    *run = (struct run){0};
    image_format_parse(format, &run->expect.format, NULL);
    uint8_t digest[64];
    unsigned length = 0;
    if (served) {
        sha256_bytes(server.bytes, server.length, digest);
        digest_format(digest, run->expect.served_digest);
    }
    if (raw) {
        EVP_Digest(image, IMAGE_BYTES, digest, &length, EVP_sha512(), NULL);
        snprintf(run->expect.raw_algorithm, sizeof(run->expect.raw_algorithm), "sha512");
        hex_encode(digest, length, run->expect.raw_hex);
    }
}

static void expect_good(struct run *test, const char *what)
{
    ok(run(test, DISK_BYTES) == 0, "%s: written: %s", what, test->err.message);
    ok(disk_is_right(test, DISK_BYTES), "%s: every byte is right", what);
    ok(last_progress == IMAGE_BYTES, "%s: progress ends at the end", what);
    held_fini(&test->held);
}

static void expect_bad(struct run *test, enum error_code code, const char *text, const char *what)
{
    ok(run(test, DISK_BYTES) < 0 && test->err.code == code && strstr(test->err.message, text),
       "%s: %s", what, test->err.message);
    held_fini(&test->held);
}

static void test_formats(void)
{
    struct run test;
    size_t length = 0;
    serve(image, IMAGE_BYTES);
    declare(&test, "raw", true, false);
    expect_good(&test, "raw");
    ok(server.requests == 1, "raw: in one request");
    declare(&test, "", true, true);
    expect_good(&test, "raw by the lack of a magic, with both digests");

    uint8_t *packed = gzip_bytes(image, IMAGE_BYTES, &length);
    serve(packed, length);
    declare(&test, "gzip", true, false);
    expect_good(&test, "gzip");
    free(packed);
    packed = twice(gzip_bytes, &length);
    serve(packed, length);
    declare(&test, "", true, true);
    expect_good(&test, "gzip of two members by magic");
    free(packed);

    packed = zstd_bytes(image, IMAGE_BYTES, &length);
    serve(packed, length);
    server.no_length = true;
    declare(&test, "", true, true);
    expect_good(&test, "zstd by magic, of unknown length");
    declare(&test, "raw", true, false);
    ok(run(&test, DISK_BYTES) == 0 && memcmp(test.held.head, packed, MIB) == 0,
       "declared raw, it is written as it is");
    held_fini(&test.held);
    free(packed);
    packed = twice(zstd_bytes, &length);
    serve(packed, length);
    declare(&test, "zstd", false, true);
    expect_good(&test, "zstd of two frames");
    free(packed);
}

static void test_damage(void)
{
    struct run test;
    size_t length = 0;
    uint8_t *(*const packers[])(const uint8_t *, size_t, size_t *) = {gzip_bytes, zstd_bytes};
    const char *const names[] = {"gzip", "zstd"};
    for (size_t i = 0; i < 2; i++) {
        uint8_t *packed = packers[i](image, IMAGE_BYTES, &length);
        packed = realloc(packed, length + 64);
        serve(packed, length - 20);
        declare(&test, names[i], true, false);
        expect_bad(&test, ERROR_CORRUPT, "too early", "a stream that was cut before it was served");
        memset(packed + length, 0x5A, 64);
        serve(packed, length + 64);
        declare(&test, names[i], true, false);
        expect_bad(&test, ERROR_CORRUPT, "damaged", "garbage behind the end");
        free(packed);
    }
    serve(image, IMAGE_BYTES);
    declare(&test, "raw", true, false);
    test.expect.served_digest[20] ^= 1;
    expect_bad(&test, ERROR_CORRUPT, "digest", "a wrong digest of the served bytes");
    declare(&test, "raw", false, true);
    test.expect.raw_hex[20] ^= 1;
    expect_bad(&test, ERROR_CORRUPT, "digest", "a wrong digest of the raw bytes");
    serve(image, 0);
    declare(&test, "", false, false);
    expect_bad(&test, ERROR_CORRUPT, "empty", "nothing");
    static const uint8_t xz[6] = {0xFD, '7', 'z', 'X', 'Z', 0};
    serve(xz, sizeof(xz));
    declare(&test, "", false, false);
    expect_bad(&test, ERROR_UNPROCESSABLE, "xz", "a format that we cannot");
    serve(image, IMAGE_BYTES);
    declare(&test, "raw", true, false);
    ok(run(&test, 11 * (uint64_t)MIB) < 0 && test.err.code == ERROR_TOO_LARGE,
       "a disk that is too small: %s", test.err.message);
    held_fini(&test.held);
}

static void test_cuts(void)
{
    struct run test;
    serve(image, IMAGE_BYTES);
    server.cut_every = 700000;
    declare(&test, "raw", true, true);
    expect_good(&test, "cut every 700,000 bytes");
    ok(server.range_requests == 17 && server.sent == IMAGE_BYTES,
       "nothing was sent twice: %d, %llu", server.range_requests, (unsigned long long)server.sent);
    ok(server.proving_requests == 17, "the server was told that a digest is checked here");

    serve(image, IMAGE_BYTES);
    server.cut_every = 700000;
    declare(&test, "raw", false, false);
    expect_good(&test, "without a digest");
    ok(server.proving_requests == 0, "it was not told so");

    serve(image, IMAGE_BYTES);
    server.cut_every = 0;
    server.silent_first = 3;
    server.refuse_first = 3;
    declare(&test, "raw", true, false);
    expect_good(&test, "three silences and three refusals first");

    serve(image, IMAGE_BYTES);
    server.status = 503;
    declare(&test, "raw", true, false);
    expect_bad(&test, ERROR_UPSTREAM, "come back later", "a server that always refuses");
    ok(server.requests == 6, "after six requests: %d", server.requests);

    serve(image, IMAGE_BYTES);
    server.silent_first = 1000000;
    declare(&test, "raw", true, false);
    expect_bad(&test, ERROR_TIMEOUT, "no answer", "a server that never answers");

    serve(image, IMAGE_BYTES);
    server.status = 404;
    declare(&test, "raw", true, false);
    expect_bad(&test, ERROR_UPSTREAM, "404", "no such image");
    ok(server.requests == 1, "which is not asked for again");

    serve(image, IMAGE_BYTES);
    server.cut_every = 5 * MIB;
    declare(&test, "raw", true, false);
    test.urls[0] = "http://dead/";
    test.urls[1] = "http://server/";
    expect_good(&test, "the second mirror");
}

static void test_stubborn_servers(void)
{
    struct run test;
    serve(image, IMAGE_BYTES);
    server.cut_every = 5 * MIB;
    server.no_ranges = true;
    declare(&test, "raw", true, false);
    expect_bad(&test, ERROR_UPSTREAM, "cut", "no ranges, and every connection too short");
    ok(server.range_requests == 0 && server.requests == 7, "is given up: %d", server.requests);

    serve(image, IMAGE_BYTES);
    server.cut_every = 5 * MIB;
    server.changed = true;
    declare(&test, "raw", true, false);
    expect_bad(&test, ERROR_UPSTREAM, "cut", "an entity that changes is not pieced together");

    serve(image, IMAGE_BYTES);
    atomic_store(&stopped, true);
    declare(&test, "raw", true, false);
    expect_bad(&test, ERROR_CONFLICT, "stopped", "told to stop");
    atomic_store(&stopped, false);
}

// Where the disk ends relative to the image, whole MiBs and pages or not.
static void test_sizes(void)
{
    static const uint64_t sizes[] = {
        12 * MIB + 3072,        // the image's last, partial sector is the disk's last
        12 * MIB + 3072 + 512,  // one sector is left
        13 * MIB - 512,         // the image ends within the last MiB
        13 * MIB + 512,         // likewise, by little
        13 * MIB + 3072,        // the last MiB begins behind the image's padding
        13 * MIB + 2560,        // and in the middle of its last sector's page
    };
    struct run test;
    serve(image, IMAGE_BYTES);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        declare(&test, "raw", true, false);
        ok(run(&test, sizes[i]) == 0 && disk_is_right(&test, sizes[i]), "a disk of %llu bytes: %s",
           (unsigned long long)sizes[i], test.err.message);
        held_fini(&test.held);
    }
    declare(&test, "raw", true, false);
    ok(run(&test, 12 * MIB + 2560) < 0 && test.err.code == ERROR_TOO_LARGE,
       "a disk that ends within the image's last sector: %s", test.err.message);
    held_fini(&test.held);
    declare(&test, "raw", true, false);
    test.sector_size = 4096;
    ok(run(&test, 16 * MIB) == 0 && disk_is_right(&test, 16 * MIB), "sectors of 4096 bytes: %s",
       test.err.message);
    held_fini(&test.held);
}

static void test_bomb(void)
{
    enum { BOMB_BYTES = 200 * MIB };
    uint8_t *zeros = calloc(1, BOMB_BYTES);
    size_t length = 0;
    uint8_t *packed = gzip_bytes(zeros, BOMB_BYTES, &length);
    free(zeros);
    serve(packed, length);
    struct run test;
    declare(&test, "gzip", true, false);
    expect_bad(&test, ERROR_TOO_LARGE, "bigger than the disk", "a gzip bomb");
    struct device device;
    ok(device_open(&device, disk_path, &test.err) == 0 && device.size == DISK_BYTES,
       "nothing was written behind the disk's end");
    device_close(&device);
    free(packed);
}

static void test_guard(void)
{
    struct run test;
    serve(image, IMAGE_BYTES);
    bool always = true;
    int stops = 0;
    for (int allowed = 0; allowed < 100; allowed++) {
        writes_allowed = allowed;
        declare(&test, "raw", true, false);
        int result = run(&test, DISK_BYTES);
        held_fini(&test.held);
        if (result == 0) {
            break;
        }
        stops++;
        always = always && test.err.code == ERROR_CONFLICT;
    }
    writes_allowed = -1;
    ok(always && stops > 10 && stops < 100, "told to stop before any of %d writes, it stops", stops);
}

int main(void)
{
    int fd = mkstemp(disk_path);
    if (fd < 0) {
        bail("no disk file");
    }
    close(fd);
    make_image();
    test_formats();
    test_damage();
    test_cuts();
    test_stubborn_servers();
    test_sizes();
    test_bomb();
    test_guard();
    unlink(disk_path);
    free(image);
    return done();
}
