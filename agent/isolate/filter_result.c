// SPDX-License-Identifier: MIT
/*
 * What a call into an isolated filter has brought about. First the batches are copied and checked, and only when
 * all of them make sense is the rest done, in the order in which the plugin did it.
 */
#include "isolate/filter_internal.h"

#include <stdlib.h>

static const char *reason_of(struct isolated_filter *filter, struct weir_slice word)
{
	uint32_t i = 0;

	for (; i < REASONS_MAX && filter->reasons[i]; i++)
		if (weir_slice_equals(word, filter->reasons[i]))
			return filter->reasons[i];
	if (i < REASONS_MAX)
		filter->reasons[i] = strndup(word.data ? word.data : "", word.size);
	return i < REASONS_MAX && filter->reasons[i] ? filter->reasons[i] : "plugin";
}

/* ---- what a call has brought about ----------------------------------------------------------- */

/* A batch that the plugin sends on; `claims` and `sources` are lists of claims' numbers, `dead` one of
 * DID_DEAD. */
struct emitted {
	struct batch *batch;
	struct weir_slice claims, sources, dead;
	struct emitted *next;
};

struct result {
	struct isolated_filter *filter;
	struct batch *batch; /* that the call was about, or NULL */
	struct emitted *first, **last;
};

static int take_emitted(struct result *result, const struct did *entry, struct weir_error *error)
{
	struct isolated_filter *filter = result->filter;
	struct pipeline *pipeline = filter->link.stage->pipeline;
	struct parcel body = {entry->texts[3].data, entry->texts[3].size, 0, 0};
	struct emitted *emitted = calloc(1, sizeof(*emitted));
	struct image_merge merge = {.is_new = 1,
				    .sources = (uint32_t)(entry->texts[1].size / sizeof(uint64_t))};
	int status;

	if (emitted)
		emitted->batch = batch_acquire(&pipeline->pool);
	if (!emitted || !emitted->batch) {
		free(emitted);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a batch");
	}
	emitted->batch->pipeline = pipeline;
	emitted->claims = entry->texts[0];
	emitted->sources = entry->texts[1];
	emitted->dead = entry->texts[2];
	*result->last = emitted;
	result->last = &emitted->next;
	status = image_merge(emitted->batch, &filter->link.rows.area, &body, &merge, error);
	free(merge.rows.records);
	free(merge.rows.values);
	return status;
}

static struct parcel take_change(struct isolated_filter *filter, const struct did *entry)
{
	filter->merge.sources = (uint32_t)(entry->texts[1].size / sizeof(uint64_t));
	return (struct parcel){entry->texts[2].data, entry->texts[2].size, 0, 0};
}

/* The batches, which may make no sense: before anything is done that can't be taken back. */
static int take_batches(struct result *result, struct parcel list, struct weir_error *error)
{
	struct isolated_filter *filter = result->filter;
	struct parcel change = {NULL, 0, 0, 1};
	struct did entry;
	int status = 0;

	while (status == 0 && did_next(&list, &entry)) {
		if (entry.code == DID_EMIT)
			status = take_emitted(result, &entry, error);
		else if (entry.code == DID_CHANGE)
			change = take_change(filter, &entry);
	}
	if (status < 0 || !result->batch)
		return status;
	return image_merge(result->batch, &filter->link.rows.area, &change, &filter->merge, error);
}

static void result_done(struct result *result)
{
	while (result->first) {
		struct emitted *emitted = result->first;

		result->first = emitted->next;
		if (emitted->batch)
			batch_unref(emitted->batch);
		free(emitted);
	}
}

static void do_dead(struct isolated_filter *filter, struct batch *batch, const struct did *entry)
{
	if (batch && entry->numbers[0] < batch->view.record_count)
		pipeline_services.record_dead(filter->link.stage, &batch->view,
					      (uint32_t)entry->numbers[0],
					      reason_of(filter, entry->texts[0]), entry->texts[1]);
}

/* The sources that its records are of, behind those that it has. Two claims may be of one: the batch has it
 * once. */
