// SPDX-License-Identifier: MIT
/*
 * What a call into an isolated filter has brought about. First the batches are copied, and they and the numbers of
 * claims are checked; only when all of them make sense is the rest done, in the order in which the plugin did it,
 * but for claims that it gives up: those go last, as what is sent on may name their sources.
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
	uint64_t room;    /* bytes that may yet be copied, */
	uint64_t text;    /* that the texts of records may yet have together */
	uint64_t batches; /* that it may yet send on */
	uint64_t last_claim;
	struct parcel change;
};

static int take_emitted(struct result *result, const struct did *entry, struct weir_error *error)
{
	struct isolated_filter *filter = result->filter;
	struct pipeline *pipeline = filter->link.stage->pipeline;
	struct parcel body = {entry->texts[3].data, entry->texts[3].size, 0, 0};
	struct emitted *emitted = calloc(1, sizeof(*emitted));
	struct image_merge merge = {.is_new = 1,
				    .sources = (uint32_t)(entry->texts[1].size / sizeof(uint64_t)),
				    .room = &result->room,
				    .text = &result->text};
	int status;

	if (!emitted || result->batches-- == 0) {
		free(emitted);
		return weir_fail(error, WEIR_ERR_INVALID,
				 "it sends on more than there is room for");
	}
	emitted->batch = batch_acquire(&pipeline->pool);
	if (!emitted->batch) {
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

/* ---- claims, before anything is done --------------------------------------------------------- */

/* Held by the number that comes next, and a record that will be there, and was not kept from the plugin. */
static int is_hold(struct result *result, const struct did *entry)
{
	struct parcel change = result->change;

	return result->batch && entry->numbers[1] == ++result->last_claim &&
	       entry->numbers[0] < parcel_get(&change) &&
	       !image_is_aside(&result->filter->merge, entry->numbers[0]);
}

/* Claims that have a source: those that are kept, and those of this call. */
static int are_claims(const struct result *result, struct weir_slice list)
{
	const struct kept_list *kept = &result->filter->kept;
	struct parcel claims = {list.data, list.size, 0, 0};

	while (claims.at < claims.size) {
		uint64_t number = parcel_get(&claims);

		if (claims.failed || number == 0 || number > result->last_claim ||
		    (number > kept->last ? !result->batch->view.source_count
					 : !kept_source(kept, number)))
			return 0;
	}
	return 1;
}

static int is_entry_sound(struct result *result, const struct did *entry)
{
	if (entry->code == DID_HOLD)
		return is_hold(result, entry);
	if (entry->code == DID_EMIT || entry->code == DID_CHANGE)
		return are_claims(result, entry->texts[1]);
	return 1;
}

static int check_claims(struct result *result, struct parcel list, struct weir_error *error)
{
	struct did entry;

	while (did_next(&list, &entry))
		if (!is_entry_sound(result, &entry))
			return weir_fail(error, WEIR_ERR_INVALID,
					 "it names records that it does not hold");
	return 0;
}

/* ---- batches, before anything else is done --------------------------------------------------- */

static int take_change(struct result *result, const struct did *entry, struct weir_error *error)
{
	if (!result->change.failed)
		return weir_fail(error, WEIR_ERR_INVALID, "it has changed the batch twice");
	result->filter->merge.sources = (uint32_t)(entry->texts[1].size / sizeof(uint64_t));
	result->change = (struct parcel){entry->texts[2].data, entry->texts[2].size, 0, 0};
	return 0;
}

static int take_batches(struct result *result, struct parcel list, struct weir_error *error)
{
	struct isolated_filter *filter = result->filter;
	struct parcel all = list;
	struct did entry;
	int status = 0;

	while (status == 0 && did_next(&list, &entry)) {
		if (entry.code == DID_EMIT)
			status = take_emitted(result, &entry, error);
		else if (entry.code == DID_CHANGE)
			status = take_change(result, &entry, error);
	}
	if (status == 0)
		status = check_claims(result, all, error);
	if (status < 0 || !result->batch)
		return status;
	filter->merge.room = &result->room;
	filter->merge.text = &result->text;
	return image_merge(result->batch, &filter->link.rows.area, &result->change, &filter->merge,
			   error);
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

/* Where the batch has the sources of these claims: in ret_places. */
static int add_sources(struct isolated_filter *filter, struct batch *batch, struct weir_slice list,
		       uint32_t *ret_places)
{
	struct parcel sources = {list.data, list.size, 0, 0};

	for (uint32_t i = 0; sources.at < sources.size; i++) {
		struct source *source = kept_source(&filter->kept, parcel_get(&sources));
		int added = 0;

		if (!source)
			return WEIR_ERR_INVALID;
		if (batch_add_source(batch, &source->view, &ret_places[i], &added) < 0)
			return WEIR_ERR_MEMORY;
		if (added)
			source_ref(source);
	}
	return 0;
}

/* The sources that its records are of, behind those that it has. Two claims may be of one: the batch has it
 * once. */
static int name_sources(struct isolated_filter *filter, struct batch *batch, struct weir_slice list)
{
	struct weir_batch *view = &batch->view;
	uint32_t first = view->source_count;
	uint32_t *places = list.size ? malloc(list.size) : NULL;
	int status = places ? add_sources(filter, batch, list, places) : WEIR_ERR_MEMORY;

	for (uint32_t i = 0; status == 0 && i < view->record_count; i++)
		if (view->records[i].source >= first)
			view->records[i].source = places[view->records[i].source - first];
	free(places);
	return list.size ? status : 0;
}

/* What it stands for beside what it did. */
static void stand_for(struct isolated_filter *filter, struct batch *batch, struct weir_slice list,
		      struct weir_slice sources)
{
	struct weir_context *stage = filter->link.stage;
	struct parcel claims = {list.data, list.size, 0, 0};
	int status = name_sources(filter, batch, sources);

	if (status < 0) {
		pipeline_fail(
			stage->pipeline,
			status == WEIR_ERR_MEMORY
				? "no memory to name sources of records"
				: "filter %s sent on records of a source of which it holds none",
			stage->config->name);
		for (uint32_t i = 0; i < batch->view.record_count; i++)
			if (batch->view.records[i].source >= batch->view.source_count)
				batch->view.records[i].source = 0;
	}
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
	if (kept_hold(&filter->kept, entry->numbers[1], batch, (uint32_t)entry->numbers[0]) < 0)
		pipeline_fail(filter->link.stage->pipeline, "filter %s: no memory to hold a record",
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
	case DID_RELEASE: /* below */
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
	const struct pipeline *pipeline = filter->link.stage->pipeline;
	struct result result = {.filter = filter,
				.batch = batch,
				.last = &result.first,
				.room = link_room(&filter->link),
				.text = link_room(&filter->link),
				/* Each has a block over there. */
				.batches = filter->link.rows.area.size / pipeline->pool.block_bytes,
				.last_claim = filter->kept.last,
				.change = {NULL, 0, 0, 1}};
	int status = take_batches(&result, answer->list, error);
	struct parcel list = answer->list;
	struct did entry;

	if (status == 0) {
		while (did_next(&answer->list, &entry))
			do_entry(&result, &entry);
		while (did_next(&list, &entry))
			if (entry.code == DID_RELEASE)
				kept_release(&filter->kept, entry.numbers[0]);
		if (batch && kept_copy(&filter->kept, batch) < 0)
			pipeline_fail(filter->link.stage->pipeline, "no memory to hold records");
	}
	result_done(&result);
	return status;
}
