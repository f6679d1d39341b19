// SPDX-License-Identifier: Apache-2.0
#pragma once

// Log lines lie in a file of their own, which no foreign key reaches: those of machines that were
// deleted go here. Threads: the loop's.

struct store;

void tidy_logs(struct store *store);
