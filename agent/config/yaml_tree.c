// SPDX-License-Identifier: MIT
/*
 * Builds the tree from libyaml's events, by recursion bounded by TREE_DEPTH_MAX. Broken syntax ends
 * the reading; everything else is reported and read past, so that a run shows all problems.
 */
#include "config/yaml_tree.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "config/yaml_syntax.h"

#define DESCRIBED_MAX 40 /* characters of a value that a message shows */

struct builder {
	yaml_parser_t parser;
	struct config_file *file;
	struct weir_slice text;
	uint32_t nodes;
	/* A cursor over the text, which only moves on. */
	uint32_t line, column;
	size_t byte;
};

static uint32_t line_of(yaml_mark_t mark)
{
	return (uint32_t)mark.line + 1;
}

static uint32_t column_of(yaml_mark_t mark)
{
	return (uint32_t)mark.column + 1;
}

static int next_event(struct builder *builder, yaml_event_t *ret_event)
{
	if (yaml_parser_parse(&builder->parser, ret_event))
		return 0;
	yaml_syntax_error(builder->file, &builder->parser, builder->text);
	return WEIR_ERR_INVALID;
}

static struct tree_node *new_node(struct builder *builder, uint32_t kind, yaml_mark_t mark)
{
	struct tree_node *node;

	if (++builder->nodes > TREE_NODES_MAX) {
		config_file_error(
			builder->file, line_of(mark), column_of(mark),
			"the file holds more than %d values, which no configuration does; "
			"is it the right file?",
			TREE_NODES_MAX);
		return NULL;
	}
	node = config_alloc(&builder->file->memory, sizeof(*node));
	if (!node)
		return NULL;
	node->kind = kind;
	node->line = line_of(mark);
	node->column = column_of(mark);
	return node;
}

/* Anchors and tags are reported where they stand; the value they are on is read all the same. */
static void refuse_properties(struct builder *builder, yaml_mark_t mark, const yaml_char_t *anchor,
			      const yaml_char_t *tag)
{
	if (anchor)
		config_file_error(
			builder->file, line_of(mark), column_of(mark),
			"anchors (&%.40s) are not supported; write the value out where it "
			"is used, or put text that begins with & in quotes",
			(const char *)anchor);
	if (tag)
		config_file_error(builder->file, line_of(mark), column_of(mark),
				  "tags (%.40s) are not supported; put text that begins with ! in "
				  "quotes",
				  (const char *)tag);
}

/* ---- scalars --------------------------------------------------------------------------------- */

/* The byte at (line, column), which is never before the one asked for last; the end of the text when
 * there is none. */
static size_t byte_at(struct builder *builder, uint32_t line, uint32_t column)
{
	const char *text = builder->text.data;
	size_t size = builder->text.size;

	while (builder->line < line) {
		const char *end = memchr(text + builder->byte, '\n', size - builder->byte);

		if (!end)
			return size;
		builder->byte = (size_t)(end - text) + 1;
		builder->line++;
		builder->column = 1;
	}
	for (; builder->column < column && builder->byte < size; builder->column++) {
		do
			builder->byte++;
		while (builder->byte < size && ((unsigned char)text[builder->byte] & 0xC0) == 0x80);
	}
	return builder->column == column ? builder->byte : size;
}

/* Sets text_column when the source reads, byte for byte, as the value does. */
static void find_text(struct builder *builder, struct tree_node *node, const yaml_event_t *event)
{
	uint32_t column = node->column + !node->plain;
	size_t at;

	if (event->start_mark.line != event->end_mark.line)
		return;
	at = byte_at(builder, node->line, column);
	if (node->text.size <= builder->text.size - at &&
	    memcmp(builder->text.data + at, node->text.data, node->text.size) == 0)
		node->text_column = column;
}

static struct tree_node *build_scalar(struct builder *builder, const yaml_event_t *event)
{
	struct tree_node *node = new_node(builder, TREE_SCALAR, event->start_mark);
	size_t size = event->data.scalar.length;

	if (!node)
		return NULL;
	refuse_properties(builder, event->start_mark, event->data.scalar.anchor,
			  event->data.scalar.tag);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text.data = config_copy(&builder->file->memory, event->data.scalar.value, size);
	if (!node->text.data)
		return NULL;
	node->text.size = size;
	if (memchr(node->text.data, '\0', size)) {
		config_file_error(
			builder->file, node->line, node->column,
			"the text holds a NUL character, which no setting can; remove it");
		node->kind = TREE_BAD;
	}
	find_text(builder, node, event);
	return node;
}

