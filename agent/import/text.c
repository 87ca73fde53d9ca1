// SPDX-License-Identifier: MIT
/* What an import writes: YAML that reads back as what was meant, whatever bytes are in it. */
#include <ctype.h>

#include "base/printable.h"
#include "import/import.h"

/* A key that YAML finds by its colon alone, at most (1,024 characters in its standard). */
#define KEY_MAX 1000

/* Columns of comments. */
#define COMMENT_WIDTH 96

/* Words that YAML takes for something else than text, in any case. */
static const char *const special[] = {"true", "false", "null", "yes", "no", "on",
				      "off",  "y",     "n",    "nan", "inf"};

static int is_plain(struct weir_slice text)
{
	if (text.size == 0 || !(isalpha((unsigned char)text.data[0]) || text.data[0] == '/'))
		return 0;
	for (uint64_t i = 0; i < text.size; i++)
		if (!isalnum((unsigned char)text.data[i]) && !strchr("_-./", text.data[i]))
			return 0;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (text.size == strlen(special[i]) &&
		    strncasecmp(text.data, special[i], text.size) == 0)
			return 0;
	return 1;
}

/* Printable ASCII can stand between single quotes. */
static int is_printable(struct weir_slice text)
{
	for (uint64_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] < 0x20 || (unsigned char)text.data[i] > 0x7E)
			return 0;
	return 1;
}

static void append_escaped(struct buffer *out, struct weir_slice text, int single)
{
	for (uint64_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		int begins = c == '$' && i + 1 < text.size &&
			     (text.data[i + 1] == '{' || text.data[i + 1] == '$');

		if ((single && c == '\'') || begins)
			buffer_append(out, &c, 1);
		buffer_append(out, &c, 1);
	}
}

static uint32_t code_point(const char *text, size_t size)
{
	uint32_t code = (unsigned char)text[0];

	if (size > 1)
		code &= 0x7FU >> size;
	for (size_t i = 1; i < size; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3F);
	return code;
}

/* In double quotes; what YAML does not take as it is becomes an escape, what is no UTF-8 U+FFFD. */
static void append_double(struct buffer *out, const char *text, size_t size)
{
	buffer_text(out, "\"");
	while (size) {
		size_t length = printable_utf8(text, size);
		uint32_t code = length ? code_point(text, length) : 0xFFFD;

		length = length ? length : 1;
		if (code == '"' || code == '\\')
			buffer_printf(out, "\\%c", (int)code);
		else if (code < 0x10000 && (!printable_length(text, size) || code >= 0xFFF0))
			buffer_printf(out, "\\u%04X", code);
		else if (!printable_length(text, size))
			buffer_printf(out, "\\U%08X", code);
		else
			buffer_append(out, text, length);
		text += length;
		size -= length;
	}
	buffer_text(out, "\"");
}

void import_scalar(struct buffer *out, struct weir_slice text)
{
	struct buffer dollars = {0};

	if (is_plain(text)) {
		buffer_append(out, text.data, text.size);
	} else if (is_printable(text)) {
		buffer_text(out, "'");
		append_escaped(out, text, 1);
		buffer_text(out, "'");
	} else {
		append_escaped(&dollars, text, 0);
		append_double(out, dollars.data, dollars.size);
		buffer_done(&dollars);
	}
}

void import_key_of(struct buffer *out, const struct buffer *scalar)
{
	int is_long = scalar->size > KEY_MAX;

	buffer_text(out, is_long ? "? " : "");
	buffer_append(out, scalar->data ? scalar->data : "", scalar->size);
	buffer_text(out, is_long ? " : " : ": ");
}

void import_key(struct buffer *out, struct weir_slice text)
{
	struct buffer scalar = {0};

	import_scalar(&scalar, text);
	import_key_of(out, &scalar);
	buffer_done(&scalar);
}

void import_option(struct buffer *out, const char *name, const char *text)
{
	if (!text)
		return;
	buffer_printf(out, "      %s: ", name);
	import_scalar(out, weir_slice_of(text));
	buffer_text(out, "\n");
}

void import_value(struct buffer *out, const struct tree_node *node)
{
	int is_map = node->kind == TREE_MAP;

	if (node->kind == TREE_SCALAR && node->plain && node->text.size) {
		buffer_append(out, node->text.data, node->text.size);
		return;
	}
	if (node->kind == TREE_SCALAR || node->kind == TREE_BAD) {
		import_scalar(out, node->text);
		return;
	}
	buffer_text(out, is_map ? "{" : "[");
	for (uint32_t i = 0; i < node->count; i++) {
		if (i)
			buffer_text(out, ", ");
		if (is_map) {
			import_key(out, node->keys[i]->text);
		}
		import_value(out, node->items[i]);
	}
	buffer_text(out, is_map ? "}" : "]");
}

void import_field(struct buffer *out, const char *name)
{
	int plain = isalpha((unsigned char)name[0]) || name[0] == '_';

	for (const char *at = name; *at; at++)
		plain = plain && (isalnum((unsigned char)*at) || *at == '_');
	buffer_printf(out, plain ? "%s" : "`%s`", name);
}

/* ---- files ---- */

/* A comment must stay one, and be UTF-8. */
static void append_shown(struct buffer *out, const char *text, size_t size)
{
	while (size) {
		size_t length = printable_length(text, size);

		buffer_append(out, length ? text : "?", length ? length : 1);
		text += length ? length : 1;
		size -= length ? length : 1;
	}
}

/* Words folded to lines of comment. */
static void append_comment(struct buffer *out, const char *first, const char *next,
			   const char *text)
{
	size_t column = strlen(first);
	const char *word = text;

	buffer_printf(out, "#%s", first);
	while (*word) {
		size_t size = strcspn(word, " \n");

		if (column + size > COMMENT_WIDTH && column > strlen(next)) {
			buffer_printf(out, "\n#%s", next);
			column = strlen(next);
		}
		buffer_text(out, " ");
		append_shown(out, word, size);
		column += size + 1;
		word += size;
		word += strspn(word, " \n");
	}
	buffer_text(out, "\n");
}

static void append_notes(const struct import_pipeline *pipeline, int kind, const char *title,
			 struct buffer *out)
{
	int any = 0;

	for (const struct import_note *note = pipeline->notes; note; note = note->next) {
		if (note->kind != kind)
			continue;
		if (!any++)
			buffer_printf(out, "#\n# %s\n", title);
		append_comment(out, "   -", "    ", note->text);
	}
}

static void append_list(struct buffer *out, const char *name, const struct buffer *list)
{
	if (list->size == 0)
		return;
	buffer_printf(out, "\n%s:\n", name);
	buffer_append(out, list->data, list->size);
}

void import_print(const struct import *import, const struct import_pipeline *pipeline,
		  struct buffer *out)
{
	char *about = config_print(import->memory, "%s, from %s of %s.", pipeline->about,
				   import->path, import->program);

	append_comment(out, "", "", about ? about : "");
	append_notes(pipeline, IMPORT_LOST, "Not carried over:", out);
	append_notes(pipeline, IMPORT_DIFFERS, "Different from there:", out);
	append_list(out, "inputs", &pipeline->inputs);
	append_list(out, "filters", &pipeline->filters);
	append_list(out, "outputs", &pipeline->outputs);
}
