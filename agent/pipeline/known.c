// SPDX-License-Identifier: MIT
#include "pipeline/known.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define POSITION_MISSING UINT64_MAX

/* The texts of so many sources, here and in their input, are worth giving back to the system. */
#define KNOWN_MANY 1000

/* A source that was seen longer ago is written down again: sources expire (STATE_EXPIRY_DAYS). */
#define KNOWN_SEEN_NS (INT64_C(86400) * NS_PER_SECOND)

/* All texts of a row in one piece. */
static int known_copy(struct known_source *known, const struct state_source *row)
{
	size_t input = strlen(row->input) + 1;
	char *text = malloc(input + row->name.size + row->identity.size);

	if (!text)
		return WEIR_ERR_MEMORY;
	memcpy(text, row->input, input);
	if (row->name.size)
		memcpy(text + input, row->name.data, row->name.size);
	if (row->identity.size)
		memcpy(text + input + row->name.size, row->identity.data, row->identity.size);
	known->input = text;
	known->name = (struct weir_slice){text + input, row->name.size};
	known->identity =
		(struct weir_slice){known->name.data + row->name.size, row->identity.size};
	return 0;
}

static int known_add(void *user, const struct state_source *row)
{
	struct pipeline *pipeline = user;
	struct known_source *known;

	if (pipeline->known_count == pipeline->known_capacity) {
		uint32_t capacity = pipeline->known_capacity ? pipeline->known_capacity * 2 : 16;
		struct known_source *list =
			realloc(pipeline->known, capacity * sizeof(*pipeline->known));

		if (!list)
			return WEIR_ERR_MEMORY;
		pipeline->known = list;
		pipeline->known_capacity = capacity;
	}
	known = &pipeline->known[pipeline->known_count];
	memset(known, 0, sizeof(*known));
	memcpy(known->id, row->id, sizeof(known->id));
	known->seen_ns = row->seen_ns;
	if (known_copy(known, row) < 0)
		return WEIR_ERR_MEMORY;
	pipeline->known_count++;
	return 0;
}

/* Finds them by id, with a position for each output of each. The list does not grow any more. */
static int known_index(struct pipeline *pipeline)
{
	uint32_t count = pipeline->known_count;
	uint64_t all = (uint64_t)count * pipeline->output_count;

	pipeline->known_positions = malloc((all + 1) * sizeof(*pipeline->known_positions));
	if (!pipeline->known_positions || id_index_init(&pipeline->known_index, count) < 0)
		return WEIR_ERR_MEMORY;
	for (uint64_t i = 0; i < all; i++)
		pipeline->known_positions[i] = POSITION_MISSING;
	for (uint32_t i = 0; i < count; i++) {
		struct known_source *known = &pipeline->known[i];

		known->positions = pipeline->known_positions + (uint64_t)i * pipeline->output_count;
		id_index_add(&pipeline->known_index, known->id);
	}
	return 0;
}

static struct known_source *known_of_id(const struct pipeline *pipeline, const uint8_t id[16])
{
	const uint8_t *found = id_index_find(&pipeline->known_index, id);

	return (struct known_source *)(void *)(uintptr_t)found; /* the id is its first member */
}

static int known_add_position(void *user, const uint8_t id[16], const char *output,
			      uint64_t position)
{
	const struct pipeline *pipeline = user;
	struct known_source *known = known_of_id(pipeline, id);

	for (uint32_t i = 0; known && i < pipeline->output_count; i++)
		if (strcmp(pipeline->outputs[i]->config->name, output) == 0)
			known->positions[i] = position;
	return 0;
}

/* Positions of outputs that this source has none for. */
static void known_complete(struct known_source *known, uint32_t outputs)
{
	uint64_t furthest = 0;

	known->stored = 1;
	for (uint32_t i = 0; i < outputs; i++)
		if (known->positions[i] != POSITION_MISSING && known->positions[i] > furthest)
			furthest = known->positions[i];
	for (uint32_t i = 0; i < outputs; i++)
		if (known->positions[i] == POSITION_MISSING) {
			known->positions[i] = furthest;
			known->stored = 0;
		}
}

int known_load(struct pipeline *pipeline, struct weir_error *error)
{
	struct state *state = pipeline->host->state;
	const char *id = pipeline->config->id;
	int status;

	if (!state)
		return 0; /* a rehearsal */
	status = state_each_source(state, id, NULL, known_add, pipeline, error);
	if (status == 0)
		status = known_index(pipeline);
	if (status == 0)
		status = state_positions_of(state, id, known_add_position, pipeline, error);
	for (uint32_t i = 0; status == 0 && i < pipeline->known_count; i++)
		known_complete(&pipeline->known[i], pipeline->output_count);
	return status;
}

void known_asked(struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->known_count; i++) {
		struct known_source *known = &pipeline->known[i];

		free(known->input);
		known->input = NULL;
		known->name = known->identity = (struct weir_slice){0};
	}
	if (pipeline->known_count >= KNOWN_MANY)
		(void)malloc_trim(0);
}

void known_free(struct pipeline *pipeline)
{
	known_asked(pipeline);
	for (uint32_t i = 0; i < pipeline->known_count; i++) {
		ledger_unref(pipeline->known[i].ledger);
		free(pipeline->known[i].held.positions);
	}
	id_index_done(&pipeline->known_index);
	free(pipeline->known_positions);
	free(pipeline->known);
	pipeline->known = NULL;
	pipeline->known_positions = NULL;
	pipeline->known_count = pipeline->known_capacity = 0;
}

const struct known_source *known_at(struct pipeline *pipeline, const char *input, uint32_t index)
{
	struct known_cursor *cursor = &pipeline->known_cursor;
	uint32_t i = 0, left = index;

	if (cursor->input == input && index == cursor->index + 1) {
		i = cursor->place + 1;
		left = 0;
	}
	for (; i < pipeline->known_count; i++) {
		const struct known_source *known = &pipeline->known[i];

		if (!known->input || known->over || strcmp(known->input, input) != 0 || left-- > 0)
			continue;
		*cursor = (struct known_cursor){input, index, i};
		return known;
	}
	return NULL;
}

struct known_source *known_find(const struct pipeline *pipeline, const uint8_t id[16])
{
	struct known_source *known = known_of_id(pipeline, id);

	return known && !known->over ? known : NULL;
}

static int same(struct weir_slice a, struct weir_slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int known_is_stored(const struct known_source *known, struct weir_slice name,
		    struct weir_slice identity)
{
	return known->stored && known->input && same(known->name, name) &&
	       same(known->identity, identity) && clock_wall_ns() - known->seen_ns < KNOWN_SEEN_NS;
}

uint64_t known_position(const struct pipeline *pipeline, const struct known_source *known)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < pipeline->output_count; i++)
		if (known->positions[i] < least)
			least = known->positions[i];
	return least;
}
