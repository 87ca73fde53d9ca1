// SPDX-License-Identifier: MIT
/*
 * A group has a state, 0 when it is an ordinary line so far. For each further line the first rule
 * that applies in that state and matches says that the line joins, and the state after it; when none
 * does, the line begins a new group, whose state is what the first of the rules for beginnings says.
 */
#include "multiline.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define RULES_MAX 12

/* States as bits in `from`. */
#define IN(state) (1u << (state))
#define BEGIN 0x80000000u /* the line begins a group */

struct preset_rule {
	uint32_t from;
	uint8_t to;
	const char *pattern;
};

struct preset {
	const char *name;
	struct preset_rule rules[RULES_MAX];
};

/* 0 an ordinary line, 1 inside a trace; go: 2 a goroutine may follow, 3 a function, 4 its place. */
static const struct preset presets[] = {
	{"java",
	 {{IN(0) | IN(1), 1, "^[ \\t]+(?:at |\\.\\.\\. \\d+ |Suppressed: |Caused by: |eval )"},
	  {IN(0) | IN(1), 1, "^(?:Caused by|Suppressed|Wrapped by): "},
	  {IN(0), 1, "^(?:[a-z_$][\\w$]*\\.)+[\\w$]*[A-Z][\\w$]*(?:Exception|Error|Throwable)\\b"},
	  {IN(1), 1, "^[ \\t]"}}},
	{"python",
	 {{BEGIN, 1, "^Traceback \\(most recent call last\\):"},
	  {IN(0), 1, "^Traceback \\(most recent call last\\):"},
	  {IN(1), 1, "^[ \\t]"},
	  {IN(1), 2,
	   "^(?:[^\\s:]+(?:Error|Exception|Exit|Interrupt|Warning|Iteration)\\b|[\\w.]+: )"},
	  {IN(2), 3, "^$"},
	  {IN(3), 4, "^(?:During handling of the above|The above exception was the direct)"},
	  {IN(4), 4, "^$"},
	  {IN(4), 1, "^Traceback \\(most recent call last\\):"}}},
	{"go",
	 {{BEGIN, 2, "^(?:panic: |fatal error: |.*http: panic serving )"},
	  {BEGIN, 3, "^goroutine \\d+ \\[[^\\]]+\\]:$"},
	  {IN(2), 2, "^(?:$|\\[signal |\\[recovered\\]|panic: |\\t|\\(\\dx)"},
	  {IN(2) | IN(3), 3, "^goroutine \\d+ \\[[^\\]]+\\]:$"},
	  {IN(3), 4, "^(?:[^\\s(]+\\(|created by |\\.\\.\\.)"},
	  {IN(3), 3, "^$"},
	  {IN(3), 5, "^exit status \\d+$"},
	  {IN(4), 3, "^[ \\t]"}}},
	{"ruby",
	 {{IN(0) | IN(1), 1, "^[ \\t]+(?:from |\\d+: from )"},
	  {IN(0) | IN(1), 1, "^[ \\t]+.+:\\d+:in "},
	  {IN(0) | IN(1), 1, "^.+:\\d+:in [`'].+'$"}}},
	{"dotnet",
	 {{IN(0) | IN(1), 1, "^[ \\t]+(?:at |--- |---> )"},
	  {IN(0) | IN(1), 1, "^(?:--- End of |---> )"},
	  {IN(0), 1, "^(?:[A-Z]\\w*\\.)+\\w*Exception\\b"}}},
};

struct rule {
	pcre2_code *code;
	uint32_t from;
	uint8_t to;
	uint8_t anchored;  /* first[] holds */
	uint8_t first[32]; /* bit b: a line that begins with byte b may match */
};

struct multiline {
	uint64_t timeout_ns;
	uint32_t max_bytes;
	uint32_t rule_count;
	struct rule rules[RULES_MAX];
	/* Own patterns; code NULL = not given. */
	struct rule start, go_on, end;
	uint8_t own;
};

