// SPDX-License-Identifier: Apache-2.0
// efi_load_option.c: variables as this machine's firmware, or whoever wrote them before us, left them. Input: flags, two
// numbers, then an option's bytes, which are also taken for a boot order.

#include "agent/boot/efi_load_option.h"
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { PREFIX = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_order(const uint8_t *bytes, size_t length, bool has_after, uint16_t own, uint16_t after)
{
    size_t count = length / 2 < EFI_ORDER_MAX ? length / 2 : EFI_ORDER_MAX;
    uint16_t *order = malloc((count + 1) * sizeof(*order));
    if (!order) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = get_le16(bytes + 2 * i);
    }
    size_t now = efi_order_insert(order, count, own, has_after, after);
    size_t mentions = 0;
    for (size_t i = 0; i < now; i++) {
        mentions += order[i] == own;
    }
    if (now > count + 1 || mentions != 1) {
        abort();
    }
    free(order);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct efi_option_view view;
    if (length < PREFIX) {
        return 0;
    }
    const uint8_t *option = bytes + PREFIX;
    if (efi_option_decode(option, length - PREFIX, &view, NULL) == 0) {
        size_t text = strnlen(view.description, sizeof(view.description));
        if (text == sizeof(view.description)) {
            abort();
        }
        for (size_t i = 0; i < text; i++) {
            if (view.description[i] < 0x20 || view.description[i] > 0x7E) {
                abort();
            }
        }
    }
    check_order(option, length - PREFIX, bytes[0] & 1, get_le16(bytes + 1), get_le16(bytes + 3));
    return 0;
}
