// SPDX-License-Identifier: Apache-2.0
#pragma once

// GET /resolve?ref=oci://host[:port]/repository[:tag][@digest]&arch=amd64[&media_type=…]: which
// layer is the disk, and where to fetch it. apid asks when a deployment is made, and pins what it
// is told.

struct web_request;

void handle_resolve(struct web_request *request, void *context);
