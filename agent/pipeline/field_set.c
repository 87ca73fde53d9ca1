// SPDX-License-Identifier: MIT
#include "pipeline/field_set.h"

#include <stdlib.h>

#define CAPACITY_MIN 16

static uint32_t find(const struct field_set *set, struct weir_slice name)
{
	uint32_t at = 0;

	while (at < set->count &&
	       (set->names[at].size != name.size ||
		(name.size && memcmp(set->names[at].data, name.data, name.size) != 0)))
		at++;
	return at;
}

static int grow(struct field_set *set)
{
	uint32_t capacity = set->capacity ? 2 * set->capacity : CAPACITY_MIN;
	struct weir_slice *names;

	if (set->count < set->capacity)
		return 0;
	names = realloc(set->names, capacity * sizeof(*names));
	if (!names)
		return WEIR_ERR_MEMORY;
	set->names = names;
	set->capacity = capacity;
	return 0;
}

void field_set_add(struct field_set *set, struct weir_slice name)
{
	char *text;

	if (find(set, name) < set->count)
		return;
	text = grow(set) == 0 ? malloc(name.size + 1) : NULL;
	if (!text) {
		set->any = 1;
		return;
	}
	if (name.size)
		memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	set->names[set->count++] = (struct weir_slice){text, name.size};
}

void field_set_add_all(struct field_set *set, const struct field_set *more)
{
	for (uint32_t i = 0; i < more->count; i++)
		field_set_add(set, more->names[i]);
	set->any |= more->any;
}

void field_set_remove(struct field_set *set, struct weir_slice name)
{
	uint32_t at = find(set, name);

	if (at == set->count)
		return;
	free((char *)(uintptr_t)set->names[at].data);
	set->count--;
	memmove(set->names + at, set->names + at + 1, (set->count - at) * sizeof(*set->names));
}

void field_set_clear(struct field_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		free((char *)(uintptr_t)set->names[i].data);
	free(set->names);
	*set = (struct field_set){0};
}

int field_set_has(const struct field_set *set, struct weir_slice name)
{
	return set->any || find(set, name) < set->count;
}
