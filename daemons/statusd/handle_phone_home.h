// SPDX-License-Identifier: Apache-2.0
#pragma once

struct web_request;

void handle_phone_home(struct web_request *request, void *context);