struct multiline_scratch {
	pcre2_match_data *data;
};

/* ---- patterns ------------------------------------------------------------------------------ */

/* Finds out by which bytes a match can begin, by trying each as a partial subject. */
static void learn_first_bytes(struct rule *rule)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	uint32_t options = 0;

	(void)pcre2_pattern_info(rule->code, PCRE2_INFO_ALLOPTIONS, &options);
	if (!data || !(options & PCRE2_ANCHORED)) {
		pcre2_match_data_free(data);
		return;
	}
	rule->anchored = 1;
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint8_t subject = (uint8_t)byte;
		int status = pcre2_match(rule->code, &subject, 1, 0,
					 PCRE2_PARTIAL_HARD | PCRE2_NO_JIT, data, NULL);

		if (status != PCRE2_ERROR_NOMATCH)
			rule->first[byte / 8] |= (uint8_t)(1u << byte % 8);
	}
	pcre2_match_data_free(data);
}

static int compile(struct rule *rule, const char *pattern, size_t size, struct weir_error *error)
{
	PCRE2_UCHAR text[256];
	PCRE2_SIZE offset;
	int code;

	rule->code = pcre2_compile((PCRE2_SPTR)pattern, size, 0, &code, &offset, NULL);
	if (!rule->code) {
		(void)pcre2_get_error_message(code, text, sizeof(text));
		if (error)
			error->offset = (uint32_t)offset;
		return weir_fail(error, WEIR_ERR_INVALID,
				 "the pattern `%s` is wrong at byte %zu: %s", pattern,
				 (size_t)offset, (const char *)text);
	}
	/* Without JIT the interpreter does the same, slower. */
	(void)pcre2_jit_compile(rule->code, PCRE2_JIT_COMPLETE);
	learn_first_bytes(rule);
	return 0;
}

static int matches(const struct rule *rule, const struct multiline_scratch *scratch,
		   const uint8_t *line, uint32_t size)
{
	if (rule->anchored && size && !(rule->first[line[0] / 8] >> line[0] % 8 & 1))
		return 0;
	return pcre2_match(rule->code, line, size, 0, PCRE2_NO_UTF_CHECK, scratch->data, NULL) >= 0;
}

/* ---- life ---------------------------------------------------------------------------------- */

static int read_preset(struct multiline *multiline, const char *name, struct weir_error *error)
{
	const struct preset *preset = presets;
	int status = 0;

	while (strcmp(preset->name, name) != 0)
		if (++preset == presets + sizeof(presets) / sizeof(presets[0]))
			return weir_fail(error, WEIR_ERR_INVALID, "no preset is called `%s`", name);
	for (uint32_t i = 0; status == 0 && i < RULES_MAX && preset->rules[i].pattern; i++) {
		struct rule *rule = &multiline->rules[multiline->rule_count++];

		rule->from = preset->rules[i].from;
		rule->to = preset->rules[i].to;
		status = compile(rule, preset->rules[i].pattern, strlen(preset->rules[i].pattern),
				 error);
	}
	return status;
}

static int read_own(struct multiline *multiline, const struct weir_node *node,
		    struct weir_error *error)
{
	static const char *const names[] = {"start", "continue", "end"};
	struct rule *const rules[] = {&multiline->start, &multiline->go_on, &multiline->end};

	for (int i = 0; i < 3; i++) {
		const struct weir_node *pattern = weir_node_find(node, names[i]);
		int status;

		if (!pattern || pattern->text.size == 0)
			continue;
		multiline->own = 1;
		status = compile(rules[i], pattern->text.data, pattern->text.size, error);
		if (status < 0) {
			error->line = pattern->line;
			error->column = pattern->column;
			return status;
		}
	}
	return 0;
}

int multiline_create(const struct weir_node *node, struct multiline **ret_multiline,
		     struct weir_error *error)
{
	struct multiline *multiline = calloc(1, sizeof(*multiline));
	const char *preset = weir_node_text(node, "preset");
	int status;

