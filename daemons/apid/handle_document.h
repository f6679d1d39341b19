// SPDX-License-Identifier: Apache-2.0
#pragma once

// The API's own description, docs/openapi.yaml, as this daemon was built with it.

struct web_request;

void handle_document_get(struct web_request *request, void *context);
