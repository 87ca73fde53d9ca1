// SPDX-License-Identifier: MIT
/* Which stage a tap means by a name, as the pipelines are now. */
#include <string.h>

#include "pipeline/agent_parts.h"
#include "pipeline/tap.h"

#define NAMES_MAX 400 /* of the text that lists what there is */

struct place {
	const char *kind;
	uint32_t at;
	struct weir_context *const *stages;
	uint32_t count;
};

static void places_of(const struct pipeline *pipeline, struct place ret_places[3])
{
	ret_places[0] = (struct place){"input", TAP_INPUT, pipeline->inputs, pipeline->input_count};
	ret_places[1] =
		(struct place){"filter", TAP_FILTER, pipeline->filters, pipeline->filter_count};
	ret_places[2] =
		(struct place){"output", TAP_OUTPUT, pipeline->outputs, pipeline->output_count};
}

/* "output:http", or "http" alone, which means the first of that name. */
static int is_meant(const struct place *place, const char *name, const char *at)
{
	size_t kind = strlen(place->kind);

	if (strncmp(at, place->kind, kind) == 0 && at[kind] == ':')
		at += kind + 1;
	return strcmp(name, at) == 0;
}

static int find_place(const struct place places[3], const char *at, struct tap_request *request)
{
	for (int i = 0; i < 3; i++)
		for (uint32_t k = 0; k < places[i].count; k++)
			if (is_meant(&places[i], places[i].stages[k]->config->name, at)) {
				request->at = places[i].at;
				request->stage = places[i].stages[k]->config->name;
				return 0;
			}
	return WEIR_ERR_NOT_FOUND;
}

static int not_found(const struct place places[3], const char *at, struct weir_error *error)
{
	char names[NAMES_MAX] = "";
	size_t used = 0;

	for (int i = 0; i < 3; i++)
		for (uint32_t k = 0; k < places[i].count && used < sizeof(names); k++)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s:%s, ",
						 places[i].kind, places[i].stages[k]->config->name);
	return weir_fail(error, WEIR_ERR_NOT_FOUND,
			 "there is no stage \"%.64s\"; there are %sand dead_letter", at, names);
}

static int set_place(const struct pipeline *pipeline, const char *at, struct tap_request *request,
		     struct weir_error *error)
{
	struct place places[3];

	request->at = TAP_ROUTED;
	if (!at)
		return 0;
	request->at = TAP_DEAD;
	if (strcmp(at, "dead_letter") == 0)
		return 0;
	places_of(pipeline, places);
	return find_place(places, at, request) < 0 ? not_found(places, at, error) : 0;
}

int agent_tap_open(struct agent *agent, const struct tap_ask *ask, struct tap **ret_tap,
		   struct weir_error *error)
{
	struct tap_request request = {.where = ask->where, .limit = ask->limit};
	struct pipeline *pipeline;
	int status;

	pthread_mutex_lock(&agent->lock);
	pipeline = agent_find(agent, ask->pipeline);
	if (pipeline) {
		request.pipeline = pipeline->config->name;
		status = set_place(pipeline, ask->at, &request, error);
	} else {
		status = weir_fail(error, WEIR_ERR_NOT_FOUND,
				   "no pipeline \"%.64s\" runs; see weir status", ask->pipeline);
	}
	if (status == 0)
		status = tap_open(&agent->host.taps, &request, ret_tap, error);
	pthread_mutex_unlock(&agent->lock);
	return status;
}

int agent_tap_read(struct tap *tap, struct buffer *out, uint64_t *ret_left_out)
{
	return tap_read(tap, out, ret_left_out);
}

void agent_tap_close(struct agent *agent, struct tap *tap)
{
	tap_close(&agent->host.taps, tap);
}
