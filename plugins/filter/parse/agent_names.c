// SPDX-License-Identifier: MIT
#include "agent_names.h"

int agent_names_declare(struct parse *parse, const struct agent_names *names,
			struct weir_error *error)
{
	return parse_keys(parse, names->names, names->count, error);
}

static struct weir_value agent_value(const struct parse *parse, struct weir_value value,
				     uint32_t dash_is_null)
{
	if (!weir_value_has_text(&value))
		return weir_value_null();
	if (value.flags & WEIR_VALUE_TEXT)
		value.flags = WEIR_VALUE_PLAIN;
	value.tag = WEIR_STRING;
	if (dash_is_null && weir_slice_equals(weir_value_slice(parse->batch, &value), "-"))
		return weir_value_null();
	return value;
}

void agent_names_apply(struct parse *parse, const struct agent_names *names)
{
	struct weir_value values[AGENT_FIELDS_MAX];

	for (uint32_t i = 0; i < names->count; i++)
		values[i] = agent_value(parse, parse->values[names->slots[i]], names->dash_is_null);
	memcpy(parse->values, values, names->count * sizeof(*values));
}

struct weir_value agent_time(const struct parse *parse, const struct line *line)
{
	if (!parse->time_from)
		return weir_value_null();
	return line_value(line, WEIR_STRING, 0, parse->time_from, parse->time_to);
}
