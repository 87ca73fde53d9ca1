// SPDX-License-Identifier: MIT
/*
 * The filter `rename`: gives fields other names. A field that a record lacks changes nothing; a new
 * name that another field has already takes that one's place.
 */
#include "rename.h"

#include <stdlib.h>

static void rename_destroy(void *instance)
{
	struct rename *rename = instance;

	if (!rename)
		return;
	free(rename->plans);
	free(rename->moves);
	free(rename->keys);
	free(rename);
}

/* Two fields can't both become a third: which one should win? */
static int32_t check_names(const struct weir_node *names, struct weir_error *error)
{
	for (uint32_t i = 0; i < names->count; i++)
		for (uint32_t k = 0; k < i; k++)
			if (weir_slice_equals(names->items[i]->text, names->items[k]->text.data)) {
				error->line = names->items[i]->line;
				error->column = names->items[i]->column;
				return weir_fail(error, WEIR_ERR_INVALID,
						 "rename: both '%s' and '%s' would become '%s'; "
						 "choose one of them",
						 names->keys[k].data, names->keys[i].data,
						 names->items[i]->text.data);
			}
	return WEIR_OK;
}

static int32_t rename_create(const struct weir_services *host, struct weir_context *context,
			     const struct weir_node *options, void **ret_instance,
			     struct weir_error *error)
{
	const struct weir_node *names = weir_node_find(options, "fields");
	struct rename *rename;

	(void)context;
	if (check_names(names, error) != WEIR_OK)
		return WEIR_ERR_INVALID;
	rename = calloc(1, sizeof(*rename));
	if (!rename)
		return weir_fail(error, WEIR_ERR_MEMORY, "rename: no memory");
	rename->host = host;
	rename->names = names;
	*ret_instance = rename;
	return WEIR_OK;
}

static void apply(const struct rename *rename, const struct rename_plan *plan,
		  struct weir_record *record, struct weir_value *row)
{
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct rename_move *move = &rename->moves[plan->first + i];

		if (row[move->from].tag == WEIR_ABSENT)
			continue;
		row[move->to] = row[move->from];
		row[move->from].tag = WEIR_ABSENT;
	}
	record->shape = plan->shape;
}

static int32_t rename_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	struct rename *rename = instance;
	int32_t result = rename_plans_begin(rename, batch);

	for (uint32_t i = 0; i < batch->record_count && result == WEIR_OK; i++) {
		struct weir_record *record = &batch->records[i];
		struct rename_plan *plan = &rename->plans[record->shape];

		if (record->flags & WEIR_RECORD_GONE)
			continue;
		if (!plan->made)
			result = rename_plan_make(rename, batch, record->shape, plan);
		if (result == WEIR_OK)
			apply(rename, plan, record, weir_record_row(batch, record));
	}
	if (result != WEIR_OK)
		return weir_fail(error, result, "rename: no memory for the shapes of a batch");
	return WEIR_OK;
}

/* A new name counts even when its field cannot exist: that has been said of the old one. */
static void rename_fields(void *instance, struct weir_fields *fields)
{
	const struct rename *rename = instance;
	const struct weir_node *names = rename->names;

	for (uint32_t i = 0; i < names->count; i++)
		fields->reads(fields, names->keys[i], names);
	for (uint32_t i = 0; i < names->count; i++)
		fields->remove(fields, names->keys[i]);
	for (uint32_t i = 0; i < names->count; i++)
		fields->add(fields, names->items[i]->text);
}

static const struct weir_option rename_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .element = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "fields",
	 .doc = "New names by the old ones: {clientip: client_ip}"},
	WEIR_OPTION_END,
};

static const struct weir_filter_ops rename_ops = {
	.struct_size = sizeof(rename_ops),
	.create = rename_create,
	.destroy = rename_destroy,
	.process = rename_process,
	.fields = rename_fields,
};

static const struct weir_plugin rename_plugin = {
	.struct_size = sizeof(rename_plugin),
	.kind = WEIR_FILTER,
	.name = "rename",
	.version = WEIR_VERSION,
	.summary = "Gives fields other names",
	.options = rename_options,
	.filter = &rename_ops,
	.short_option = "fields",
};

static const struct weir_plugin *const all[] = {&rename_plugin};
WEIR_PLUGINS(all);
