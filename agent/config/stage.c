// SPDX-License-Identifier: MIT
/* The host's options are declared and checked as a plugin's are. */
#include "config/stage.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "config/option_check.h"
#include "host/plugin_gate.h"
#include "host/plugin_packages.h"
#include "spool/spool.h"

#define NAME_MAX_SIZE 64
#define BACKOFF_MIN INT64_C(1000000)        /* 1 ms */
#define BACKOFF_MAX INT64_C(86400000000000) /* 1 day */
#define LINGER_MAX INT64_C(900000000000)    /* 15 min, the longest that peers allow */

#define NAME_OPTION                             \
	WEIR_OPTION(                            \
		"name", WEIR_TYPE_STRING, NULL, \
		"Name of the stage in positions, metrics and logs; the default is the plugin's")
#define WHEN_OPTION WEIR_OPTION("when", WEIR_TYPE_EXPR, NULL, "Only records for which this is true")
#define ISOLATE_OPTION                                                               \
	{                                                                            \
		.struct_size = sizeof(struct weir_option), .type = WEIR_TYPE_STRING, \
		.name = "isolate", .default_text = "no", .values = "no|process",     \
		.doc = "Process: run the plugin in a process of its own, whose "     \
		       "crash loses no record"                                       \
	}

static const struct weir_option retry_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "backoff_min",
	 .min = BACKOFF_MIN,
	 .max = BACKOFF_MAX,
	 .doc = "The first retry waits up to this"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "backoff_max",
	 .min = BACKOFF_MIN,
	 .max = BACKOFF_MAX,
	 .doc = "No retry waits longer than this"},
	WEIR_OPTION_END,
};

static const struct weir_option buffer_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "disk",
	 .flags = WEIR_OPTION_REQUIRED,
	 .min = SPOOL_LIMIT_MIN,
	 .max = SPOOL_LIMIT_MAX,
	 .doc = "Most that the queue may take on the disk, under state_dir"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "full",
	 .default_text = "block",
	 .values = "block|drop_oldest",
	 .doc = "When it is full: hold the pipeline back, or lose the oldest records, counted"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_BOOL,
	 .name = "durable",
	 .default_text = "true",
	 .doc = "A record counts as taken when it is fsynced; false risks a second's at a power "
		"cut"},
	WEIR_OPTION_END,
};

static const struct weir_option input_options[] = {NAME_OPTION, ISOLATE_OPTION, WEIR_OPTION_END};

static const struct weir_option filter_options[] = {NAME_OPTION, WHEN_OPTION, ISOLATE_OPTION,
						    WEIR_OPTION_END};

static const struct weir_option output_options[] = {
	NAME_OPTION,
	WHEN_OPTION,
	ISOLATE_OPTION,
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .flags = WEIR_OPTION_SHORT,
	 .name = "buffer",
	 .members = buffer_options,
	 .doc = "A queue on disk, so that this output holds back neither its source nor its "
		"neighbours"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "ordering",
	 .default_text = "any",
	 .values = "strict|any",
	 .doc = "Strict keeps the order within a source through retries"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "linger",
	 .min = 0,
	 .max = LINGER_MAX,
	 .doc = "How long records may wait for company before they are sent"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .name = "retry",
	 .members = retry_options,
	 .doc = "How long to wait before sending again"},
	WEIR_OPTION_END,
};

const struct weir_option *stage_host_options(uint32_t kind)
{
	return kind == WEIR_INPUT    ? input_options
	       : kind == WEIR_FILTER ? filter_options
				     : output_options;
}

int stage_is_name(const char *name)
{
	size_t size = strlen(name);

	return size > 0 && size <= NAME_MAX_SIZE &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		       size;
}

/* ---- which plugin ---------------------------------------------------------------------------- */

static const char *article_of(uint32_t kind)
{
	return kind == WEIR_FILTER ? "a" : "an";
}

/* The plugin exists, but as another kind. */
static int other_kind(struct config_file *file, struct registry *registry,
		      const struct tree_node *key, uint32_t kind, const char *list)
{
	for (uint32_t other = WEIR_INPUT; other <= WEIR_OUTPUT; other++) {
		if (other == kind || !registry_find(registry, other, key->text.data))
			continue;
		config_file_error(
			file, key->line, key->column,
			"\"%s\" is %s %s and can't stand under \"%s\"; move it under \"%ss\"",
			key->text.data, article_of(other), registry_kind_name(other), list,
			registry_kind_name(other));
		return 1;
	}
	return 0;
}

