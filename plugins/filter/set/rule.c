// SPDX-License-Identifier: MIT
/* A map with the one key `expr` is an expression; any other value is a constant with YAML's type. */
#include "rule.h"

#include <stdlib.h>

static int32_t fail_at(const struct weir_node *node, struct weir_error *error)
{
	error->line = node->line;
	error->column = node->column;
	return error->code;
}

static int32_t compile(const struct weir_services *host, const struct weir_node *node,
		       struct rule *rule, struct weir_error *error)
{
	rule->written = node;
	if (node->text.data && host->expr_compile(node->text, &rule->expr, error) == WEIR_OK)
		return WEIR_OK;
	if (!node->text.data)
		(void)weir_fail(error, WEIR_ERR_INVALID, "set: \"expr\" wants an expression");
	return fail_at(node, error);
}

static int32_t constant(const struct weir_node *node, struct rule *rule)
{
	switch (node->type) {
	case WEIR_TYPE_NULL:
		rule->value = weir_value_null();
		return WEIR_OK;
	case WEIR_TYPE_BOOL:
		rule->value = weir_value_bool(node->i64 != 0);
		return WEIR_OK;
	case WEIR_TYPE_INT:
		rule->value = weir_value_int(node->i64);
		return WEIR_OK;
	case WEIR_TYPE_DOUBLE:
		rule->value = weir_value_double(node->f64);
		return WEIR_OK;
	case WEIR_TYPE_MAP:
	case WEIR_TYPE_LIST:
		rule->value.tag = node->type == WEIR_TYPE_MAP ? WEIR_MAP : WEIR_LIST;
		if (json_text_append(&rule->made, node) != WEIR_OK)
			return WEIR_ERR_MEMORY;
		rule->text = (struct weir_slice){rule->made.data, rule->made.size};
		return WEIR_OK;
	default:
		rule->value.tag = WEIR_STRING;
		rule->text = node->text;
		return WEIR_OK;
	}
}

int32_t rule_create(const struct weir_services *host, struct weir_slice name,
		    const struct weir_node *node, struct rule *ret_rule, struct weir_error *error)
{
	const struct weir_node *source = weir_node_find(node, "expr");

	memset(ret_rule, 0, sizeof(*ret_rule));
	ret_rule->name = name;
	if (weir_slice_equals(name, "@timestamp") || weir_slice_equals(name, "@source") ||
	    weir_slice_equals(name, "@position") || weir_slice_equals(name, "@host")) {
		(void)weir_fail(error, WEIR_ERR_INVALID,
				"set: \"%s\" is metadata, which says where a record comes from; "
				"choose another name",
				name.data);
		return fail_at(node, error);
	}
	if (source && node->count == 1)
		return compile(host, source, ret_rule, error);
	if (constant(node, ret_rule) != WEIR_OK)
		return weir_fail(error, WEIR_ERR_MEMORY, "set: no memory for a value");
	return WEIR_OK;
}

void rule_done(const struct weir_services *host, struct rule *rule)
{
	if (rule->expr)
		host->expr_free(rule->expr);
	free(rule->made.data);
}
