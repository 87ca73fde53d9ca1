// SPDX-License-Identifier: MIT
/*
 * Recursive descent; each level is a function, loosest first:
 *
 *   or  and  not  comparison (== != < <= > >= =~ !~ in)  sum (+ -)  product (* / %)  unary -  value
 *
 * Chains of `and` and of `or` become one node with many children, so that a long list of conditions
 * is not a deep tree. The first error ends the parse: functions return NULL and the error is set.
 */
#include "expr/parse.h"

#include "expr/parse_value.h"

static struct node *negate_literal(struct node *node)
{
	/* A number written without a sign is never the least one. */
	if (node->literal.tag == WEIR_INT)
		node->literal.as.i64 = -node->literal.as.i64;
	else
		node->literal.as.f64 = -node->literal.as.f64;
	return node;
}

static struct node *parse_unary(struct parser *parser)
{
	uint32_t offset = parser->token.offset;
	struct node *node;

	if (!parse_is_sign(parser, '-'))
		return parse_value(parser);
	if (++parser->nesting > EXPR_DEPTH_MAX) {
		(void)token_fail(parser->error, offset,
				 "the expression is nested more than %d deep", EXPR_DEPTH_MAX);
		return NULL;
	}
	node = parse_next(parser) ? parse_unary(parser) : NULL;
	parser->nesting--;
	if (node && node->kind == NODE_LITERAL && value_is_number(&node->literal))
		return negate_literal(node);
	return node ? node_unary(parser, NODE_NEGATE, offset, node) : NULL;
}

/* left (sign right)*, left to right. */
static struct node *parse_chain(struct parser *parser, const char *operators,
				struct node *(*operand)(struct parser *))
{
	struct node *left = operand(parser);

	while (left && parser->token.kind == TOKEN_SIGN && strchr(operators, parser->token.op)) {
		uint32_t offset = parser->token.offset;
		uint8_t op = parser->token.op;

		if (!parse_next(parser))
			return NULL;
		left = node_binary(parser, NODE_ARITHMETIC, offset, left, operand(parser));
		if (left)
			left->op = op;
	}
	return left;
}

static struct node *parse_product(struct parser *parser)
{
	return parse_chain(parser, "*/%", parse_unary);
}

static struct node *parse_sum(struct parser *parser)
{
	return parse_chain(parser, "+-", parse_product);
}

static uint8_t swapped(uint8_t op)
{
	uint8_t kept = op & (ORDER_EQUAL | ORDER_NONE);

	return (uint8_t)(kept | (op & ORDER_LESS ? ORDER_GREATER : 0) |
			 (op & ORDER_GREATER ? ORDER_LESS : 0));
}

static struct node *parse_compare(struct parser *parser, struct node *left)
{
	uint32_t offset = parser->token.offset;
	uint8_t op = parser->token.op;
	struct node *right = parse_next(parser) ? parse_sum(parser) : NULL, *node;

	if (right && parser->token.kind == TOKEN_COMPARE) {
		(void)token_fail(parser->error, parser->token.offset,
				 "comparisons don't chain: join two of them with 'and'");
		return NULL;
	}
	if (right && left->kind == NODE_LITERAL) {
		struct node *literal = left;

		left = right;
		right = literal;
		op = swapped(op);
	}
	node = node_binary(parser, NODE_COMPARE, offset, left, right);
	if (node)
		node->op = op;
	return node;
}

static struct node *parse_match(struct parser *parser, struct node *left)
{
	uint32_t offset = parser->token.offset;
	int negated = parser->token.kind == TOKEN_NO_MATCH;
	struct node *pattern = parse_next(parser) ? parse_sum(parser) : NULL, *node;

	if (!pattern || !parse_need_pattern(parser, pattern))
		return NULL;
	node = node_unary(parser, NODE_MATCH, offset, left);
	if (!node)
		return NULL;
	node->negated = (uint8_t)negated;
	node->regex = parse_pattern(parser, pattern);
	return node->regex ? node : NULL;
}

