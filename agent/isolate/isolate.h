// SPDX-License-Identifier: MIT
/*
 * `isolate: process`: a filter or an output in a process of its own.
 *
 *   agent (a worker)                      weir isolated ...
 *     flow_run                              the plugin, in a pipeline of one stage
 *       └ isolated_filter ── link ◀══════▶ child ── child_filter ── plugin
 *     delivery_write                         │
 *       └ isolated_output ── link ◀══════▶ child ── child_output ── plugin, loop, HTTP
 *
 * The pipeline sees a plugin as any other (filter.c, output.c); the plugin sees a host as any other
 * (child_services.c). Between them are messages (wire.h), batches in shared memory (image.h), and lists of what the
 * plugin did (did.h).
 */
#ifndef ISOLATE_ISOLATE_H
#define ISOLATE_ISOLATE_H

/* Has pipelines of this process run such stages. Before the first is created. */
void isolate_offer(void);
/* Whether this process has been started as one of an isolated plugin. */
int isolate_is_child(int argc, char **argv);
/* Is one, to its end; returns its exit status. */
int isolate_child(int argc, char **argv);

#endif
