// SPDX-License-Identifier: MIT
/*
 * An isolated filter, as the pipeline sees it: each instance has a process, which one call at a time goes to.
 *
 * What a call brings about is taken in as a whole, or, when the process is lost in it, not at all, and the call is
 * made again in the next process, after the records that the lost one held. A batch that is the end of three
 * processes in a row is cut in two, and so on, until a single record is left, which goes to the dead letter.
 */
#ifndef ISOLATE_FILTER_H
#define ISOLATE_FILTER_H

#include <weir/plugin.h>

#include "isolate/link.h"

/* The calls of an isolated filter; without flush() and timer() where the plugin has none. */
extern const struct weir_filter_ops isolated_filter_ops;
const struct link *isolated_filter_link(const void *instance);

#endif
