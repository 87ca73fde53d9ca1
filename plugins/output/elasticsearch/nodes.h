// SPDX-License-Identifier: MIT
/*
 * The nodes of a cluster, in turn; one that fails is put aside.
 *
 *     up ──failure──▶ aside ──its time is over: one request goes there──▶ up, or aside for longer
 *
 * While no node is up, requests go to the one whose time is over first. On the loop's thread only.
 */
#ifndef NODES_H
#define NODES_H

#include <weir/plugin.h>

struct node {
	struct weir_slice url;   /* of its _bulk, with the query; owned */
	struct weir_slice place; /* as the user wrote it, for the log; borrowed */
	uint32_t failures;       /* without a success between them; 0 = up */
	uint64_t failed_ns, aside_until_ns;
};

struct nodes {
	const struct weir_services *host;
	struct weir_context *context;
	struct weir_metric *up; /* gauge */
	struct node *list;
	uint32_t count, next;
};

/* An URL for each node: the user's, then `path`. */
int32_t nodes_create(struct nodes *nodes, const struct weir_services *host,
		     struct weir_context *context, const struct weir_node *urls, const char *path,
		     struct weir_error *error);
void nodes_destroy(struct nodes *nodes);
struct node *nodes_pick(struct nodes *nodes);
/* The node that a request was sent to, by its URL. */
struct node *nodes_of(struct nodes *nodes, struct weir_slice url);
/* Of a request that took elapsed_ns. Those that were under way together count as one failure. */
void nodes_failed(struct nodes *nodes, struct node *node, uint64_t elapsed_ns,
		  struct weir_slice why);
void nodes_worked(struct nodes *nodes, struct node *node);
/* Whether some other node would take the request that failed on this one. */
int nodes_has_other(const struct nodes *nodes, const struct node *node);

#endif
