// SPDX-License-Identifier: MIT
/*
 * An isolated output, as the pipeline sees it. A thread waits for what the process says, and starts another when
 * it is lost: deliveries without outcome go to that one again. What the lost one may have sent is sent again
 * then, and counted as repeated; it is no more than what was in flight.
 *
 * When three processes in a row end without any outcome between, deliveries go one at a time; the one that ends
 * a process by itself goes in parts, ever smaller ones, until a single record is left, which goes to the dead
 * letter.
 */
#ifndef ISOLATE_OUTPUT_H
#define ISOLATE_OUTPUT_H

#include <weir/plugin.h>

#include "isolate/link.h"

/* The calls of an isolated output; flush() is one in any case, for the last words of an HTTP client. */
extern const struct weir_output_ops isolated_output_ops;
const struct link *isolated_output_link(const void *instance);

#endif
