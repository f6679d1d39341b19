// SPDX-License-Identifier: Apache-2.0
#pragma once

// GET and HEAD of a manifest; handle_v2.c has read the path and asked for leave.

struct imaged;
struct reference;
struct web_request;

void handle_manifest(struct imaged *daemon, struct web_request *request,
                     const struct reference *reference);