	if (!multiline)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for multiline rules");
	multiline->timeout_ns = (uint64_t)weir_node_int(node, "timeout", INT64_C(2000000000));
	multiline->max_bytes = (uint32_t)weir_node_int(node, "max_bytes", 1 << 20);
	status = preset ? read_preset(multiline, preset, error) : 0;
	if (status == 0)
		status = read_own(multiline, node, error);
	if (status == 0 && !preset == !multiline->own)
		status = weir_fail(error, WEIR_ERR_INVALID,
				   "`multiline` takes either a preset, or one or more of start, "
				   "continue and end");
	if (status < 0) {
		multiline_destroy(multiline);
		return status;
	}
	*ret_multiline = multiline;
	return 0;
}

void multiline_destroy(struct multiline *multiline)
{
	if (!multiline)
		return;
	for (uint32_t i = 0; i < multiline->rule_count; i++)
		pcre2_code_free(multiline->rules[i].code);
	pcre2_code_free(multiline->start.code);
	pcre2_code_free(multiline->go_on.code);
	pcre2_code_free(multiline->end.code);
	free(multiline);
}

uint64_t multiline_timeout_ns(const struct multiline *multiline)
{
	return multiline->timeout_ns;
}

uint32_t multiline_max_bytes(const struct multiline *multiline)
{
	return multiline->max_bytes;
}

struct multiline_scratch *multiline_scratch_new(void)
{
	struct multiline_scratch *scratch = malloc(sizeof(*scratch));

	if (scratch)
		scratch->data = pcre2_match_data_create(1, NULL);
	if (scratch && !scratch->data) {
		free(scratch);
		return NULL;
	}
	return scratch;
}

void multiline_scratch_free(struct multiline_scratch *scratch)
{
	if (!scratch)
		return;
	pcre2_match_data_free(scratch->data);
	free(scratch);
}

/* ---- lines --------------------------------------------------------------------------------- */

static const struct rule *find_rule(const struct multiline *multiline,
				    const struct multiline_scratch *scratch, uint32_t from,
				    const uint8_t *line, uint32_t size)
{
	for (uint32_t i = 0; i < multiline->rule_count; i++)
		if ((multiline->rules[i].from & from) &&
		    matches(&multiline->rules[i], scratch, line, size))
			return &multiline->rules[i];
	return NULL;
}

/* With own patterns the state is 0, or DONE after a line that ends its record. */
static uint8_t own_state(const struct multiline *multiline, const struct multiline_scratch *scratch,
			 const uint8_t *line, uint32_t size)
{
	return multiline->end.code && matches(&multiline->end, scratch, line, size) ? MULTILINE_DONE
										    : 0;
}

uint8_t multiline_begin(const struct multiline *multiline, struct multiline_scratch *scratch,
			const uint8_t *line, uint32_t size)
{
	const struct rule *rule;

	if (multiline->own)
		return own_state(multiline, scratch, line, size);
	rule = find_rule(multiline, scratch, BEGIN, line, size);
	return rule ? rule->to : 0;
}

static int own_joins(const struct multiline *multiline, const struct multiline_scratch *scratch,
		     const uint8_t *line, uint32_t size)
{
	if (multiline->start.code && matches(&multiline->start, scratch, line, size))
		return 0;
	return !multiline->go_on.code || matches(&multiline->go_on, scratch, line, size);
}

int multiline_join(const struct multiline *multiline, struct multiline_scratch *scratch,
		   uint8_t *state, const uint8_t *line, uint32_t size)
{
	const struct rule *rule;

	if (multiline->own) {
		if (!own_joins(multiline, scratch, line, size))
			return 0;
		*state = own_state(multiline, scratch, line, size);
		return 1;
	}
	rule = find_rule(multiline, scratch, IN(*state), line, size);
	if (rule)
		*state = rule->to;
	return rule != NULL;
}