static struct tree_node *build_alias(struct builder *builder, const yaml_event_t *event)
{
	config_file_error(builder->file, line_of(event->start_mark), column_of(event->start_mark),
			  "aliases (*%.40s) are not supported; write the value out, or put text "
			  "that begins with * in quotes",
			  (const char *)event->data.alias.anchor);
	return new_node(builder, TREE_BAD, event->start_mark);
}

/* ---- lists and maps -------------------------------------------------------------------------- */

static struct tree_node *build_node(struct builder *builder, yaml_event_t *take_event,
				    uint32_t depth);

/* Room for one more item, and key in a map. Doubles; what is outgrown is freed with the file. */
static int grow(struct builder *builder, struct tree_node *node)
{
	struct config_memory *memory = &builder->file->memory;
	size_t size = node->count * sizeof(*node->items);
	struct tree_node **items, **keys;

	if (node->count & (node->count - 1) || node->count == 1)
		return 0;
	items = config_alloc(memory, size ? 2 * size : 2 * sizeof(*items));
	keys = config_alloc(memory, size ? 2 * size : 2 * sizeof(*keys));
	if (!items || !keys)
		return WEIR_ERR_MEMORY;
	if (size) {
		memcpy(items, node->items, size);
		memcpy(keys, node->keys, size);
	}
	node->items = items;
	node->keys = keys;
	return 0;
}

static int build_list(struct builder *builder, struct tree_node *list, uint32_t depth)
{
	yaml_event_t event;

	for (;;) {
		struct tree_node *item;

		if (next_event(builder, &event))
			return WEIR_ERR_INVALID;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		item = build_node(builder, &event, depth + 1);
		if (!item || grow(builder, list))
			return WEIR_ERR_INVALID;
		list->items[list->count++] = item;
	}
}

/* Whether the pair is kept. Reports a key that is no word, or is there already. */
static int accept_key(struct builder *builder, const struct tree_node *map,
		      const struct tree_node *key)
{
	if (key->kind == TREE_BAD)
		return 0;
	if (key->kind != TREE_SCALAR || (key->plain && key->text.size == 0)) {
		config_file_error(
			builder->file, key->line, key->column,
			"expected a word before the \":\", found %s; put quotes around text "
			"that begins with { or [",
			tree_describe(builder->file, key));
		return 0;
	}
	for (uint32_t i = 0; i < map->count; i++) {
		const struct tree_node *other = map->keys[i];

		if (other->text.size != key->text.size ||
		    memcmp(other->text.data, key->text.data, key->text.size) != 0)
			continue;
		config_file_error(builder->file, key->line, key->column,
				  "\"%.64s\" is set twice, first on line %u; remove one",
				  key->text.data, other->line);
		return 0;
	}
	return 1;
}

static int build_map(struct builder *builder, struct tree_node *map, uint32_t depth)
{
	yaml_event_t event;

	for (;;) {
		struct tree_node *key, *value;

		if (next_event(builder, &event))
			return WEIR_ERR_INVALID;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		if (map->count == TREE_KEYS_MAX) {
			config_file_error(builder->file, line_of(event.start_mark),
					  column_of(event.start_mark),
					  "a map of more than %d keys; split it", TREE_KEYS_MAX);
			yaml_event_delete(&event);
			return WEIR_ERR_INVALID;
		}
		key = build_node(builder, &event, depth + 1);
		if (!key || next_event(builder, &event))
			return WEIR_ERR_INVALID;
		value = build_node(builder, &event, depth + 1);
		if (!value)
			return WEIR_ERR_INVALID;
		if (!accept_key(builder, map, key))
			continue;
		if (grow(builder, map))
			return WEIR_ERR_INVALID;
		map->keys[map->count] = key;
		map->items[map->count++] = value;
	}
}

static struct tree_node *build_collection(struct builder *builder, const yaml_event_t *event,
					  uint32_t depth)
{
	int is_map = event->type == YAML_MAPPING_START_EVENT;
	struct tree_node *node;
	int result;

	if (depth >= TREE_DEPTH_MAX) {
		config_file_error(builder->file, line_of(event->start_mark),
				  column_of(event->start_mark),
				  "nested deeper than %d levels; flatten it", TREE_DEPTH_MAX);
		return NULL;
	}
	node = new_node(builder, is_map ? TREE_MAP : TREE_LIST, event->start_mark);
	if (!node)
		return NULL;
	if (is_map)
		refuse_properties(builder, event->start_mark, event->data.mapping_start.anchor,
				  event->data.mapping_start.tag);
	else
		refuse_properties(builder, event->start_mark, event->data.sequence_start.anchor,
				  event->data.sequence_start.tag);
	result = is_map ? build_map(builder, node, depth) : build_list(builder, node, depth);
	return result ? NULL : node;
}

