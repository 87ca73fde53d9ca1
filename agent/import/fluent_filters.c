// SPDX-License-Identifier: MIT
/* The names of filters and of their rules that are compared here are Fluent Bit's own. */
#include "import/fluent.h"
#include "import/fluent_templates.h"

/* Where the answer of conditions is kept for the rules. */
static const char condition_field[] = "weir_condition";

struct filtering {
	struct fluent *fluent;
	struct import_pipeline *pipeline;
	struct fluent_section *filter;
	struct buffer when; /* the conditions of `modify`, as an expression */
};

static void lost(struct filtering *f, uint32_t line, const char *what, const char *more)
{
	import_note(f->fluent->import, f->pipeline, IMPORT_LOST, line, "%s%s", what, more);
}

/* ---- grep ---- */

/* FIELD PATTERN; what is behind the first blank is the pattern, quotes included. */
static void put_match(struct filtering *f, struct buffer *out, const char *value)
{
	size_t size = strcspn(value, " ");
	const char *field = config_copy(f->fluent->import->memory, value, size);
	const char *pattern = fluent_pattern(f->fluent, value + size + (value[size] == ' '));

	fluent_field(out, field ? field : "");
	buffer_text(out, " =~ ");
	fluent_literal(out, pattern ? pattern : "");
}

/* Its patterns fit texts only; a number that it never finds is found here. Once per pipeline, and only where
 * a parser can have made one. */
static void note_numbers(struct filtering *f, uint32_t line)
{
	static const char text[] =
		"a number fits a pattern, or equals a value, by its text; there it never does";

	if (!f->pipeline->filters.size ||
	    !strstr(buffer_cstr(&f->pipeline->filters), FLUENT_AS_PARSE))
		return;
	for (const struct import_note *note = f->pipeline->notes; note; note = note->next)
		if (strcmp(note->text, text) == 0)
			return;
	import_note(f->fluent->import, f->pipeline, IMPORT_DIFFERS, line, "%s", text);
}

/* Without logical_op the rules are asked in their order, and the first `Regex` decides: what follows it is
 * never asked. With it all are of one kind, and AND and OR are of what they find, before `Exclude` turns
 * it around. */
static void grep(struct filtering *f)
{
	static const char *const keys[] = {"regex", "exclude", NULL};
	const char *operator= fluent_get(f->filter, "logical_op");
	int any = operator&& strcasecmp(operator, "or") == 0;
	int joined = any || (operator&& strcasecmp(operator, "and") == 0);
	int exclude = 0, decided = 0;
	struct buffer expression = {0};
	struct fluent_pair *pair = NULL;

	while ((pair = fluent_next(f->filter, pair, keys)) != NULL) {
		if (decided) {
			import_note(f->fluent->import, f->pipeline, IMPORT_DIFFERS, pair->line,
				    "grep: %s %s is left out, as it is never asked behind a Regex "
				    "without Logical_Op",
				    pair->key, pair->value);
			continue;
		}
		exclude = strcasecmp(pair->key, "exclude") == 0;
		decided = !joined && !exclude;
		if (expression.size)
			buffer_text(&expression, any ? " or " : " and ");
		buffer_text(&expression, exclude && !joined ? "not (" : "");
		put_match(f, &expression, pair->value);
		buffer_text(&expression, exclude && !joined ? ")" : "");
		note_numbers(f, pair->line);
	}
	if (expression.size) {
		struct buffer whole = {0};

		buffer_printf(&whole, joined && exclude ? "not (%s)" : "%s",
			      buffer_cstr(&expression));
		buffer_text(&f->pipeline->filters, FLUENT_AS_GREP);
		fluent_scalar(&f->pipeline->filters, buffer_cstr(&whole));
		buffer_text(&f->pipeline->filters, "\n");
		buffer_done(&whole);
	}
	buffer_done(&expression);
}

/* ---- modify, record_modifier ---- */

