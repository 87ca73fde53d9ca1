// SPDX-License-Identifier: MIT
#include "nodes.h"

#include <stdlib.h>

#define ASIDE_MIN_NS UINT64_C(1000000000)
#define ASIDE_MAX_NS UINT64_C(60000000000)
/* Of an error, in the log. */
#define EXCERPT 200

static void tell_how_many(const struct nodes *nodes)
{
	int64_t up = 0;

	for (uint32_t i = 0; i < nodes->count; i++)
		up += nodes->list[i].failures == 0;
	nodes->host->metric_add(nodes->up, up);
}

static struct weir_slice join(struct weir_slice base, const char *path)
{
	struct weir_slice joined = {NULL, 0};
	char *text;

	while (base.size && base.data[base.size - 1] == '/')
		base.size--;
	if (asprintf(&text, "%.*s%s", (int)base.size, base.data, path) >= 0)
		joined = weir_slice_of(text);
	return joined;
}

int32_t nodes_create(struct nodes *nodes, const struct weir_services *host,
		     struct weir_context *context, const struct weir_node *urls, const char *path,
		     struct weir_error *error)
{
	*nodes = (struct nodes){.host = host, .context = context};
	nodes->list = calloc(urls->count, sizeof(*nodes->list));
	if (!nodes->list)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the list of nodes");
	for (; nodes->count < urls->count; nodes->count++) {
		struct node *node = &nodes->list[nodes->count];

		node->place = urls->items[nodes->count]->text;
		node->url = join(node->place, path);
		if (!node->url.data)
			return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the list of nodes");
	}
	nodes->up = host->metric(context, WEIR_METRIC_GAUGE, "nodes_up",
				 "Nodes that are not put aside");
	tell_how_many(nodes);
	host->random(&nodes->next, sizeof(nodes->next)); /* agents don't all begin with the first */
	nodes->next %= nodes->count;
	return WEIR_OK;
}

void nodes_destroy(struct nodes *nodes)
{
	for (uint32_t i = 0; i < nodes->count; i++)
		free((char *)(uintptr_t)nodes->list[i].url.data);
	free(nodes->list);
	nodes->list = NULL;
	nodes->count = 0;
}

static int is_usable(const struct node *node, uint64_t now)
{
	return node->failures == 0 || node->aside_until_ns <= now;
}

static uint64_t aside_ns(const struct nodes *nodes, uint32_t failures)
{
	uint64_t bound = ASIDE_MIN_NS, random;

	for (uint32_t i = 1; i < failures && bound < ASIDE_MAX_NS; i++)
		bound *= 2;
	if (bound > ASIDE_MAX_NS)
		bound = ASIDE_MAX_NS;
	nodes->host->random(&random, sizeof(random));
	return bound / 2 + random % (bound / 2);
}

struct node *nodes_pick(struct nodes *nodes)
{
	uint64_t now = nodes->host->monotonic_ns();
	struct node *best = &nodes->list[nodes->next];

	for (uint32_t i = 0; i < nodes->count; i++) {
		struct node *node = &nodes->list[(nodes->next + i) % nodes->count];

		if (is_usable(node, now)) {
			best = node;
			break;
		}
		if (node->aside_until_ns < best->aside_until_ns)
			best = node;
	}
	nodes->next = (uint32_t)(best - nodes->list + 1) % nodes->count;
	if (best->failures > 0) /* only one request tries it */
		best->aside_until_ns = now + aside_ns(nodes, best->failures);
	return best;
}

struct node *nodes_of(struct nodes *nodes, struct weir_slice url)
{
	for (uint32_t i = 0; i < nodes->count; i++)
		if (nodes->list[i].url.data == url.data)
			return &nodes->list[i];
	return &nodes->list[0];
}

void nodes_failed(struct nodes *nodes, struct node *node, uint64_t elapsed_ns,
		  struct weir_slice why)
{
	uint64_t now = nodes->host->monotonic_ns(), wait_ns;

	if (node->failures > 0 && now - elapsed_ns < node->failed_ns)
		return;
	node->failed_ns = now;
	if (node->failures < UINT32_MAX)
		node->failures++;
	wait_ns = aside_ns(nodes, node->failures);
	node->aside_until_ns = now + wait_ns;
	if (nodes->count == 1 || node->failures > 1)
		return;
	tell_how_many(nodes);
	weir_logf(nodes->host, nodes->context, WEIR_LOG_WARNING, "elasticsearch_node_aside",
		  "%.*s is put aside, and tried again in %.1f s: %.*s", (int)node->place.size,
		  node->place.data, (double)wait_ns / 1e9,
		  (int)(why.size < EXCERPT ? why.size : EXCERPT), why.data ? why.data : "");
}

void nodes_worked(struct nodes *nodes, struct node *node)
{
	if (node->failures == 0)
		return;
	node->failures = 0;
	tell_how_many(nodes);
	if (nodes->count > 1)
		weir_logf(nodes->host, nodes->context, WEIR_LOG_INFO, "elasticsearch_node_back",
			  "%.*s works again", (int)node->place.size, node->place.data);
}

int nodes_has_other(const struct nodes *nodes, const struct node *node)
{
	uint64_t now = nodes->host->monotonic_ns();

	for (uint32_t i = 0; i < nodes->count; i++)
		if (&nodes->list[i] != node && is_usable(&nodes->list[i], now))
			return 1;
	return 0;
}