/* The file that would be the plugin's own was refused: the reason is what the user needs. */
static int refused_file(struct config_file *file, struct registry *registry,
			const struct tree_node *key, uint32_t kind)
{
	char end[96];

	snprintf(end, sizeof(end), "/%s-%.64s.so", registry_kind_name(kind), key->text.data);
	for (size_t i = 0; i < registry_refusal_count(registry); i++) {
		const struct registry_refusal *refusal = registry_refusal_at(registry, i);
		size_t size = strlen(refusal->path);

		if (size < strlen(end) || strcmp(refusal->path + size - strlen(end), end) != 0)
			continue;
		config_file_error(file, key->line, key->column, "the %s \"%s\" was refused: %s: %s",
				  registry_kind_name(kind), key->text.data, refusal->path,
				  refusal->why);
		return 1;
	}
	return 0;
}

/* The plugin comes in a package that is not installed. */
static int packaged(struct config_file *file, const struct tree_node *key, uint32_t kind)
{
	const struct config *config = file->config;
	struct plugin_package found;

	if (!plugin_packages_find(config->plugin_dirs, config->plugin_dir_count, kind,
				  key->text.data, &found))
		return 0;
	config_file_error(file, key->line, key->column,
			  "the %s \"%s\" is not installed; install the package %s",
			  registry_kind_name(kind), found.name, found.package);
	return 1;
}

static void unknown_plugin(struct config_file *file, struct registry *registry,
			   const struct tree_node *key, uint32_t kind)
{
	struct nearest nearest = nearest_to(key->text);
	size_t refused = registry_refusal_count(registry);

	for (size_t i = 0; i < registry_count(registry); i++)
		if (registry_at(registry, i)->plugin->kind == kind)
			nearest_offer(&nearest,
				      weir_slice_of(registry_at(registry, i)->plugin->name));
	if (nearest.best.size)
		config_file_error(file, key->line, key->column,
				  "there is no %s \"%.64s\"; did you mean \"%.*s\"?",
				  registry_kind_name(kind), key->text.data, (int)nearest.best.size,
				  nearest.best.data);
	else if (refused)
		config_file_error(
			file, key->line, key->column,
			"there is no %s \"%.64s\", but %zu plugin file%s refused; see: weir "
			"plugins",
			registry_kind_name(kind), key->text.data, refused,
			refused == 1 ? " was" : "s were");
	else
		config_file_error(file, key->line, key->column,
				  "there is no %s \"%.64s\"; for the list: weir plugins",
				  registry_kind_name(kind), key->text.data);
}

static const struct registry_entry *find_plugin(struct config_file *file, struct registry *registry,
						uint32_t kind, const char *list,
						const struct tree_node *key)
{
	const struct registry_entry *entry = registry_find(registry, kind, key->text.data);

	if (entry)
		return entry;
	if (!other_kind(file, registry, key, kind, list) &&
	    !refused_file(file, registry, key, kind) && !packaged(file, key, kind))
		unknown_plugin(file, registry, key, kind);
	return NULL;
}

/* ---- the entry ------------------------------------------------------------------------------- */

/* `- plugin: ...` or `- plugin`: its key and what stands behind it. */
static int split_entry(struct config_file *file, const struct tree_node *entry, const char *list,
		       const struct tree_node **ret_key, const struct tree_node **ret_options)
{
	*ret_options = NULL;
	if (entry->kind == TREE_BAD)
		return WEIR_ERR_INVALID;
	if (entry->kind == TREE_SCALAR && entry->text.size && entry->count == 0) {
		*ret_key = entry;
		return 0;
	}
	if (entry->kind != TREE_MAP || entry->count == 0) {
		config_file_error(
			file, entry->line, entry->column,
			"expected an entry of \"%s\" as \"- plugin: {options}\", found %s", list,
			tree_describe(file, entry));
		return WEIR_ERR_INVALID;
	}
	if (entry->count > 1) {
		const struct tree_node *second = entry->keys[1];

		config_file_error(
			file, second->line, second->column,
			"\"%.64s\" stands beside \"%.64s\", not under it; indent the options of "
			"a plugin deeper than its name, or begin another plugin with \"- \"",
			second->text.data, entry->keys[0]->text.data);
		return WEIR_ERR_INVALID;
	}
	*ret_key = entry->keys[0];
	*ret_options = entry->items[0];
	return 0;
}

