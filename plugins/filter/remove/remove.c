// SPDX-License-Identifier: MIT
/* The filter `remove`: takes fields out of a record. The original line is not touched. */
#include "support/fieldlist/fieldlist.h"

static int32_t remove_create(const struct weir_services *host, struct weir_context *context,
			     const struct weir_node *options, void **ret_instance,
			     struct weir_error *error)
{
	struct fieldlist *list = NULL;
	int32_t result;

	(void)host;
	(void)context;
	result =
		fieldlist_create(weir_node_find(options, "fields"), FIELDLIST_LISTED, &list, error);
	*ret_instance = list;
	return result;
}

static void remove_destroy(void *instance)
{
	fieldlist_destroy(instance);
}

static int32_t remove_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	return fieldlist_clear(instance, batch, error);
}

static void remove_fields(void *instance, struct weir_fields *fields)
{
	fieldlist_fields(instance, fields);
}

static const struct weir_option remove_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "fields",
	 .doc = "Names of the fields to take out"},
	WEIR_OPTION_END,
};

static const struct weir_filter_ops remove_ops = {
	.struct_size = sizeof(remove_ops),
	.create = remove_create,
	.destroy = remove_destroy,
	.process = remove_process,
	.fields = remove_fields,
};

static const struct weir_plugin remove_plugin = {
	.struct_size = sizeof(remove_plugin),
	.kind = WEIR_FILTER,
	.name = "remove",
	.version = WEIR_VERSION,
	.summary = "Takes fields out of records",
	.options = remove_options,
	.filter = &remove_ops,
	.short_option = "fields",
};

static const struct weir_plugin *const all[] = {&remove_plugin};
WEIR_PLUGINS(all);
