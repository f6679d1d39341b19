// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which script? The machine is named by MAC, UUID or serial; the answer is always a script (status
// 200), except to a name that is none (400). Every answer is decided and written in one
// transaction, and given after its commit.

struct web_request;

void handle_chain(struct web_request *request, void *context);
void handle_boot_mac(struct web_request *request, void *context);
void handle_boot_uuid(struct web_request *request, void *context);
void handle_boot_serial(struct web_request *request, void *context);