/* After `in`: a list in brackets, or the name of a field that is a list. */
static struct node *parse_members(struct parser *parser, struct node *left, uint32_t offset)
{
	struct children list = {0};
	enum node_kind kind = NODE_IN;

	if (!node_add_child(parser, &list, left))
		return NULL;
	if (parse_is_sign(parser, '[')) {
		if (!parse_next(parser) || !parse_list(parser, ']', &list))
			return NULL;
	} else if (parser->token.kind == TOKEN_NAME) {
		kind = NODE_IN_FIELD;
		if (!node_add_child(parser, &list, parse_name(parser)))
			return NULL;
	} else {
		return parse_unexpected(parser, "a list such as [200, 204]");
	}
	return node_with_children(parser, node_create(parser, kind, offset), &list);
}

static struct node *parse_in(struct parser *parser, struct node *left)
{
	uint32_t offset = parser->token.offset;
	int negated = parser->token.kind == TOKEN_NOT;
	struct node *node;

	if (negated) {
		if (!parse_next(parser))
			return NULL;
		if (parser->token.kind != TOKEN_IN)
			return parse_unexpected(parser, "'in' after 'not'");
	}
	if (!parse_next(parser))
		return NULL;
	node = parse_members(parser, left, offset);
	if (node)
		node->negated = (uint8_t)negated;
	return node;
}

static struct node *parse_comparison(struct parser *parser)
{
	struct node *left = parse_sum(parser);

	if (!left)
		return NULL;
	switch (parser->token.kind) {
	case TOKEN_COMPARE:
		return parse_compare(parser, left);
	case TOKEN_MATCH:
	case TOKEN_NO_MATCH:
		return parse_match(parser, left);
	case TOKEN_IN:
	case TOKEN_NOT:
		return parse_in(parser, left);
	default:
		return left;
	}
}

static struct node *parse_not(struct parser *parser)
{
	uint32_t offset = parser->token.offset;
	struct node *node;

	if (++parser->nesting > EXPR_DEPTH_MAX) {
		(void)token_fail(parser->error, offset,
				 "the expression is nested more than %d deep", EXPR_DEPTH_MAX);
		return NULL;
	}
	if (parser->token.kind != TOKEN_NOT) {
		node = parse_comparison(parser);
	} else {
		node = parse_next(parser) ? parse_not(parser) : NULL;
		if (node)
			node = node_unary(parser, NODE_NOT, offset, node);
	}
	parser->nesting--;
	return node;
}

/* operand (word operand)* as one node, or the operand alone. */
static struct node *parse_joined(struct parser *parser, enum token_kind word, enum node_kind kind,
				 struct node *(*operand)(struct parser *))
{
	uint32_t offset = parser->token.offset;
	struct children list = {0};
	struct node *first = operand(parser);

	if (!first || parser->token.kind != word)
		return first;
	if (!node_add_child(parser, &list, first))
		return NULL;
	while (parser->token.kind == word)
		if (!parse_next(parser) || !node_add_child(parser, &list, operand(parser)))
			return NULL;
	return node_with_children(parser, node_create(parser, kind, offset), &list);
}

static struct node *parse_and(struct parser *parser)
{
	return parse_joined(parser, TOKEN_AND, NODE_AND, parse_not);
}

struct node *parse_or(struct parser *parser)
{
	return parse_joined(parser, TOKEN_OR, NODE_OR, parse_and);
}

int parse_expression(struct weir_expr *expr, struct weir_slice source, struct weir_error *error)
{
	struct weir_error unwanted;
	struct parser parser = {.source = source, .expr = expr, .error = error ? error : &unwanted};

	if (source.size > EXPR_TEXT_MAX)
		return token_fail(error, EXPR_TEXT_MAX, "an expression has at most %d bytes",
				  EXPR_TEXT_MAX);
	parser.error->code = 0;
	expr->root = parse_next(&parser) ? parse_or(&parser) : NULL;
	if (expr->root && parser.token.kind != TOKEN_END)
		expr->root = parse_unexpected(&parser, "an operator or the end");
	return expr->root ? 0 : parser.error->code;
}