static void add_condition(struct filtering *f, const struct fluent_pair *pair)
{
	static const struct {
		const char *name, *form;
	} forms[] = {
		{"key_exists", "exists(K)"},     {"key_does_not_exist", "not exists(K)"},
		{"key_value_equals", "K == V"},  {"key_value_does_not_equal", "K != V"},
		{"key_value_matches", "K =~ V"}, {"key_value_does_not_match", "K !~ V"},
	};
	const char *words[3] = {"", "", ""};
	size_t form = 0, count = sizeof(forms) / sizeof(forms[0]);

	fluent_words(f->fluent, pair->value, words, 3);
	while (form < count && strcasecmp(words[0], forms[form].name) != 0)
		form++;
	if (form == count) {
		lost(f, pair->line, "the condition ", pair->value);
		return;
	}
	if (strchr(forms[form].form, 'V'))
		note_numbers(f, pair->line);
	buffer_text(&f->when, f->when.size ? " and " : "");
	for (const char *at = forms[form].form; *at; at++) {
		if (*at == 'K')
			fluent_field(&f->when, words[1]);
		else if (*at == 'V')
			fluent_literal(&f->when, words[2]);
		else
			buffer_append(&f->when, at, 1);
	}
}

/* One step with what it depends on: STAGE `when: ..., fields: FIELDS }`. */
static void put_step(struct filtering *f, const char *stage, const char *fields, const char *when)
{
	struct buffer *out = &f->pipeline->filters;
	struct buffer whole = {0};

	if (f->when.size)
		buffer_append(&whole, f->when.data, f->when.size);
	if (when[0])
		buffer_printf(&whole, "%s%s", whole.size ? " and " : "", when);
	buffer_text(out, stage);
	if (whole.size) {
		buffer_text(out, "when: ");
		fluent_scalar(out, buffer_cstr(&whole));
		buffer_text(out, ", ");
	}
	buffer_printf(out, "fields: %s }\n", fields);
	buffer_done(&whole);
}

/* {KEY: VALUE}; an expression when `computed`. */
static void put_field(struct buffer *out, const char *key, const char *value, int computed)
{
	buffer_text(out, "{ ");
	fluent_key(out, key);
	buffer_text(out, computed ? "{ expr: " : "");
	if (computed) {
		struct buffer field = {0};

		fluent_field(&field, value);
		fluent_scalar(out, buffer_cstr(&field));
		buffer_done(&field);
	} else if (value[0]) {
		fluent_scalar(out, value);
	} else {
		buffer_text(out, "''");
	}
	buffer_text(out, computed ? " } }" : " }");
}

/* A rule of two words. */
struct rule {
	const char *name;
	const char *
		stage; /* what it is written as, with the one word as a field and the other as its value */
	int backwards; /* the second word is that field */
	int computed;  /* the value is another field's */
	int result;    /* which of the two, counted so, is the field that is there afterwards */
	int keeps; /* such a field that is there already, as `Rename` does and `Hard_rename` does not */
};

static const struct rule rules_of_two[] = {
	{"set", FLUENT_AS_SET, 0, 0, 0, 0},       {"add", FLUENT_AS_SET, 0, 0, 0, 1},
	{"rename", FLUENT_AS_RENAME, 0, 0, 1, 1}, {"hard_rename", FLUENT_AS_RENAME, 0, 0, 1, 0},
	{"copy", FLUENT_AS_SET, 1, 1, 0, 1},      {"hard_copy", FLUENT_AS_SET, 1, 1, 0, 0},
	{"record", FLUENT_AS_SET, 0, 0, 0, 0},
};

static void modify_two(struct filtering *f, const struct rule *rule, const char *value)
{
	const char *words[2] = {"", ""}, *ordered[2];
	struct buffer fields = {0}, when = {0};

	fluent_words(f->fluent, value, words, 2);
	ordered[0] = words[rule->backwards];
	ordered[1] = words[!rule->backwards];
	put_field(&fields, ordered[0], ordered[1], rule->computed);
	if (rule->keeps) {
		buffer_text(&when, "not exists(");
		fluent_field(&when, ordered[rule->result]);
		buffer_text(&when, ")");
	}
	put_step(f, rule->stage, buffer_cstr(&fields), buffer_cstr(&when));
	buffer_done(&fields);
	buffer_done(&when);
}

