// SPDX-License-Identifier: Apache-2.0
#pragma once

// Text of agents on its way into logs.db. Threads: the loop's.

struct exchange;
struct statusd;
struct web_request;

// The exchange's body becomes a line; then 204, and the exchange is freed.
void lines_store(struct exchange *exchange, char level);

// A line of an agent that needs no transaction of its own.
void lines_store_light(struct web_request *request, struct statusd *daemon, char level);
