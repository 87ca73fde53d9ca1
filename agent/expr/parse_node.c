// SPDX-License-Identifier: MIT
/* Nodes live in the expression's own memory, and are never freed one by one. */
#include "expr/parse_node.h"

#include <weir/plugin.h>

void *parse_no_memory(struct parser *parser)
{
	(void)weir_fail(parser->error, WEIR_ERR_MEMORY, "no memory for the expression");
	return NULL;
}

int parse_next(struct parser *parser)
{
	return token_next(parser->source, &parser->at, &parser->expr->made, &parser->token,
			  parser->error) == 0;
}

int parse_is_sign(const struct parser *parser, char sign)
{
	return parser->token.kind == TOKEN_SIGN && parser->token.op == (uint8_t)sign;
}

void *parse_unexpected(struct parser *parser, const char *expected)
{
	const struct token *token = &parser->token;

	if (token->kind == TOKEN_END)
		(void)token_fail(parser->error, token->offset,
				 "expected %s, found the end of the expression", expected);
	else
		(void)token_fail(parser->error, token->offset, "expected %s, found '%.*s'",
				 expected, (int)token->source.size, token->source.data);
	return NULL;
}

int parse_expect(struct parser *parser, char sign, const char *expected)
{
	if (!parse_is_sign(parser, sign)) {
		(void)parse_unexpected(parser, expected);
		return 0;
	}
	return parse_next(parser);
}

struct node *node_create(struct parser *parser, enum node_kind kind, uint32_t offset)
{
	struct node *node = scratch_take(&parser->expr->made, sizeof(*node));

	if (!node)
		return parse_no_memory(parser);
	memset(node, 0, sizeof(*node));
	node->kind = (uint8_t)kind;
	node->offset = offset;
	node->depth = 1;
	return node;
}

int node_add_child(struct parser *parser, struct children *list, struct node *child)
{
	struct node **items;

	if (!child)
		return 0;
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 4;
		items = scratch_take(&parser->expr->made, list->capacity * sizeof(struct node *));
		if (!items)
			return parse_no_memory(parser) != NULL;
		if (list->count)
			memcpy(items, list->items, list->count * sizeof(struct node *));
		list->items = items;
	}
	list->items[list->count++] = child;
	return 1;
}

struct node *node_with_children(struct parser *parser, struct node *node,
				const struct children *list)
{
	if (!node)
		return NULL;
	node->children = list->items;
	node->count = list->count;
	for (uint32_t i = 0; i < list->count; i++)
		if (list->items[i]->depth >= node->depth)
			node->depth = (uint8_t)(list->items[i]->depth + 1);
	if (node->depth > EXPR_DEPTH_MAX) {
		(void)token_fail(parser->error, node->offset,
				 "the expression is nested more than %d deep", EXPR_DEPTH_MAX);
		return NULL;
	}
	return node;
}

struct node *node_unary(struct parser *parser, enum node_kind kind, uint32_t offset,
			struct node *child)
{
	struct children list = {0};

	if (!node_add_child(parser, &list, child))
		return NULL;
	return node_with_children(parser, node_create(parser, kind, offset), &list);
}

struct node *node_binary(struct parser *parser, enum node_kind kind, uint32_t offset,
			 struct node *left, struct node *right)
{
	struct children list = {0};

	if (!node_add_child(parser, &list, left) || !node_add_child(parser, &list, right))
		return NULL;
	return node_with_children(parser, node_create(parser, kind, offset), &list);
}

/* Compiles a pattern that stands in the source at `offset`. */
struct regex *parse_pattern(struct parser *parser, const struct node *literal)
{
	struct regex_entry *entry = scratch_take(&parser->expr->made, sizeof(*entry));
	int result;

	if (!entry)
		return parse_no_memory(parser);
	result = regex_create(literal->literal.text, &entry->regex, parser->error);
	if (result != 0) {
		/* Past the quote; escapes before the place may move it a little. */
		if (parser->error)
			parser->error->offset += literal->offset + 1;
		return NULL;
	}
	entry->next = parser->expr->regexes;
	parser->expr->regexes = entry;
	return entry->regex;
}

static int is_string(const struct node *node)
{
	return node->kind == NODE_LITERAL && node->literal.tag == WEIR_STRING;
}

int parse_need_pattern(struct parser *parser, const struct node *node)
{
	if (is_string(node))
		return 1;
	(void)token_fail(parser->error, node->offset,
			 "a pattern must be a quoted text, such as \"^GET \"");
	return 0;
}
