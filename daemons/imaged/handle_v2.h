// SPDX-License-Identifier: Apache-2.0
#pragma once

// The read side of the OCI distribution API: /v2/, /v2/{name…}/manifests/{reference},
// /v2/{name…}/blobs/{digest}. The name begins with the upstream registry; its port may be written
// "_5000", since clients such as skopeo take no ':' in a path. A name without a registry is Docker
// Hub's.

struct web_request;

void handle_v2_version(struct web_request *request, void *context);
void handle_v2(struct web_request *request, void *context);
