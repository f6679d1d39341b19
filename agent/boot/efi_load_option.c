// SPDX-License-Identifier: Apache-2.0

// Encoding and decoding boot entries. Used by boot_entry.c.

#include "agent/boot/efi_load_option.h"

#include "base/bytes.h"

#include <string.h>

enum {
    ATTRIBUTE_ACTIVE = 1,

    NODE_HEADER = 4,
    NODE_MESSAGING = 0x03,
    NODE_MEDIA = 0x04,
    NODE_END = 0x7F,

    MESSAGING_MAC = 0x0B,
    MESSAGING_IPV4 = 0x0C,
    MESSAGING_IPV6 = 0x0D,
    MESSAGING_URI = 0x18,

    MEDIA_HARD_DRIVE = 0x01,
    MEDIA_FILE = 0x04,
    HARD_DRIVE_BYTES = 42,
    FORMAT_GPT = 2,
    SIGNATURE_GUID = 2,

    END_ENTIRE = 0xFF,
};

// ASCII to UTF-16LE with its NUL; the bytes used.
static size_t put_text(uint8_t *bytes, const char *text)
{
    size_t length = strlen(text) + 1;
    for (size_t i = 0; i < length; i++) {
        put_le16(bytes + i * 2, (uint8_t)text[i]);
    }
    return length * 2;
}

static void put_node(uint8_t *bytes, uint8_t type, uint8_t subtype, size_t length)
{
    bytes[0] = type;
    bytes[1] = subtype;
    put_le16(bytes + 2, (uint16_t)length);
}

int efi_option_encode(const struct efi_file_option *file, uint8_t option[EFI_OPTION_MAX],
                      struct error *err)
{
    size_t description = (strlen(file->description) + 1) * 2;
    size_t path = NODE_HEADER + (strlen(file->file) + 1) * 2;
    if (strlen(file->description) >= EFI_DESCRIPTION_SIZE || strlen(file->file) > 1024) {
        return error_set(err, ERROR_TOO_LARGE, "the boot entry's texts are too long");
    }
    size_t list = HARD_DRIVE_BYTES + path + NODE_HEADER;
    put_le32(option, ATTRIBUTE_ACTIVE);
    put_le16(option + 4, (uint16_t)list);
    put_text(option + 6, file->description);

    uint8_t *node = option + 6 + description;
    put_node(node, NODE_MEDIA, MEDIA_HARD_DRIVE, HARD_DRIVE_BYTES);
    put_le32(node + 4, file->partition_number);
    put_le64(node + 8, file->partition_start);
    put_le64(node + 16, file->partition_sectors);
    memcpy(node + 24, file->partition_guid, 16);
    node[40] = FORMAT_GPT;
    node[41] = SIGNATURE_GUID;
    node += HARD_DRIVE_BYTES;

    put_node(node, NODE_MEDIA, MEDIA_FILE, path);
    put_text(node + NODE_HEADER, file->file);
    node += path;

    put_node(node, NODE_END, END_ENTIRE, NODE_HEADER);
    return (int)(6 + description + list);
}

static bool path_is_network(const uint8_t *path, size_t length)
{
    while (length >= NODE_HEADER) {
        size_t node = get_le16(path + 2);
        if (node < NODE_HEADER || node > length || path[0] == NODE_END) {
            break;
        }
        if (path[0] == NODE_MESSAGING && (path[1] == MESSAGING_MAC || path[1] == MESSAGING_IPV4 ||
                                          path[1] == MESSAGING_IPV6 || path[1] == MESSAGING_URI)) {
            return true;
        }
        path += node;
        length -= node;
    }
    return false;
}

int efi_option_decode(const uint8_t *option, size_t length, struct efi_option_view *ret_view,
                      struct error *err)
{
    if (length < 8) {
        return error_set(err, ERROR_UNPROCESSABLE, "a boot entry has only %zu bytes", length);
    }
    struct efi_option_view view = {.active = (get_le32(option) & ATTRIBUTE_ACTIVE) != 0};
    size_t list = get_le16(option + 4);
    size_t at = 6;
    size_t used = 0;
    for (;; at += 2) {
        if (length - at < 2) {
            return error_set(err, ERROR_UNPROCESSABLE, "a boot entry's description has no end");
        }
        uint16_t unit = get_le16(option + at);
        if (unit == 0) {
            break;
        }
        if (used < sizeof(view.description) - 1) {
            view.description[used++] = unit >= 0x20 && unit < 0x7F ? (char)unit : '?';
        }
    }
    at += 2;
    if (list > length - at) {
        return error_set(err, ERROR_UNPROCESSABLE, "a boot entry's device path is cut off");
    }
    view.network = path_is_network(option + at, list);
    *ret_view = view;
    return 0;
}

size_t efi_order_insert(uint16_t *order, size_t count, uint16_t own, bool has_after, uint16_t after)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (order[i] != own) {
            order[kept++] = order[i];
        }
    }
    size_t place = 0;
    for (size_t i = 0; has_after && i < kept; i++) {
        if (order[i] == after) {
            place = i + 1;
            break;
        }
    }
    memmove(order + place + 1, order + place, (kept - place) * sizeof(order[0]));
    order[place] = own;
    return kept + 1;
}