static void modify_remove(struct filtering *f, const char *key)
{
	struct buffer fields = {0};

	buffer_text(&fields, "[");
	fluent_scalar(&fields, key);
	buffer_text(&fields, "]");
	put_step(f, FLUENT_AS_REMOVE, buffer_cstr(&fields), "");
	buffer_done(&fields);
}

static void modify_one(struct filtering *f, const struct fluent_pair *pair)
{
	for (size_t i = 0; i < sizeof(rules_of_two) / sizeof(rules_of_two[0]); i++)
		if (strcasecmp(pair->key, rules_of_two[i].name) == 0) {
			modify_two(f, &rules_of_two[i], pair->value);
			return;
		}
	modify_remove(f, pair->value);
}

/* They are asked once, before the rules change what they look at. */
static void begin_conditions(struct filtering *f)
{
	struct buffer *out = &f->pipeline->filters;

	if (f->when.size == 0)
		return;
	buffer_printf(out, FLUENT_AS_SET "%s: { expr: ", condition_field);
	fluent_scalar(out, buffer_cstr(&f->when));
	buffer_text(out, " } }\n");
	buffer_clear(&f->when);
	buffer_text(&f->when, condition_field);
}

static void modify(struct filtering *f)
{
	static const char *const rules[] = {"set",  "add",       "rename", "hard_rename",
					    "copy", "hard_copy", "remove", NULL};
	static const char *const conditions[] = {"condition", NULL};
	struct fluent_pair *pair = NULL;

	while ((pair = fluent_next(f->filter, pair, conditions)) != NULL)
		add_condition(f, pair);
	begin_conditions(f);
	while ((pair = fluent_next(f->filter, pair, rules)) != NULL)
		modify_one(f, pair);
	if (f->when.size)
		buffer_printf(&f->pipeline->filters, FLUENT_AS_REMOVE_LIST "%s]\n",
			      condition_field);
}

static void keep_only(struct filtering *f)
{
	static const char *const keys[] = {"allowlist_key", "whitelist_key", NULL};
	struct fluent_pair *pair = NULL;
	const char *separator = FLUENT_AS_ALLOWLIST;

	while ((pair = fluent_next(f->filter, pair, keys)) != NULL) {
		buffer_text(&f->pipeline->filters, separator);
		fluent_scalar(&f->pipeline->filters, pair->value);
		separator = ", ";
	}
	if (separator[0] == ',')
		buffer_text(&f->pipeline->filters, "]\n");
}

static void record_modifier(struct filtering *f)
{
	static const char *const keys[] = {"record", "remove_key", NULL};
	struct fluent_pair *pair = NULL;

	keep_only(f);
	while ((pair = fluent_next(f->filter, pair, keys)) != NULL)
		modify_one(f, pair);
}

/* ---- parser ---- */

static void parse(struct filtering *f)
{
	const char *field = fluent_get(f->filter, "key_name");
	const char *name = fluent_get(f->filter, "parser");
	struct fluent_section *parser = name ? fluent_find(f->fluent, FLUENT_PARSER, name) : NULL;

	if (!parser) {
		lost(f, f->filter->line, "there is no parser ", name ? name : "");
		return;
	}
	if (!fluent_is_on(fluent_get(f->filter, "reserve_data")))
		import_note(f->fluent->import, f->pipeline, IMPORT_DIFFERS, f->filter->line,
			    "filter parser: the other fields stay, as with Reserve_Data On");
	fluent_parser(f->fluent, f->pipeline, parser, field ? field : "log");
}

void fluent_filter(struct fluent *fluent, struct import_pipeline *pipeline,
		   struct fluent_section *filter)
{
	static const char *const ignored[] = {"name", "match", "alias", "log_level", NULL};
	struct filtering f = {.fluent = fluent, .pipeline = pipeline, .filter = filter};
	const char *name = fluent_name(filter);

	filter->is_used = 1;
	fluent_ignore(filter, ignored);
	if (strcasecmp(name, "grep") == 0)
		grep(&f);
	else if (strcasecmp(name, "modify") == 0)
		modify(&f);
	else if (strcasecmp(name, "record_modifier") == 0)
		record_modifier(&f);
	else if (strcasecmp(name, "parser") == 0)
		parse(&f);
	else
		lost(&f, filter->line, "the filter ", name);
	buffer_done(&f.when);
}
