// SPDX-License-Identifier: MIT
/* The sections, and the text that is made of their values. */
#include <ctype.h>
#include <glob.h>

#include "import/fluent.h"

/* ---- sections ---- */

struct fluent_section *fluent_add(struct fluent *fluent, int kind, const char *title, uint32_t line)
{
	struct fluent_section *section =
		fluent->items++ < FLUENT_ITEMS_MAX
			? config_alloc(fluent->import->memory, sizeof(*section))
			: NULL;

	if (!section)
		return NULL;
	section->kind = kind;
	section->title = title;
	section->line = line;
	section->end = &section->pairs;
	*fluent->end = section;
	fluent->end = &section->next;
	return section;
}

void fluent_define(struct fluent *fluent, struct weir_slice name, struct weir_slice value)
{
	struct config_memory *memory = fluent->import->memory;
	struct fluent_variable *variable = config_alloc(memory, sizeof(*variable));

	if (!variable)
		return;
	variable->name = config_copy(memory, name.data ? name.data : "", name.size);
	variable->value = config_copy(memory, value.data ? value.data : "", value.size);
	variable->next = fluent->variables;
	fluent->variables = variable;
}

static const char *variable_of(const struct fluent *fluent, struct weir_slice name)
{
	for (const struct fluent_variable *v = fluent->variables; v; v = v->next)
		if (v->name && weir_slice_equals(name, v->name))
			return v->value;
	return NULL;
}

/* With the variables that the files define put in; others stay for the agent's environment. */
static char *expanded(struct fluent *fluent, struct weir_slice value)
{
	struct buffer out = {0};
	const char *at = value.data, *end = value.data + value.size;
	char *text;

	while (at < end) {
		const char *close = end - at > 3 && at[0] == '$' && at[1] == '{'
					    ? memchr(at, '}', (size_t)(end - at))
					    : NULL;
		const char *known =
			close ? variable_of(fluent,
					    (struct weir_slice){at + 2, (uint64_t)(close - at - 2)})
			      : NULL;

		if (known)
			buffer_text(&out, known);
		else
			buffer_append(&out, at, 1);
		at = known ? close + 1 : at + 1;
	}
	text = config_copy(fluent->import->memory, out.data ? out.data : "", out.size);
	buffer_done(&out);
	return text;
}

void fluent_set(struct fluent *fluent, struct fluent_section *section, struct weir_slice key,
		struct weir_slice value, uint32_t line)
{
	struct config_memory *memory = fluent->import->memory;
	struct fluent_pair *pair =
		fluent->items++ < FLUENT_ITEMS_MAX ? config_alloc(memory, sizeof(*pair)) : NULL;

	if (!pair)
		return;
	pair->key = config_copy(memory, key.data ? key.data : "", key.size);
	pair->value = expanded(fluent, value);
	pair->line = line;
	if (!pair->key || !pair->value)
		return;
	*section->end = pair;
	section->end = &pair->next;
}

const char *fluent_get(struct fluent_section *section, const char *key)
{
	const char *found = NULL;

	for (struct fluent_pair *pair = section->pairs; pair; pair = pair->next) {
		if (strcasecmp(pair->key, key) != 0)
			continue;
		pair->used = 1;
		found = found ? found : pair->value;
	}
	return found;
}

static int is_one_of(const char *key, const char *const *keys)
{
	while (*keys && strcasecmp(key, *keys) != 0)
		keys++;
	return *keys != NULL;
}

struct fluent_pair *fluent_next(struct fluent_section *section, const struct fluent_pair *after,
				const char *const *keys)
{
	struct fluent_pair *pair = after ? after->next : section->pairs;

	while (pair && !is_one_of(pair->key, keys))
		pair = pair->next;
	if (pair)
		pair->used = 1;
	return pair;
}

void fluent_ignore(struct fluent_section *section, const char *const *keys)
{
	for (struct fluent_pair *pair = section->pairs; pair; pair = pair->next)
		pair->used |= is_one_of(pair->key, keys);
}

int fluent_is_on(const char *value)
{
	return value && (strcasecmp(value, "on") == 0 || strcasecmp(value, "true") == 0 ||
			 strcasecmp(value, "yes") == 0 || strcmp(value, "1") == 0);
}

struct fluent_section *fluent_find(const struct fluent *fluent, int kind, const char *name)
{
	for (struct fluent_section *section = fluent->sections; section; section = section->next)
		if (section->kind == kind && strcmp(fluent_name(section), name) == 0)
			return section;
	return NULL;
}

const char *fluent_name(struct fluent_section *section)
{
	const char *name = fluent_get(section, "name");

	return name ? name : "";
}

