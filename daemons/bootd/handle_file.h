// SPDX-License-Identifier: Apache-2.0
#pragma once

// Kernel, initramfs and loader, as the configuration names them. An initramfs whose length is not a
// multiple of 4 is served with zeros behind it: the kernel's EFI stub joins archives without
// padding and would lose the next one.

struct bootd;
struct web_request;

void handle_kernel(struct web_request *request, void *context);
void handle_initramfs(struct web_request *request, void *context);
void handle_loader(struct web_request *request, void *context);

void bootfiles_free(struct bootd *daemon);