/* A map of any keys as the short option: `set: {env: prod}` for `set: {fields: {env: prod}}`. */
static int takes_any_keys(const struct weir_option *option)
{
	return option && option->type == WEIR_TYPE_MAP && !option->members;
}

static int names_itself(const struct tree_node *map, const struct weir_option *option)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (weir_slice_equals(map->keys[i]->text, option->name) &&
		    map->items[i]->kind == TREE_MAP)
			return 1;
	return 0;
}

/* Is `when` among the keys of the short form the option or a field? Better asked than guessed. */
static void refuse_host_options(struct config_file *file, const struct weir_plugin *plugin,
				const struct tree_node *map, const char *name)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct tree_node *key = map->keys[i];

		if (option_find(stage_host_options(plugin->kind), key->text))
			config_file_error(file, key->line, key->column,
					  "\"%s\" could be an option or one of the %s here; write "
					  "\"%s: {%s: {...}}\", with the option beside \"%s\"",
					  key->text.data, name, plugin->name, name, name);
	}
}

/* Options as a map: `parse: json` becomes {format: json} where the plugin has a short option. */
static const struct tree_node *options_map(struct config_file *file,
					   const struct weir_plugin *plugin,
					   const struct tree_node *written)
{
	const char *name = plugin_short_option(plugin);
	struct tree_node *map, *key, **pair;

	if (tree_is_null(written))
		return written;
	if (written->kind == TREE_MAP) {
		const struct weir_option *option =
			option_find(plugin->options, weir_slice_of(name ? name : ""));

		if (!takes_any_keys(option) || names_itself(written, option))
			return written;
		refuse_host_options(file, plugin, written, name);
	}
	if (!name) {
		config_file_error(file, written->line, written->column,
				  "\"%s\" wants a map of options, found %s; see: weir plugins %s",
				  plugin->name, tree_describe(file, written), plugin->name);
		return NULL;
	}
	map = config_alloc(&file->memory, sizeof(*map));
	key = config_alloc(&file->memory, sizeof(*key));
	pair = config_alloc(&file->memory, 2 * sizeof(*pair));
	if (!map || !key || !pair)
		return NULL;
	*key = (struct tree_node){.kind = TREE_SCALAR,
				  .line = written->line,
				  .column = written->column,
				  .text = weir_slice_of(name)};
	pair[0] = key;
	memcpy(&pair[1], &written, sizeof(written));
	*map = (struct tree_node){.kind = TREE_MAP,
				  .line = written->line,
				  .column = written->column,
				  .count = 1,
				  .keys = &pair[0],
				  .items = &pair[1]};
	return map;
}

/* Host options that this kind of stage doesn't have are worth a better sentence than "unknown". */
static void refuse_misplaced(struct config_file *file, const struct tree_node *map,
			     const struct weir_plugin *plugin)
{
	for (uint32_t i = 0; map && i < map->count; i++) {
		struct tree_node *key = map->keys[i];

		if (!option_find(output_options, key->text) ||
		    option_find(stage_host_options(plugin->kind), key->text))
			continue;
		if (weir_slice_equals(key->text, "when"))
			config_file_error(
				file, key->line, key->column,
				"an input has no \"when\"; use the filter \"where\" to leave "
				"records out");
		else
			config_file_error(file, key->line, key->column,
					  "\"%s\" is an option of outputs; \"%s\" is %s %s",
					  key->text.data, plugin->name, article_of(plugin->kind),
					  registry_kind_name(plugin->kind));
		key->kind = TREE_BAD;
	}
}

static char *copy_text(struct config_file *file, const struct weir_node *node)
{
	return node ? config_copy(file->config->memory, node->text.data, node->text.size) : NULL;
}

static void read_retry(struct config_file *file, const struct weir_node *retry,
		       struct config_stage *stage)
{
	stage->retry_min_ns = (uint64_t)weir_node_int(retry, "backoff_min", 0);
	stage->retry_max_ns = (uint64_t)weir_node_int(retry, "backoff_max", 0);
	if (stage->retry_max_ns && stage->retry_min_ns > stage->retry_max_ns)
		config_file_error(
			file, retry->line, retry->column,
			"\"retry.backoff_min\" is longer than \"retry.backoff_max\"; make it "
			"the shorter one");
}