size_t fluent_words(const struct fluent *fluent, const char *value, const char **ret_words,
		    size_t max)
{
	size_t count = 0;

	while (*value && count < max) {
		char quote = '\0';
		size_t size;

		value += strspn(value, " \t");
		if (*value == '"' || *value == '\'')
			quote = *value++;
		size = quote              ? strcspn(value, quote == '"' ? "\"" : "'")
		       : count + 1 == max ? strlen(value)
					  : strcspn(value, " \t");
		if (!size && !quote)
			break;
		ret_words[count] = config_copy(fluent->import->memory, value, size);
		if (!ret_words[count])
			break;
		count++;
		value += size + (quote && value[size]);
	}
	return count;
}

/* ---- files ---- */

static int ends_in(const char *text, const char *suffix)
{
	size_t size = strlen(text);

	return size > strlen(suffix) && strcmp(text + size - strlen(suffix), suffix) == 0;
}

void fluent_read_file(struct fluent *fluent, const char *path, int depth)
{
	struct config_file file;

	if (config_file_open(&file, fluent->import->config, path) == 0) {
		if (ends_in(path, ".yaml") || ends_in(path, ".yml"))
			fluent_read_yaml(fluent, &file, depth);
		else
			fluent_read_classic(fluent, &file, depth);
	}
	config_file_done(&file);
}

void fluent_include(struct fluent *fluent, const char *from, const char *path, int depth)
{
	char *pattern = path ? config_path_beside(fluent->import->memory, from, path) : NULL;
	glob_t found;

	if (!pattern || !fluent->reads_files)
		return;
	if (depth >= FLUENT_DEPTH_MAX) {
		import_note(fluent->import, NULL, IMPORT_LOST, 0,
			    "%s: files include each other more than %d deep", pattern,
			    FLUENT_DEPTH_MAX);
		return;
	}
	if (glob(pattern, 0, NULL, &found) != 0) {
		import_note(fluent->import, NULL, IMPORT_LOST, 0, "%s: there is no such file",
			    pattern);
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *one = config_copy(fluent->import->memory, found.gl_pathv[i],
					strlen(found.gl_pathv[i]));

		if (one)
			fluent_read_file(fluent, one, depth + 1);
	}
	globfree(&found);
}

/* ---- text ---- */

/* ${NAME} that the agent here understands, too. */
static size_t variable_size(const char *at)
{
	size_t size = 2;

	if (at[0] != '$' || at[1] != '{' || !(isalpha((unsigned char)at[2]) || at[2] == '_'))
		return 0;
	while (isalnum((unsigned char)at[size]) || at[size] == '_')
		size++;
	return at[size] == '}' ? size + 1 : 0;
}

void fluent_scalar(struct buffer *out, const char *text)
{
	struct buffer scalar = {0};
	int has_variable = 0;

	for (const char *at = text; *at; at++)
		has_variable |= variable_size(at) > 0;
	import_scalar(&scalar, weir_slice_of(text));
	if (!has_variable) {
		buffer_append(out, scalar.data, scalar.size);
		buffer_done(&scalar);
		return;
	}
	/* import_scalar() doubled the $ of each. */
	buffer_cstr(&scalar);
	for (size_t i = 0; i < scalar.size; i++)
		if (!(scalar.data[i] == '$' && scalar.data[i + 1] == '$' &&
		      variable_size(scalar.data + i + 1)))
			buffer_append(out, scalar.data + i, 1);
	buffer_done(&scalar);
}

void fluent_key(struct buffer *out, const char *text)
{
	struct buffer scalar = {0};

	fluent_scalar(&scalar, text);
	import_key_of(out, &scalar);
	buffer_done(&scalar);
}

void fluent_option(struct buffer *out, const char *name, const char *text)
{
	if (!text)
		return;
	buffer_printf(out, "      %s: ", name);
	fluent_scalar(out, text);
	buffer_text(out, "\n");
}

void fluent_literal(struct buffer *out, const char *text)
{
	buffer_text(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buffer_text(out, "\\");
		buffer_append(out, text, 1);
	}
	buffer_text(out, "\"");
}

void fluent_field(struct buffer *out, const char *key)
{
	struct buffer name = {0};
	int nested = key[0] == '$';

	for (const char *at = key + nested; *at; at++) {
		if (nested && *at == '[')
			buffer_text(&name, ".");
		else if (*at != '`' && !(nested && strchr("]'\"", *at)))
			buffer_append(&name, at, 1);
	}
	if (nested)
		buffer_append(out, name.data ? name.data : "", name.size);
	else
		import_field(out, buffer_cstr(&name));
	buffer_done(&name);
}
