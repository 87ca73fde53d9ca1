// SPDX-License-Identifier: MIT
#include "isolate/setting.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/secrets.h"

/* ---- options --------------------------------------------------------------------------------- */

static int put_node(struct buffer *out, const struct weir_node *node)
{
	uint64_t bits;
	int failed;

	memcpy(&bits, &node->f64, sizeof(bits));
	failed = parcel_put(out, node->type) | parcel_put(out, node->line) |
		 parcel_put(out, node->column) | parcel_put_text(out, node->text) |
		 parcel_put(out, (uint64_t)node->i64) | parcel_put(out, bits) |
		 parcel_put(out, node->count) | parcel_put(out, node->keys != NULL);
	for (uint32_t i = 0; i < node->count; i++) {
		if (node->keys)
			failed |= parcel_put_text(out, node->keys[i]);
		failed |= put_node(out, node->items[i]);
	}
	return failed;
}

static char *get_text(struct parcel *parcel)
{
	struct weir_slice text = parcel_text(parcel);

	return strndup(text.data ? text.data : "", text.size);
}

static struct weir_slice get_slice(struct parcel *parcel)
{
	struct weir_slice text = parcel_text(parcel);
	char *copy = malloc(text.size + 1);

	if (!copy)
		return (struct weir_slice){NULL, 0};
	if (text.size)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return (struct weir_slice){copy, text.size};
}

/* As where the agent has read them: what a server repeats is masked before the plugin sees it. */
static void keep_secret(const struct weir_node *node)
{
	if (!node->text.data)
		return;
	if (node->type == WEIR_TYPE_SECRET)
		secrets_add(NULL, node->text);
	else
		secrets_add_url(NULL, node->text);
}

static const struct weir_node *get_node(struct parcel *parcel)
{
	struct weir_node *node = calloc(1, sizeof(*node));
	const struct weir_node **items;
	struct weir_slice *keys;
	uint64_t bits, count, has_keys;

	if (!node)
		return NULL;
	node->struct_size = sizeof(*node);
	node->type = (uint32_t)parcel_get(parcel);
	node->line = (uint32_t)parcel_get(parcel);
	node->column = (uint32_t)parcel_get(parcel);
	node->text = get_slice(parcel);
	keep_secret(node);
	node->i64 = (int64_t)parcel_get(parcel);
	bits = parcel_get(parcel);
	memcpy(&node->f64, &bits, sizeof(bits));
	count = parcel_get_at_most(parcel, UINT32_MAX);
	has_keys = parcel_get(parcel);
	items = calloc(count + 1, sizeof(*items));
	keys = calloc(count + 1, sizeof(*keys));
	for (uint64_t i = 0; items && keys && i < count && !parcel->failed; i++) {
		if (has_keys)
			keys[i] = get_slice(parcel);
		items[i] = get_node(parcel);
		parcel->failed |= !items[i];
	}
	parcel->failed |= !items || !keys;
	node->count = parcel->failed ? 0 : (uint32_t)count;
	node->items = items;
	node->keys = has_keys ? keys : NULL;
	if (!has_keys)
		free(keys);
	return node;
}

/* ---- the stage ------------------------------------------------------------------------------- */

static uint32_t log_level_now(void)
{
	uint32_t level = WEIR_LOG_DEBUG;

	while (level > WEIR_LOG_ERROR && !log_enabled(level))
		level--;
	return level;
}

static int put_string(struct buffer *out, const char *text)
{
	return parcel_put_text(out, weir_slice_of(text ? text : ""));
}

int setting_write(const struct weir_context *stage, struct buffer *out)
{
	const struct config_stage *config = stage->config;
	const struct pipeline *pipeline = stage->pipeline;
	int failed = parcel_put(out, config->plugin->kind) | put_string(out, config->plugin->name) |
		     put_string(out, config->plugin_path) |
		     put_string(out, pipeline->config->name) |
		     put_string(out, pipeline->config->id) | put_string(out, config->name) |
		     put_string(out, pipeline->host->state_dir) |
		     parcel_put_text(out, pipeline->host->host_name);

	failed |= parcel_put(out, config->strict) | parcel_put(out, log_level_now()) |
		  parcel_put(out, pipeline->pool.block_bytes) | parcel_put(out, config->linger_ns) |
		  parcel_put(out, config->retry_min_ns) | parcel_put(out, config->retry_max_ns) |
		  parcel_put(out, (uint64_t)pipeline->memory->budget.hard) |
		  put_node(out, config->options);
	return failed ? WEIR_ERR_MEMORY : 0;
}

int setting_read(struct parcel *parcel, struct setting *ret_setting)
{
	struct setting *s = ret_setting;

	s->kind = (uint32_t)parcel_get(parcel);
	s->plugin = get_text(parcel);
	s->path = get_text(parcel);
	s->pipeline = get_text(parcel);
	s->id = get_text(parcel);
	s->name = get_text(parcel);
	s->state_dir = get_text(parcel);
	s->host_name = get_text(parcel);
	s->strict = (uint32_t)parcel_get(parcel);
	s->log_level = (uint32_t)parcel_get(parcel);
	s->block_bytes = (uint32_t)parcel_get(parcel);
	s->linger_ns = parcel_get(parcel);
	s->retry_min_ns = parcel_get(parcel);
	s->retry_max_ns = parcel_get(parcel);
	s->memory_bytes = parcel_get(parcel);
	s->options = get_node(parcel);
	return parcel->failed || !s->options || !s->plugin || !s->path || !s->pipeline || !s->id ||
			       !s->name || !s->state_dir || !s->host_name
		       ? WEIR_ERR_INVALID
		       : 0;
}
