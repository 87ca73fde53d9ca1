// SPDX-License-Identifier: MIT
/* Literals, names and calls. Calls are checked against the table of functions here. */
#include "expr/parse_value.h"

#include "base/nearest.h"
#include "expr/function.h"

static struct node *node_literal(struct parser *parser, struct value value)
{
	struct node *node = node_create(parser, NODE_LITERAL, parser->token.offset);

	if (node)
		node->literal = value;
	return node && parse_next(parser) ? node : NULL;
}

int parse_list(struct parser *parser, char end, struct children *list)
{
	while (!parse_is_sign(parser, end)) {
		if (!node_add_child(parser, list, parse_or(parser)))
			return 0;
		if (!parse_is_sign(parser, ',') && !parse_is_sign(parser, end)) {
			(void)parse_unexpected(parser, end == ')' ? "',' or ')'" : "',' or ']'");
			return 0;
		}
		if (parse_is_sign(parser, ',') && !parse_next(parser))
			return 0;
	}
	return parse_next(parser);
}

static const struct function *find_function(struct parser *parser, const struct token *name)
{
	const struct function *function = NULL;
	struct nearest nearest = nearest_to(name->source);

	if (name->count == 1 && !name->quoted)
		function = function_find(name->segments[0]);
	if (function)
		return function;
	for (uint32_t i = 0; function_at(i); i++)
		nearest_offer(&nearest, weir_slice_of(function_at(i)->name));
	if (nearest.best.size)
		(void)token_fail(parser->error, name->offset,
				 "there is no function '%.*s': did you mean '%.*s'?",
				 (int)name->source.size, name->source.data, (int)nearest.best.size,
				 nearest.best.data);
	else
		(void)token_fail(parser->error, name->offset, "there is no function '%.*s'",
				 (int)name->source.size, name->source.data);
	return NULL;
}

static int check_call(struct parser *parser, struct node *node)
{
	const struct function *function = node->function;

	if (node->count < function->least || node->count > function->most) {
		(void)token_fail(parser->error, node->offset, "%s takes other arguments: %s",
				 function->name, function->usage);
		return 0;
	}
	if (function->takes_field && node->children[0]->kind != NODE_FIELD &&
	    node->children[0]->kind != NODE_META) {
		(void)token_fail(parser->error, node->children[0]->offset,
				 "%s takes the name of a field", function->name);
		return 0;
	}
	if (function->pattern) {
		const struct node *pattern = node->children[function->pattern];

		if (!parse_need_pattern(parser, pattern))
			return 0;
		node->regex = parse_pattern(parser, pattern);
		return node->regex != NULL;
	}
	return 1;
}

static struct node *parse_call(struct parser *parser, const struct token *name)
{
	const struct function *function = find_function(parser, name);
	struct children list = {0};
	struct node *node;

	if (!function || !parse_next(parser) || !parse_list(parser, ')', &list))
		return NULL;
	node = node_with_children(parser, node_create(parser, NODE_CALL, name->offset), &list);
	if (!node)
		return NULL;
	node->function = function;
	return check_call(parser, node) ? node : NULL;
}

static int find_meta(const struct token *name, enum meta_kind *ret_meta)
{
	static const char *const names[] = {"@timestamp", "@source", "@position", "@host"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!name->quoted && name->count == 1 &&
		    weir_slice_equals(name->segments[0], names[i])) {
			*ret_meta = (enum meta_kind)i;
			return 1;
		}
	return 0;
}

struct node *parse_name(struct parser *parser)
{
	struct token name = parser->token;
	enum meta_kind meta = META_TIMESTAMP;
	int is_meta = find_meta(&name, &meta);
	struct weir_slice kept[FIELD_SEGMENTS_MAX];
	struct node *node;

	if (!parse_next(parser))
		return NULL;
	if (parse_is_sign(parser, '('))
		return parse_call(parser, &name);
	node = node_create(parser, is_meta ? NODE_META : NODE_FIELD, name.offset);
	if (!node)
		return NULL;
	node->meta = meta;
	if (is_meta)
		return node;
	for (uint32_t i = 0; i < name.count; i++) {
		kept[i] = scratch_copy(&parser->expr->made, name.segments[i]);
		if (!kept[i].data)
			return parse_no_memory(parser);
	}
	node->field = field_create(&parser->expr->made, kept, name.count);
	return node->field ? node : parse_no_memory(parser);
}

static struct node *parse_group(struct parser *parser)
{
	struct node *node;

	if (!parse_next(parser))
		return NULL;
	node = parse_or(parser);
	return node && parse_expect(parser, ')', "')'") ? node : NULL;
}

struct node *parse_value(struct parser *parser)
{
	const struct token *token = &parser->token;

	switch (token->kind) {
	case TOKEN_NUMBER:
		return node_literal(parser, value_of_number(&token->number));
	case TOKEN_STRING:
		return node_literal(parser, value_string(token->text));
	case TOKEN_TRUE:
	case TOKEN_FALSE:
		return node_literal(parser, value_bool(token->kind == TOKEN_TRUE));
	case TOKEN_NULL:
		return node_literal(parser, value_of_tag(WEIR_NULL));
	case TOKEN_NAME:
		return parse_name(parser);
	default:
		break;
	}
	if (parse_is_sign(parser, '('))
		return parse_group(parser);
	if (parse_is_sign(parser, '[')) {
		(void)token_fail(parser->error, token->offset, "a list can stand only after 'in'");
		return NULL;
	}
	return parse_unexpected(parser, "a value");
}
