// SPDX-License-Identifier: MIT
#include "cli/document.h"

static struct value member(struct scratch *scratch, struct weir_slice map, const char *name)
{
	struct weir_slice raw;

	if (!json_walk_member(scratch, map, weir_slice_of(name), &raw))
		return value_of_tag(WEIR_ABSENT);
	return json_walk_value(scratch, raw);
}

int64_t document_number(struct scratch *scratch, struct weir_slice map, const char *name)
{
	struct value value = member(scratch, map, name);
	struct number found;

	return value_number(&value, &found) ? (found.is_int ? found.i64 : (int64_t)found.f64) : 0;
}

double document_real(struct scratch *scratch, struct weir_slice map, const char *name)
{
	struct value value = member(scratch, map, name);
	struct number found;

	return value_number(&value, &found) ? (found.is_int ? (double)found.i64 : found.f64) : 0;
}

struct weir_slice document_text(struct scratch *scratch, struct weir_slice map, const char *name)
{
	struct value value = member(scratch, map, name);

	return value_is_string(&value) ? value.text : (struct weir_slice){"", 0};
}

struct weir_slice document_nested(struct scratch *scratch, struct weir_slice map, const char *name)
{
	struct value value = member(scratch, map, name);

	return value.tag == WEIR_MAP || value.tag == WEIR_LIST ? value.text
							       : (struct weir_slice){"[]", 2};
}
