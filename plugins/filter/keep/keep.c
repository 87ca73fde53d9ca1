// SPDX-License-Identifier: MIT
/* The filter `keep`: takes all fields but some out of a record. The original line is not touched. */
#include "support/fieldlist/fieldlist.h"

static int32_t keep_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	struct fieldlist *list = NULL;
	int32_t result;

	(void)host;
	(void)context;
	result =
		fieldlist_create(weir_node_find(options, "fields"), FIELDLIST_OTHERS, &list, error);
	*ret_instance = list;
	return result;
}

static void keep_destroy(void *instance)
{
	fieldlist_destroy(instance);
}

static int32_t keep_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	return fieldlist_clear(instance, batch, error);
}

static void keep_fields(void *instance, struct weir_fields *fields)
{
	fieldlist_fields(instance, fields);
}

static const struct weir_option keep_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "fields",
	 .doc = "Names of the fields that stay"},
	WEIR_OPTION_END,
};

static const struct weir_filter_ops keep_ops = {
	.struct_size = sizeof(keep_ops),
	.create = keep_create,
	.destroy = keep_destroy,
	.process = keep_process,
	.fields = keep_fields,
};

static const struct weir_plugin keep_plugin = {
	.struct_size = sizeof(keep_plugin),
	.kind = WEIR_FILTER,
	.name = "keep",
	.version = WEIR_VERSION,
	.summary = "Takes all other fields out of records",
	.options = keep_options,
	.filter = &keep_ops,
	.short_option = "fields",
};

static const struct weir_plugin *const all[] = {&keep_plugin};
WEIR_PLUGINS(all);
