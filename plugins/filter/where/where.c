// SPDX-License-Identifier: MIT
/* The filter `where`: drops the records for which an expression is not true. The host counts them. */
#include <stdlib.h>

#include <weir/plugin.h>

struct where {
	const struct weir_services *host;
	struct weir_expr *expr;
	const struct weir_node *written; /* the expression's node */
	uint64_t *selected;
	uint32_t word_capacity; /* of selected */
};

static void where_destroy(void *instance)
{
	struct where *where = instance;

	if (!where)
		return;
	where->host->expr_free(where->expr);
	free(where->selected);
	free(where);
}

static int32_t where_create(const struct weir_services *host, struct weir_context *context,
			    const struct weir_node *options, void **ret_instance,
			    struct weir_error *error)
{
	const struct weir_node *source = weir_node_find(options, "expr");
	struct where *where = calloc(1, sizeof(*where));
	int32_t result;

	(void)context;
	if (!where)
		return weir_fail(error, WEIR_ERR_MEMORY, "where: no memory");
	where->host = host;
	where->written = source;
	result = host->expr_compile(source->text, &where->expr, error);
	if (result != WEIR_OK) {
		error->line = source->line;
		error->column = source->column;
		free(where);
		return result;
	}
	*ret_instance = where;
	return WEIR_OK;
}

static int need_words(struct where *where, uint32_t count)
{
	uint64_t *selected;

	if (count <= where->word_capacity)
		return WEIR_OK;
	selected = realloc(where->selected, count * sizeof(*selected));
	if (!selected)
		return WEIR_ERR_MEMORY;
	where->selected = selected;
	where->word_capacity = count;
	return WEIR_OK;
}

static int32_t where_process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	struct where *where = instance;
	uint32_t words = batch->record_count / 64 + 1;

	if (need_words(where, words) != WEIR_OK)
		return weir_fail(error, WEIR_ERR_MEMORY, "where: no memory for %u records",
				 batch->record_count);
	memset(where->selected, 0, words * sizeof(*where->selected));
	where->host->expr_select(where->expr, batch, where->selected);
	for (uint32_t i = 0; i < batch->record_count; i++)
		if (!(where->selected[i / 64] >> (i % 64) & 1) &&
		    !(batch->records[i].flags & WEIR_RECORD_GONE))
			batch->records[i].flags |= WEIR_RECORD_DROPPED;
	return WEIR_OK;
}

static void where_fields(void *instance, struct weir_fields *fields)
{
	const struct where *where = instance;

	fields->reads_expr(fields, where->expr, where->written, 0);
}

static const struct weir_option where_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_EXPR,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "expr",
	 .doc = "Records stay for which this is true"},
	WEIR_OPTION_END,
};

static const struct weir_filter_ops where_ops = {
	.struct_size = sizeof(where_ops),
	.create = where_create,
	.destroy = where_destroy,
	.process = where_process,
	.fields = where_fields,
};

static const struct weir_plugin where_plugin = {
	.struct_size = sizeof(where_plugin),
	.kind = WEIR_FILTER,
	.name = "where",
	.version = WEIR_VERSION,
	.summary = "Drops the records for which an expression is not true",
	.options = where_options,
	.filter = &where_ops,
	.short_option = "expr",
};

static const struct weir_plugin *const all[] = {&where_plugin};
WEIR_PLUGINS(all);
