// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deployments whose image's name nobody could resolve when they were made: imaged is asked again
// (GET <url>/resolve?ref=<name>&arch=<arch>) whenever the machine asks for its script, and what it
// says is pinned. Threads: the loop's.

#include "base/error.h"

#include <stdbool.h>

struct bootd;
struct deployment;
struct resolver;

enum { RESOLVER_TEXT_SIZE = 300 };

struct resolver *resolver_new(struct bootd *daemon, struct error *err);
struct resolver *resolver_free(struct resolver *resolver); // returns NULL; NULL allowed

// True when the deployment's image cannot be handed out before it is resolved.
bool resolver_is_needed(const struct deployment *deployment);
// Asks, unless that is under way or was a moment ago; `text` says how it stands, for a script.
void resolver_ask(struct resolver *resolver, const struct deployment *deployment, const char *arch,
                  char text[RESOLVER_TEXT_SIZE]);
