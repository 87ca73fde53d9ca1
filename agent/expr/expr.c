// SPDX-License-Identifier: MIT
/*
 * The calls of weir/services.h on expressions. A compiled expression owns its nodes, its patterns
 * and the memory for one record's results; nothing of the source text is kept.
 */
#include "expr/expr.h"

#include <stdlib.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "expr/evaluate.h"
#include "expr/parse.h"
#include "expr/select.h"

/* Bytes of nodes and literals, and of what the evaluation for one record may make. */
#define MADE_MAX ((size_t)16 * 1024 * 1024)
#define WORK_MAX ((size_t)16 * 1024 * 1024)

int32_t expr_compile(struct weir_slice text, struct weir_expr **ret_expr, struct weir_error *error)
{
	struct weir_expr *expr = calloc(1, sizeof(*expr));
	int result;

	if (!expr)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for an expression");
	expr->made.limit = MADE_MAX;
	expr->work.limit = WORK_MAX;
	if (gethostname(expr->host, sizeof(expr->host) - 1) != 0)
		expr->host[0] = '\0';
	result = parse_expression(expr, text, error);
	if (result != 0) {
		expr_free(expr);
		return result;
	}
	*ret_expr = expr;
	return 0;
}

/* The records first + i of the batch that are there, as bits. */
static uint64_t present(const struct weir_batch *batch, uint32_t first)
{
	uint32_t count = batch->record_count - first;
	uint64_t mask = 0;

	if (count > 64)
		count = 64;
	for (uint32_t i = 0; i < count; i++)
		mask |= (uint64_t)((batch->records[first + i].flags & WEIR_RECORD_GONE) == 0) << i;
	return mask;
}

void expr_select(struct weir_expr *expr, const struct weir_batch *batch, uint64_t *selected)
{
	for (uint32_t first = 0; first < batch->record_count; first += 64)
		selected[first / 64] =
			select_block(expr, expr->root, batch, first, present(batch, first));
}

static struct value value_of(struct weir_expr *expr, const struct weir_batch *batch,
			     uint32_t record)
{
	struct evaluation run = {expr, batch, &batch->records[record]};

	scratch_reset(&expr->work);
	return evaluate(&run, expr->root);
}

int32_t expr_text(struct weir_expr *expr, const struct weir_batch *batch, uint32_t record,
		  struct weir_slice *ret_text)
{
	struct value value = value_of(expr, batch, record);

	return value_text(&expr->work, &value, ret_text) ? WEIR_OK : WEIR_ERR_NOT_FOUND;
}

/* The field that the whole expression names, as it is in the row; NULL when it is anything else. */
static const struct weir_value *own_value(const struct weir_expr *expr,
					  const struct weir_batch *batch, uint32_t record)
{
	struct field *field = expr->root->field;

	if (expr->root->kind != NODE_FIELD)
		return NULL;
	return lookup_value(&field->prefixes[field->count - 1], batch, &batch->records[record]);
}

static int32_t put_text(struct weir_batch *batch, const struct value *value,
			struct weir_value *ret_value)
{
	uint32_t size = (uint32_t)value->text.size;
	uint8_t flags = value->is_text ? WEIR_VALUE_TEXT : 0;
	struct weir_value place;
	char *to = weir_batch_text(batch, size, &place);

	if (!to) {
		*ret_value = weir_value_text(value->tag, flags, 0, 0, size);
		return WEIR_ERR_MEMORY;
	}
	if (size)
		memcpy(to, value->text.data, size);
	*ret_value = weir_value_text(value->tag, flags, place.block, place.as.offset, size);
	return WEIR_OK;
}

int32_t expr_value(struct weir_expr *expr, struct weir_batch *batch, uint32_t record,
		   struct weir_value *ret_value)
{
	const struct weir_value *own = own_value(expr, batch, record);
	struct value value;

	if (own) {
		*ret_value = *own;
		return WEIR_OK;
	}
	value = value_of(expr, batch, record);
	if (value.is_text || value_is_string(&value) || value.tag >= WEIR_MAP)
		return put_text(batch, &value, ret_value);
	*ret_value = (struct weir_value){.tag = value.tag};
	ret_value->as.i64 = value.as.i64;
	return WEIR_OK;
}

void expr_free(struct weir_expr *expr)
{
	if (!expr)
		return;
	for (struct regex_entry *entry = expr->regexes; entry; entry = entry->next)
		regex_destroy(entry->regex);
	scratch_done(&expr->made);
	scratch_done(&expr->work);
	free(expr);
}