static int name_sources(struct isolated_filter *filter, struct batch *batch, struct weir_slice list)
{
	struct parcel sources = {list.data, list.size, 0, 0};
	struct weir_batch *view = &batch->view;

	for (uint32_t i = view->source_count; sources.at < sources.size; i++) {
		struct source *source = kept_source(&filter->kept, parcel_get(&sources));
		uint32_t index = 0;
		int added = 0;

		if (!source || sources.failed ||
		    batch_add_source(batch, &source->view, &index, &added) < 0)
			return WEIR_ERR_INVALID;
		if (added)
			source_ref(source);
		for (uint32_t k = 0; index != i && k < view->record_count; k++)
			if (view->records[k].source == i)
				view->records[k].source = index;
	}
	return 0;
}

/* What it stands for beside what it did. */
static void stand_for(struct isolated_filter *filter, struct batch *batch, struct weir_slice list,
		      struct weir_slice sources)
{
	struct weir_context *stage = filter->link.stage;
	struct parcel claims = {list.data, list.size, 0, 0};

	if (name_sources(filter, batch, sources) < 0)
		pipeline_fail(stage->pipeline,
			      "filter %s sent on records of a source of which it holds none",
			      stage->config->name);
	while (claims.at < claims.size && !claims.failed) {
		struct weir_claim *claim = kept_claim(&filter->kept, parcel_get(&claims));

		if (claim)
			flow_batch_claim(batch, flow_claim_ref(claim));
	}
}

static void emit(struct isolated_filter *filter, struct emitted *emitted)
{
	struct weir_context *stage = filter->link.stage;
	struct parcel dead = {emitted->dead.data, emitted->dead.size, 0, 0};
	struct batch *batch = emitted->batch;
	struct did entry;

	stand_for(filter, batch, emitted->claims, emitted->sources);
	if (pipeline_has_failed(stage->pipeline))
		return; /* its records may be of no source */
	while (did_next(&dead, &entry))
		if (entry.code == DID_DEAD)
			do_dead(filter, batch, &entry);
	emitted->batch = NULL;
	(void)pipeline_services.batch_emit(stage, &batch->view);
}

static void do_hold(struct isolated_filter *filter, struct batch *batch, const struct did *entry)
{
	if (!batch || entry->numbers[0] > UINT32_MAX ||
	    kept_hold(&filter->kept, entry->numbers[1], batch, (uint32_t)entry->numbers[0]) < 0)
		pipeline_fail(filter->link.stage->pipeline, "filter %s can't hold a record",
			      filter->link.stage->config->name);
}

static void do_entry(struct result *result, const struct did *entry)
{
	struct isolated_filter *filter = result->filter;
	struct emitted *emitted = result->first;

	switch (entry->code) {
	case DID_TIMER:
		(void)stage_timer_set(filter->link.stage, (uint32_t)entry->numbers[0],
				      entry->numbers[1]);
		break;
	case DID_DEAD:
		do_dead(filter, result->batch, entry);
		break;
	case DID_HOLD:
		do_hold(filter, result->batch, entry);
		break;
	case DID_RELEASE:
		kept_release(&filter->kept, entry->numbers[0]);
		break;
	case DID_CHANGE:
		if (result->batch)
			stand_for(filter, result->batch, entry->texts[0], entry->texts[1]);
		break;
	case DID_EMIT:
		emit(filter, emitted);
		result->first = emitted->next;
		if (emitted->batch)
			batch_unref(emitted->batch);
		free(emitted);
		break;
	default:
		(void)link_does(&filter->link, entry);
	}
}

int filter_take_result(struct isolated_filter *filter, struct batch *batch, struct answer *answer,
		       struct weir_error *error)
{
	struct result result = {.filter = filter, .batch = batch, .last = &result.first};
	int status = take_batches(&result, answer->list, error);
	struct did entry;

	if (status == 0) {
		while (did_next(&answer->list, &entry))
			do_entry(&result, &entry);
		if (batch && kept_copy(&filter->kept, batch) < 0)
			pipeline_fail(filter->link.stage->pipeline, "no memory to hold records");
	}
	result_done(&result);
	return status;
}