static void read_buffer(struct config_file *file, const struct weir_node *buffer, const char *list,
			struct config_stage *stage)
{
	const struct weir_node *full = weir_node_find(buffer, "full");

	if (buffer && strcmp(list, "dead_letter") == 0)
		config_file_error(
			file, buffer->line, buffer->column,
			"an output of the dead letter has no \"buffer\": a record is dealt "
			"with when it is written there; leave it out");
	stage->buffer_bytes = (uint64_t)weir_node_int(buffer, "disk", 0);
	stage->buffer_drops = full && weir_slice_equals(full->text, "drop_oldest");
	stage->buffer_durable = weir_node_int(buffer, "durable", 1) != 0;
}

static void read_host_options(struct config_file *file, const struct weir_node *host,
			      const char *list, struct config_stage *stage)
{
	const struct weir_node *name = weir_node_find(host, "name");
	const struct weir_node *when = weir_node_find(host, "when");
	const struct weir_node *ordering = weir_node_find(host, "ordering");
	const struct weir_node *linger = weir_node_find(host, "linger");
	const struct weir_node *isolate = weir_node_find(host, "isolate");

	stage->name = copy_text(file, name);
	if (stage->name && !stage_is_name(stage->name))
		config_file_error(file, name->line, name->column,
				  "\"%.64s\" is no name; use letters, digits, _ and -, at most %d",
				  stage->name, NAME_MAX_SIZE);
	stage->when = copy_text(file, when);
	stage->when_written = when;
	stage->strict = ordering && weir_slice_equals(ordering->text, "strict");
	stage->linger_ns = linger ? (uint64_t)linger->i64 : WEIR_TIMER_OFF;
	stage->isolated = isolate && weir_slice_equals(isolate->text, "process");
	if (stage->isolated && stage->plugin->kind == WEIR_INPUT)
		config_file_error(file, isolate->line, isolate->column,
				  "an input can't have a process of its own; filters and outputs "
				  "can: leave it out");
	read_retry(file, weir_node_find(host, "retry"), stage);
	read_buffer(file, weir_node_find(host, "buffer"), list, stage);
}

int stage_read(struct config_file *file, struct registry *registry, uint32_t kind, const char *list,
	       const struct tree_node *entry, struct config_stage *ret_stage)
{
	struct config_stage stage = {.line = entry->line, .column = entry->column};
	const struct tree_node *key, *written, *map;
	const struct registry_entry *found;
	struct option_set sets[2] = {{0}};

	if (split_entry(file, entry, list, &key, &written))
		return WEIR_ERR_INVALID;
	found = find_plugin(file, registry, kind, list, key);
	if (!found || (written && written->kind == TREE_BAD))
		return WEIR_ERR_INVALID;
	stage.plugin = found->plugin;
	stage.plugin_path = found->path;
	stage.stranger = !found->own;
	map = written ? options_map(file, stage.plugin, written) : NULL;
	if (written && !map)
		return WEIR_ERR_INVALID;
	refuse_misplaced(file, map, stage.plugin);
	sets[0].options = stage.plugin->options;
	sets[1].options = stage_host_options(kind);
	option_check_map(file, map, stage.plugin->name, key->line, key->column, sets, 2);
	if (!sets[0].ret_node || !sets[1].ret_node)
		return WEIR_ERR_MEMORY;
	stage.options = sets[0].ret_node;
	read_host_options(file, sets[1].ret_node, list, &stage);
	*ret_stage = stage;
	return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static int is_taken(const struct config_stage *stages, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (stages[i].name && strcmp(stages[i].name, name) == 0)
			return 1;
	return 0;
}

static char *free_name(struct config_file *file, const struct config_stage *stages, size_t count,
		       const char *plugin)
{
	char name[NAME_MAX_SIZE];

	snprintf(name, sizeof(name), "%s", plugin);
	for (size_t i = 2; is_taken(stages, count, name); i++)
		snprintf(name, sizeof(name), "%s_%zu", plugin, i);
	return config_copy(file->config->memory, name, strlen(name));
}

void stage_name_all(struct config_file *file, struct config_stage *stages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (stages[i].name && is_taken(stages, i, stages[i].name))
			config_file_error(
				file, stages[i].line, stages[i].column,
				"the name \"%s\" is used twice in this list; give each its own",
				stages[i].name);
	for (size_t i = 0; i < count; i++)
		if (!stages[i].name)
			stages[i].name = free_name(file, stages, count, stages[i].plugin->name);
}
