// SPDX-License-Identifier: MIT
#include "pipeline/known.h"

#include <stdlib.h>
#include <string.h>

#define POSITION_MISSING UINT64_MAX

struct known_reading {
	struct pipeline *pipeline;
	struct known_source *source;
};

static int known_add(void *user, const struct state_source *row)
{
	struct known_reading *reading = user;
	struct pipeline *pipeline = reading->pipeline;
	struct known_source *list =
		realloc(pipeline->known, (pipeline->known_count + 1) * sizeof(*pipeline->known));
	struct known_source *known;
	char *identity;

	if (!list)
		return WEIR_ERR_MEMORY;
	pipeline->known = list;
	known = &list[pipeline->known_count++];
	memset(known, 0, sizeof(*known));
	memcpy(known->id, row->id, sizeof(known->id));
	known->input = strdup(row->input);
	known->name = strndup(row->name.data ? row->name.data : "", row->name.size);
	identity = malloc(row->identity.size + 1);
	known->positions = malloc((pipeline->output_count + 1) * sizeof(*known->positions));
	known->seen_ns = row->seen_ns;
	if (identity && row->identity.size)
		memcpy(identity, row->identity.data, row->identity.size);
	known->identity = (struct weir_slice){identity, identity ? row->identity.size : 0};
	if (!known->input || !known->name || !identity || !known->positions)
		return WEIR_ERR_MEMORY;
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		known->positions[i] = POSITION_MISSING;
	return 0;
}

static int known_add_position(void *user, const char *output, uint64_t position)
{
	struct known_reading *reading = user;

	for (uint32_t i = 0; i < reading->pipeline->output_count; i++)
		if (strcmp(reading->pipeline->outputs[i]->config->name, output) == 0)
			reading->source->positions[i] = position;
	return 0;
}

/* Positions of outputs that this source has none for. */
static void known_complete(struct known_source *known, uint32_t outputs)
{
	uint64_t furthest = 0;

	for (uint32_t i = 0; i < outputs; i++)
		if (known->positions[i] != POSITION_MISSING && known->positions[i] > furthest)
			furthest = known->positions[i];
	for (uint32_t i = 0; i < outputs; i++)
		if (known->positions[i] == POSITION_MISSING)
			known->positions[i] = furthest;
}

int known_load(struct pipeline *pipeline, struct weir_error *error)
{
	struct known_reading reading = {pipeline, NULL};
	struct state *state = pipeline->host->state;
	int status;

	if (!state)
		return 0; /* a rehearsal */
	status = state_each_source(state, pipeline->config->id, NULL, known_add, &reading, error);
	for (uint32_t i = 0; status == 0 && i < pipeline->known_count; i++) {
		reading.source = &pipeline->known[i];
		status = state_each_position(state, reading.source->id, known_add_position,
					     &reading, error);
		known_complete(reading.source, pipeline->output_count);
	}
	return status;
}

void known_free(struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->known_count; i++) {
		struct known_source *known = &pipeline->known[i];

		free(known->input);
		free(known->name);
		free((void *)(uintptr_t)known->identity.data);
		free(known->positions);
		ledger_unref(known->ledger);
		free(known->held.positions);
	}
	free(pipeline->known);
	pipeline->known = NULL;
	pipeline->known_count = 0;
}

const struct known_source *known_at(const struct pipeline *pipeline, const char *input,
				    uint32_t index)
{
	for (uint32_t i = 0; i < pipeline->known_count; i++)
		if (!pipeline->known[i].over && strcmp(pipeline->known[i].input, input) == 0 &&
		    index-- == 0)
			return &pipeline->known[i];
	return NULL;
}

struct known_source *known_find(const struct pipeline *pipeline, const uint8_t id[16])
{
	for (uint32_t i = 0; i < pipeline->known_count; i++)
		if (!pipeline->known[i].over && memcmp(pipeline->known[i].id, id, 16) == 0)
			return &pipeline->known[i];
	return NULL;
}

uint64_t known_position(const struct pipeline *pipeline, const struct known_source *known)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < pipeline->output_count; i++)
		if (known->positions[i] < least)
			least = known->positions[i];
	return least;
}