static struct tree_node *build_node(struct builder *builder, yaml_event_t *take_event,
				    uint32_t depth)
{
	struct tree_node *node = NULL;

	switch (take_event->type) {
	case YAML_SCALAR_EVENT:
		node = build_scalar(builder, take_event);
		break;
	case YAML_ALIAS_EVENT:
		node = build_alias(builder, take_event);
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		node = build_collection(builder, take_event, depth);
		break;
	default: /* libyaml's parser gives no other event here */
		break;
	}
	yaml_event_delete(take_event);
	return node;
}

/* ---- the document ---------------------------------------------------------------------------- */

static int expect_end(struct builder *builder)
{
	yaml_event_t event;
	int second;

	if (next_event(builder, &event)) /* the end of the document */
		return WEIR_ERR_INVALID;
	yaml_event_delete(&event);
	if (next_event(builder, &event))
		return WEIR_ERR_INVALID;
	second = event.type == YAML_DOCUMENT_START_EVENT;
	if (second)
		config_file_error(
			builder->file, line_of(event.start_mark), column_of(event.start_mark),
			"a second YAML document begins here; put it in a file of its own");
	yaml_event_delete(&event);
	return second ? WEIR_ERR_INVALID : 0;
}

static int build_document(struct builder *builder, struct tree_node **ret_root)
{
	yaml_event_t event;
	int empty;

	if (next_event(builder, &event)) /* the start of the stream */
		return WEIR_ERR_INVALID;
	yaml_event_delete(&event);
	if (next_event(builder, &event))
		return WEIR_ERR_INVALID;
	empty = event.type == YAML_STREAM_END_EVENT;
	yaml_event_delete(&event);
	if (empty)
		return 0;
	if (next_event(builder, &event))
		return WEIR_ERR_INVALID;
	*ret_root = build_node(builder, &event, 0);
	return *ret_root ? expect_end(builder) : WEIR_ERR_INVALID;
}

int tree_read(struct config_file *file, struct tree_node **ret_root)
{
	struct builder builder = {
		.file = file, .text = {file->text, file->size}, .line = 1, .column = 1};
	struct tree_node *root = NULL;
	int result;

	if (file->size >= 3 && memcmp(file->text, "\xEF\xBB\xBF", 3) == 0) { /* a BOM */
		builder.text.data += 3;
		builder.text.size -= 3;
	}
	if (!yaml_parser_initialize(&builder.parser)) {
		file->memory.failed = 1;
		return WEIR_ERR_MEMORY;
	}
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)builder.text.data,
				     builder.text.size);
	result = build_document(&builder, &root);
	yaml_parser_delete(&builder.parser);
	if (!result)
		*ret_root = root;
	return result;
}

/* ---- looking at nodes ------------------------------------------------------------------------ */

int tree_is_null(const struct tree_node *node)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	if (!node)
		return 1;
	if (node->kind != TREE_SCALAR || !node->plain)
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (weir_slice_equals(node->text, words[i]))
			return 1;
	return 0;
}

void tree_position(const struct tree_node *node, size_t offset, uint32_t *ret_line,
		   uint32_t *ret_column)
{
	*ret_line = node->line;
	*ret_column = node->column;
	if (!node->text_column)
		return;
	*ret_column = node->text_column;
	for (size_t i = 0; i < offset && i < node->text.size; i++)
		*ret_column += ((unsigned char)node->text.data[i] & 0xC0) != 0x80;
}

void tree_forget_positions(struct tree_node *node)
{
	node->line = node->column = node->text_column = 0;
	for (uint32_t i = 0; i < node->count; i++) {
		tree_forget_positions(node->items[i]);
		if (node->keys[i])
			tree_forget_positions(node->keys[i]);
	}
}

const char *tree_describe(struct config_file *file, const struct tree_node *node)
{
	const char *described;
	size_t size = node->text.size;

	if (node->kind == TREE_MAP)
		return "a map";
	if (node->kind == TREE_LIST)
		return "a list";
	if (tree_is_null(node))
		return "nothing";
	if (size > DESCRIBED_MAX) {
		size = DESCRIBED_MAX;
		while (size && ((unsigned char)node->text.data[size] & 0xC0) == 0x80)
			size--;
	}
	described = config_print(&file->memory, "\"%.*s%s\"", (int)size, node->text.data,
				 size < node->text.size ? "..." : "");
	return described ? described : "a value";
}
