// SPDX-License-Identifier: MIT
#include "cli/top_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/status_json.h"
#include "base/clock.h"
#include "config/units.h"

struct taking {
	struct top_model *model;
	struct scratch scratch;
	double seconds; /* since the last document */
	uint32_t order;
};

static struct top_row *find(struct top_model *model, const char *pipeline, const char *name)
{
	struct top_row *grown;

	for (size_t i = 0; i < model->count; i++)
		if (strcmp(model->rows[i].pipeline, pipeline) == 0 &&
		    strcmp(model->rows[i].name, name) == 0)
			return &model->rows[i];
	grown = realloc(model->rows, (model->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	model->rows = grown;
	memset(&grown[model->count], 0, sizeof(*grown));
	snprintf(grown[model->count].pipeline, TOP_NAME, "%s", pipeline);
	snprintf(grown[model->count].name, TOP_NAME, "%s", name);
	return &grown[model->count++];
}

/* A counter that went back began anew. */
static double rate(const struct taking *taking, int64_t before, int64_t now)
{
	return taking->seconds > 0 && now > before ? (double)(now - before) / taking->seconds : 0;
}

static void put(struct taking *taking, const struct top_row *now)
{
	struct top_row *row = find(taking->model, now->pipeline, now->name);

	if (!row)
		return;
	row->records_s = row->samples ? rate(taking, row->records, now->records) : 0;
	row->bytes_s = row->samples ? rate(taking, row->bytes, now->bytes) : 0;
	memmove(row->history, row->history + 1, (TOP_HISTORY - 1) * sizeof(row->history[0]));
	row->history[TOP_HISTORY - 1] = row->records_s;
	row->records = now->records;
	row->bytes = now->bytes;
	row->lag = now->lag;
	row->retries = now->retries;
	row->errors = now->errors;
	row->memory = now->memory;
	memcpy(row->note, now->note, sizeof(row->note));
	memcpy(row->why, now->why, sizeof(row->why));
	row->is_down = now->is_down;
	row->order = taking->order++;
	row->samples++;
	row->seen = 1;
}

static void copy(char *ret_text, struct weir_slice text)
{
	snprintf(ret_text, TOP_NAME, "%.*s", (int)text.size, text.data);
}

static void take_why(struct top_row *row, struct weir_slice why)
{
	snprintf(row->why, sizeof(row->why), "%s: %.*s", row->note, (int)why.size, why.data);
}

/* One stage, which is added to the whole. */
static void take_stage(struct taking *taking, struct top_row *whole, const char *kind,
		       struct weir_slice stage)
{
	struct scratch *scratch = &taking->scratch;
	struct weir_slice name = document_text(scratch, stage, "name"), stalled;
	struct top_row row = {.records = document_number(scratch, stage, "records") +
					 document_number(scratch, stage, "delivered"),
			      .bytes = document_number(scratch, stage, "bytes"),
			      .lag = document_number(scratch, stage, "lag_bytes"),
			      .retries = document_number(scratch, stage, "retries"),
			      .errors = document_number(scratch, stage, "read_errors") +
					document_number(scratch, stage, "dead_lettered")};

	memcpy(row.pipeline, whole->pipeline, sizeof(row.pipeline));
	snprintf(row.name, sizeof(row.name), "%s %.*s", kind, (int)name.size, name.data);
	stalled = document_text(scratch, stage, "stalled");
	if (stalled.size) {
		copy(row.note, weir_slice_of("stalled"));
		memcpy(whole->note, row.note, sizeof(row.note));
		snprintf(whole->why, sizeof(whole->why), "%s: %.*s", row.name, (int)stalled.size,
			 stalled.data);
	}
	if (strcmp(kind, "input") == 0) {
		whole->records += row.records;
		whole->bytes += row.bytes;
	}
	whole->lag += row.lag;
	whole->retries += row.retries;
	whole->errors += row.errors;
	put(taking, &row);
}

static void take_pipeline(struct taking *taking, struct weir_slice pipeline)
{
	static const char *const lists[][2] = {{"inputs", "input"},
					       {"filters", "filter"},
					       {"outputs", "output"},
					       {"dead_letter", "letters"}};
	struct scratch *scratch = &taking->scratch;
	struct weir_slice state = document_text(scratch, pipeline, "state"), key, stage;
	struct top_row whole = {.order = 0};

	copy(whole.pipeline, document_text(scratch, pipeline, "name"));
	if (!weir_slice_equals(state, "running")) {
		copy(whole.note, state);
		whole.is_down = 1;
		take_why(&whole, document_text(scratch, pipeline, "failure"));
	} else if (document_text(scratch, pipeline, "refused").size) {
		copy(whole.note, weir_slice_of("refused"));
		take_why(&whole, document_text(scratch, pipeline, "refused"));
	}
	for (int i = 0; i < 4; i++) {
		struct json_walk walk =
			json_walk_start(document_nested(scratch, pipeline, lists[i][0]));

		while (json_walk_next(&walk, &key, &stage))
			take_stage(taking, &whole, lists[i][1], stage);
	}
	whole.memory =
		document_number(scratch, document_nested(scratch, pipeline, "memory"), "used");
	put(taking, &whole);
}

/* Those that the document has no more. */
static void forget_unseen(struct top_model *model)
{
	size_t kept = 0;

	for (size_t i = 0; i < model->count; i++) {
		if (model->rows[i].seen)
			model->rows[kept++] = model->rows[i];
		model->rows[kept ? kept - 1 : 0].seen = 0;
	}
	model->count = kept;
}

static void put_title(struct top_model *model, struct weir_slice host, int64_t up_s, int64_t used,
		      int64_t limit)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	int unit = 0;
	char has[32], may[32];

	units_round_size(used, has, sizeof(has));
	units_round_size(limit, may, sizeof(may));
	while (unit < 3 && up_s < 2 * units[unit].seconds)
		unit++;
	snprintf(model->title, sizeof(model->title), "weir on %.*s, up %lld %s, memory %s of %s",
		 (int)host.size, host.data, (long long)(up_s / units[unit].seconds),
		 units[unit].name, has, may);
}

void top_model_take(struct top_model *model, struct weir_slice document, uint64_t now_ns)
{
	struct taking taking = {.model = model, .scratch = {.limit = STATUS_JSON_MAX}};
	struct scratch *scratch = &taking.scratch;
	struct json_walk walk = json_walk_start(document_nested(scratch, document, "pipelines"));
	struct weir_slice memory = document_nested(scratch, document, "memory"), key, pipeline;
	struct weir_slice host = document_text(scratch, document, "host");

	taking.seconds = model->taken_ns ? (double)(now_ns - model->taken_ns) / 1e9 : 0;
	model->taken_ns = now_ns;
	while (json_walk_next(&walk, &key, &pipeline))
		take_pipeline(&taking, pipeline);
	forget_unseen(model);
	put_title(model, host, document_number(scratch, document, "uptime_seconds"),
		  document_number(scratch, memory, "used"),
		  document_number(scratch, memory, "limit"));
	scratch_done(scratch);
}

void top_model_done(struct top_model *model)
{
	free(model->rows);
	*model = (struct top_model){0};
}
