// SPDX-License-Identifier: MIT
/* The longest name is tried first; only then are maps looked into. */
#include "expr/field.h"

#include "expr/json_walk.h"

static struct weir_slice join(struct scratch *made, const struct weir_slice *segments,
			      uint32_t count)
{
	struct weir_slice name = {NULL, count - 1};
	char *to;

	for (uint32_t i = 0; i < count; i++)
		name.size += segments[i].size;
	name.data = to = scratch_take(made, name.size + 1);
	if (!to)
		return name;
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			*to++ = '.';
		if (segments[i].size)
			memcpy(to, segments[i].data, segments[i].size);
		to += segments[i].size;
	}
	*to = '\0';
	return name;
}

struct field *field_create(struct scratch *made, const struct weir_slice *segments, uint32_t count)
{
	struct field *field = scratch_take(made, sizeof(*field));
	struct weir_slice *names = scratch_take(made, count * sizeof(*names));
	struct lookup *prefixes = scratch_take(made, count * sizeof(*prefixes));

	if (!field || !names || !prefixes)
		return NULL;
	memcpy(names, segments, count * sizeof(*names));
	memset(prefixes, 0, count * sizeof(*prefixes));
	for (uint32_t i = 0; i < count; i++) {
		prefixes[i].name = join(made, segments, i + 1);
		if (!prefixes[i].name.data)
			return NULL;
	}
	*field = (struct field){count, names, prefixes};
	return field;
}

/* The member of a map that the segments from `at` on lead to. */
static struct value member_of(const struct field *field, struct scratch *scratch,
			      struct weir_slice map, uint32_t at)
{
	for (; at < field->count; at++)
		if (!json_walk_member(scratch, map, field->names[at], &map))
			return value_of_tag(WEIR_ABSENT);
	return json_walk_value(scratch, map);
}

struct value field_value(struct field *field, struct scratch *scratch,
			 const struct weir_batch *batch, const struct weir_record *record)
{
	for (uint32_t count = field->count; count > 0; count--) {
		const struct weir_value *found =
			lookup_value(&field->prefixes[count - 1], batch, record);
		struct value value;

		if (!found)
			continue;
		if (count == field->count)
			return value_load(batch, found);
		if (found->tag != WEIR_MAP)
			continue;
		value = member_of(field, scratch, weir_value_slice(batch, found), count);
		if (value.tag != WEIR_ABSENT)
			return value;
	}
	return value_of_tag(WEIR_ABSENT);
}
