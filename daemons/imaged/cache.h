// SPDX-License-Identifier: Apache-2.0
#pragma once

// The image cache on disk: <images_dir>/blobs/sha256/<hex>, each file whole and proven, because it
// came there by a rename after its digest matched and its bytes were flushed.
// <images_dir>/partial/<hex> is what is being written. A file name is made of a parsed digest,
// never of text from the wire. The file is the truth; the machine DB's index (blob.h of
// common/store) says when it was last used and where it came from. Threads: the loop's, but for
// cache_publish and cache_write, which block.
//
// Eviction, pins and the scrub belong here (a later issue).

#include "base/bytes.h"
#include "base/error.h"

#include <stdint.h>

struct cache;
struct store;

// Makes the folders; forgets partial files that this boot of the host did not write, whose last
// bytes may never have reached the disk, and old ones.
struct cache *cache_new(const char *images_dir, struct store *store, struct error *err);
struct cache *cache_free(struct cache *cache);

// A proven file for reading. ERROR_NOT_FOUND if it is not there. Notes that it was used.
int cache_open(struct cache *cache, const char *digest, int *ret_fd, uint64_t *ret_size,
               struct error *err);
// Index a file that was just published, with where it came from ("host/repository").
void cache_note(struct cache *cache, const char *digest, uint64_t size, const char *repository);

// The partial file of a digest, kept or new, for reading and writing, and how many bytes it has.
int cache_open_partial(struct cache *cache, const char *digest, int *ret_fd, uint64_t *ret_size,
                       struct error *err);
void cache_drop_partial(struct cache *cache, const char *digest);

// Flush the partial file and move it to its place. Blocks: pool threads only.
int cache_publish(const struct cache *cache, const char *digest, int fd, struct error *err);
// Small contents whose digest was proven in memory (manifests). Blocks.
int cache_write(const struct cache *cache, const char *digest, const void *bytes, size_t length,
                struct error *err);

// ERROR_UNAVAILABLE unless `bytes` more fit and `keep_free` stay.
int cache_check_room(const struct cache *cache, uint64_t bytes, uint64_t keep_free,
                     struct error *err);
