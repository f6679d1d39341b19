// SPDX-License-Identifier: Apache-2.0
#pragma once

// The documents that say where everything is: versions, service root, OData service document.

struct web_request;

void handle_versions(struct web_request *request, void *context);
void handle_root(struct web_request *request, void *context);
void handle_odata(struct web_request *request, void *context);
