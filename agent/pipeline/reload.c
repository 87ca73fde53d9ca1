// SPDX-License-Identifier: MIT
#include "pipeline/reload.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/agent_parts.h"
#include "pipeline/disk_queue.h"
#include "pipeline/succession.h"

#define POLL_NS (2 * NS_PER_MS)

/* One pipeline's way through a reload. */
struct turn {
	struct pipeline *old;                 /* NULL: it is new */
	const struct config_pipeline *config; /* NULL: it is taken away */
	struct pipeline *next;
	size_t item; /* of the report */
	int patient; /* wants the old generation drained before it starts */
	/* An older one still, which the inputs of the old generation were waiting for; or NULL. */
	struct pipeline *behind;
	int started; /* the new one reads, or never will */
	int ending;  /* the old one has been asked for its last words */
	int done;
};

struct reload {
	struct agent *agent;
	struct config *config;
	const struct reload_watch *watch;
	struct reload_report *report;
	struct turn *turns;
	size_t count;
	uint64_t share, grace_ns, deadline_ns;
};

const char *reload_word(uint32_t what)
{
	static const char *const words[] = {"unchanged", "added", "changed",
					    "removed",   "kept",  "left out"};

	return words[what];
}

void reload_report_done(struct reload_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->items[i].pipeline);
	free(report->items);
	*report = (struct reload_report){0};
}

/* ---- the plan ---- */

static struct pipeline *find_id(const struct agent *agent, const char *id)
{
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		if (strcmp(agent->pipelines[i]->config->id, id) == 0)
			return agent->pipelines[i];
	return NULL;
}

/* The pipeline that runs in the place of this one. Who has errors may not have got to say its id. */
static struct pipeline *find_running(const struct agent *agent,
				     const struct config_pipeline *config)
{
	struct pipeline *pipeline = config->broken ? agent_find(agent, config->name) : NULL;

	return pipeline ? pipeline : find_id(agent, config->id);
}

static int same(const struct config_pipeline *a, const struct config_pipeline *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->id, b->id) == 0 &&
	       a->fingerprint.low == b->fingerprint.low &&
	       a->fingerprint.high == b->fingerprint.high;
}

int agent_runs(const struct agent *agent, const struct config_pipeline *config)
{
	const struct pipeline *pipeline = find_id(agent, config->id);

	/* One that failed is started again. */
	return pipeline && pipeline_is_reading(pipeline) && same(pipeline->config, config);
}

static size_t add_item(struct reload_report *report, const char *pipeline, uint32_t what)
{
	report->items[report->count] = (struct reload_item){strdup(pipeline), what};
	return report->count++;
}

static void note_refusal(struct pipeline *pipeline, const char *why)
{
	pthread_mutex_lock(&pipeline->lock);
	free(pipeline->refused);
	pipeline->refused = why ? strdup(why) : NULL;
	pthread_mutex_unlock(&pipeline->lock);
}

/* The old one goes on, where there is one. */
static void refuse(struct reload *reload, struct turn *turn, const char *why)
{
	turn->done = turn->started = 1;
	reload->report->items[turn->item].what = turn->old ? RELOAD_KEPT : RELOAD_LEFT_OUT;
	if (turn->old)
		note_refusal(turn->old, why);
	else
		agent_add_failure(reload->agent, turn->config->name, why);
}

static void report_refusal(struct reload *reload, const struct config_pipeline *config,
			   const struct weir_error *error)
{
	config_add_problem(reload->config, CONFIG_ERROR, config->path, error->line, error->column,
			   "%s", error->text);
}

static struct turn *add_turn(struct reload *reload, struct pipeline *old,
			     const struct config_pipeline *config, uint32_t what)
{
	struct turn *turn = &reload->turns[reload->count++];

	*turn = (struct turn){.old = old, .config = config};
	turn->item = add_item(reload->report, config ? config->name : old->config->name, what);
	return turn;
}

static void plan_pipeline(struct reload *reload, const struct config_pipeline *config)
{
	struct pipeline *old = find_running(reload->agent, config);
	struct turn *turn;

	if (config->broken) {
		turn = add_turn(reload, old, config, RELOAD_KEPT);
		turn->done = turn->started = 1;
		if (old)
			note_refusal(old, "its file has errors; see weir check");
		else
			reload->report->items[turn->item].what = RELOAD_LEFT_OUT;
		return;
	}
	if (old && agent_runs(reload->agent, config)) {
		add_item(reload->report, config->name, RELOAD_UNCHANGED);
		note_refusal(old, NULL);
		return;
	}
	add_turn(reload, old, config, old ? RELOAD_CHANGED : RELOAD_ADDED);
}

static int is_wanted(const struct reload *reload, const struct pipeline *pipeline)
{
	for (size_t i = 0; i < reload->config->pipeline_count; i++)
		if (find_running(reload->agent, &reload->config->pipelines[i]) == pipeline)
			return 1;
	return 0;
}

static int plan(struct reload *reload)
{
	size_t most = reload->config->pipeline_count + reload->agent->pipeline_count;

	reload->turns = calloc(most + 1, sizeof(*reload->turns));
	reload->report->items = calloc(most + 1, sizeof(*reload->report->items));
	if (!reload->turns || !reload->report->items)
		return WEIR_ERR_MEMORY;
	for (size_t i = 0; i < reload->config->pipeline_count; i++)
		plan_pipeline(reload, &reload->config->pipelines[i]);
	for (uint32_t i = 0; i < reload->agent->pipeline_count; i++)
		if (!is_wanted(reload, reload->agent->pipelines[i]))
			add_turn(reload, reload->agent->pipelines[i], NULL, RELOAD_REMOVED);
	return 0;
}

/* ---- the new generations ---- */

/* Gives every pipeline its share. What one still uses beyond it, of the time when there were fewer, is kept
 * from the others until it has come back. */
static void share_out(struct agent *agent, uint64_t share)
{
	int64_t bytes = (int64_t)share, over = 0, within = 0;

	for (uint32_t i = 0; i < agent->pipeline_count; i++) {
		int64_t used = atomic_load(&agent->pipelines[i]->memory->budget.used);

		if (used > bytes)
			over += used - bytes;
		else
			within++;
	}
	agent->is_crowded = over > 0;
	for (uint32_t i = 0; i < agent->pipeline_count; i++) {
		struct pipeline *pipeline = agent->pipelines[i];
		int is_over = atomic_load(&pipeline->memory->budget.used) > bytes;
		int64_t less = is_over || within == 0 ? 0 : over / within;

		pipeline_set_memory(pipeline, less < bytes ? bytes - less : 0);
	}
}

/* While the removed ones drain they keep their share. */
static void share_memory(struct reload *reload)
{
	size_t pipelines = reload->agent->pipeline_count;

	for (size_t i = 0; i < reload->count; i++)
		pipelines += !reload->turns[i].old && !reload->turns[i].done;
	reload->share = agent_share(reload->config, pipelines);
	share_out(reload->agent, reload->share);
}

static int strict(const struct pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->output_count; i++)
		if (pipeline->outputs[i]->config->strict)
			return 1;
	return 0;
}

static void create(struct reload *reload, struct turn *turn)
{
	struct agent_plan wanted = {.owner = reload->config,
				    .config = turn->config,
				    .memory_bytes = reload->share,
				    .predecessor = turn->old};
	struct weir_error error = {0};
	int status = 0;

	if (!turn->old)
		status = agent_start_flags(reload->agent, turn->config, &wanted.flags, &error);
	if (status == 0)
		status = agent_prepare(reload->agent, &wanted, &turn->next, &error);
	if (status < 0) {
		turn->next = NULL;
		report_refusal(reload, turn->config, &error);
		refuse(reload, turn, error.text);
		return;
	}
	agent_mark_seen(reload->agent, turn->config);
	turn->patient = strict(turn->next) || (turn->old && strict(turn->old));
}

/* ---- the lists, which the state's thread and the admin's read ---- */

static void list_next(struct agent *agent, const struct pipeline *old, struct pipeline *next)
{
	uint32_t at = 0;

	pthread_mutex_lock(&agent->lock);
	while (at < agent->pipeline_count && agent->pipelines[at] != old)
		at++;
	if (at == agent->pipeline_count)
		agent->pipeline_count++;
	agent->pipelines[at] = next;
	pthread_mutex_unlock(&agent->lock);
}

static void unlist(struct agent *agent, const struct pipeline *old)
{
	pthread_mutex_lock(&agent->lock);
	for (uint32_t i = 0; i < agent->pipeline_count; i++)
		if (agent->pipelines[i] == old) {
			memmove(&agent->pipelines[i], &agent->pipelines[i + 1],
				(--agent->pipeline_count - i) * sizeof(struct pipeline *));
			break;
		}
	pthread_mutex_unlock(&agent->lock);
}

/* It drains: its positions are still written. */
static void list_retired(struct agent *agent, struct pipeline *old)
{
	pthread_mutex_lock(&agent->lock);
	agent->retired[agent->retired_count++] = (struct agent_retired){old, NULL, 0};
	pthread_mutex_unlock(&agent->lock);
}

/* Nobody waits for that one any more; returns the generation that it was waiting for. */
static struct pipeline *stop_waiting(struct agent *agent, const struct pipeline *waiting)
{
	for (uint32_t i = 0; i < agent->retired_count; i++)
		if (agent->retired[i].waiting == waiting) {
			agent->retired[i].waiting = NULL;
			return agent->retired[i].pipeline;
		}
	return NULL;
}

static void end_retired(struct agent *agent, const struct pipeline *old, struct pipeline *waiting)
{
	for (uint32_t i = 0; i < agent->retired_count; i++)
		if (agent->retired[i].pipeline == old) {
			agent->retired[i].ended = 1;
			agent->retired[i].waiting = waiting;
		}
}

static int make_room(struct reload *reload)
{
	struct agent *agent = reload->agent;
	/* Twice: a generation that does not start is retired as well. */
	size_t most = agent->retired_count + 2 * reload->count + 1;
	size_t running = agent->pipeline_count + reload->count + 1;
	struct agent_retired *retired;
	struct pipeline **pipelines;

	pthread_mutex_lock(&agent->lock);
	retired = realloc(agent->retired, most * sizeof(*retired));
	if (retired)
		agent->retired = retired;
	pipelines = realloc(agent->pipelines, running * sizeof(struct pipeline *));
	if (pipelines)
		agent->pipelines = pipelines;
	pthread_mutex_unlock(&agent->lock);
	return retired && pipelines ? 0 : WEIR_ERR_MEMORY;
}

/* ---- the switch ---- */

static void retire(struct reload *reload, struct turn *turn, struct pipeline *waiting)
{
	struct pipeline *heir = turn->next;

	turn->done = 1;
	/* What a pipeline that failed could not deal with is read again. */
	if (pipeline_has_failed(turn->old) || (heir && pipeline_has_failed(heir)))
		heir = NULL;
	reload->report->repeated += succession_retire(turn->old, heir);
	end_retired(reload->agent, turn->old, waiting);
}

/* The new generation did not start: one of the old configuration takes its place. */
static void restore(struct reload *reload, struct turn *turn, const struct weir_error *why)
{
	struct agent_plan wanted = {.owner = turn->old->owner,
				    .config = turn->old->config,
				    .memory_bytes = reload->share,
				    .predecessor = turn->next};
	struct pipeline *again = NULL;
	struct weir_error error = {0};
	int status = agent_prepare(reload->agent, &wanted, &again, &error);

	report_refusal(reload, turn->config, why);
	reload->report->items[turn->item].what = RELOAD_KEPT;
	pipeline_stop_reading(turn->next);
	if (status == 0) {
		struct pipeline *failed = turn->next;

		list_retired(reload->agent, failed);
		(void)state_sync(reload->agent->host.state, &error);
		note_refusal(again, why->text);
		list_next(reload->agent, failed, again);
		turn->next = again;
		succession_queues(again, failed);
		status = pipeline_start_outputs(again, &error);
		if (status == 0)
			status = succession_begin(again, failed, &error);
		succession_retire(failed, NULL);
		end_retired(reload->agent, failed, NULL);
		if (status == 0)
			status = pipeline_start_inputs(again, &error);
	}
	if (status < 0)
		log_line(WEIR_LOG_ERROR, turn->old->config->name, "pipeline_refused",
			 "the old configuration did not start again either: %s", error.text);
}

/* The new generation takes the place of the old one, which is over or drains beside it. */
static void take_over(struct reload *reload, struct turn *turn)
{
	struct weir_error error = {0};
	int status;

	turn->started = 1;
	succession_stop_idle(turn->old);
	list_next(reload->agent, turn->old, turn->next);
	succession_queues(turn->next, turn->old);
	status = pipeline_start_outputs(turn->next, &error);
	if (status == 0)
		status = succession_begin(turn->next, turn->old, &error);
	if (pipeline_has_failed(turn->old))
		retire(reload, turn, NULL);
	succession_account(turn->next, turn->old);
	if (status == 0)
		status = pipeline_start_inputs(turn->next, &error);
	if (status < 0)
		restore(reload, turn, &error);
}

/* drain_timeout is over. Inputs that must not start before the old generation has drained wait on. */
static void give_up_waiting(struct reload *reload, struct turn *turn)
{
	struct weir_error error = {0};
	int held = hold_any(turn->old);

	reload->report->undrained++;
	log_line(WEIR_LOG_WARNING, turn->old->config->name, "reload_undrained",
		 "destinations have not answered within drain_timeout; %s",
		 turn->next ? "what they owe is sent again by the new configuration"
			    : "what they owe is read again if the pipeline comes back");
	if (!turn->next || turn->started) {
		retire(reload, turn, NULL);
		return;
	}
	turn->started = 1;
	list_next(reload->agent, turn->old, turn->next);
	succession_queues(turn->next, turn->old);
	if (pipeline_start_outputs(turn->next, &error) < 0 ||
	    succession_begin(turn->next, turn->old, &error) < 0) {
		restore(reload, turn, &error);
		retire(reload, turn, NULL);
		return;
	}
	succession_account(turn->next, turn->old);
	retire(reload, turn, held ? turn->next : NULL);
	if (turn->behind)
		end_retired(reload->agent, turn->behind, turn->next);
	else if (!held && pipeline_start_inputs(turn->next, &error) < 0)
		restore(reload, turn, &error);
}

static void move_on(struct reload *reload, struct turn *turn, uint64_t now_ns, int hurry)
{
	int drained = succession_is_drained(turn->old) &&
		      (!turn->behind || succession_is_over(turn->behind));
	uint64_t until = turn->patient ? reload->deadline_ns : reload->grace_ns;

	if (turn->next && !turn->started && (drained || (now_ns >= until && !turn->patient)))
		take_over(reload, turn);
	if (turn->done)
		return;
	if (drained && !turn->ending)
		pipeline_last_words(turn->old);
	turn->ending |= drained;
	hurry |= now_ns >= reload->deadline_ns;
	if (drained && (pipeline_is_silent(turn->old) || hurry))
		retire(reload, turn, NULL);
	else if (!drained && hurry)
		give_up_waiting(reload, turn);
}

static struct turn *first_open(const struct reload *reload)
{
	for (size_t i = 0; i < reload->count; i++)
		if (!reload->turns[i].done)
			return &reload->turns[i];
	return NULL;
}

static void begin(struct reload *reload, struct turn *turn)
{
	struct weir_error error = {0};

	if (turn->old) {
		pipeline_stop_reading(turn->old);
		list_retired(reload->agent, turn->old);
		turn->behind = stop_waiting(reload->agent, turn->old);
		turn->patient |= turn->behind || hold_any(turn->old);
		if (!turn->next)
			unlist(reload->agent, turn->old);
		return;
	}
	turn->done = turn->started = 1;
	list_next(reload->agent, NULL, turn->next);
	share_out(reload->agent, reload->share);
	if (pipeline_start(turn->next, &error) < 0) {
		report_refusal(reload, turn->config, &error);
		reload->report->items[turn->item].what = RELOAD_LEFT_OUT;
	}
}

static void switch_all(struct reload *reload)
{
	struct weir_error error;
	struct turn *turn;

	for (size_t i = 0; i < reload->count; i++)
		if (!reload->turns[i].done)
			begin(reload, &reload->turns[i]);
	reload->grace_ns = clock_monotonic_ns() + RELOAD_GRACE_NS;
	reload->deadline_ns = clock_monotonic_ns() + reload->config->drain_timeout_ns;
	if (reload->grace_ns > reload->deadline_ns)
		reload->grace_ns = reload->deadline_ns;
	/* What the sources are called and how far they are is read from there. */
	(void)state_sync(reload->agent->host.state, &error);
	while ((turn = first_open(reload))) {
		int hurry = reload->watch->hurry(reload->watch->user);

		for (size_t i = 0; i < reload->count; i++)
			if (!reload->turns[i].done)
				move_on(reload, &reload->turns[i], clock_monotonic_ns(), hurry);
		if (!turn->done)
			pipeline_wait(turn->old, POLL_NS);
	}
}

void agent_reload(struct agent *agent, struct config *config, const struct reload_watch *watch,
		  struct reload_report *ret_report)
{
	struct reload reload = {agent, config, watch, ret_report, NULL, 0, 0, 0, 0};

	*ret_report = (struct reload_report){0};
	agent_clear_failures(agent);
	pthread_mutex_lock(&agent->lock);
	agent->config = config;
	pthread_mutex_unlock(&agent->lock);
	atomic_store(&agent->host.call_limit_ns, config->isolate_timeout_ns);
	if (plan(&reload) < 0 || make_room(&reload) < 0) {
		config_add_problem(config, CONFIG_ERROR, config->path, 0, 0,
				   "no memory for a reload; everything stays as it is");
		free(reload.turns);
		return;
	}
	share_memory(&reload);
	for (size_t i = 0; i < reload.count; i++)
		if (!reload.turns[i].done && reload.turns[i].config)
			create(&reload, &reload.turns[i]);
	disk_queue_report_orphans(config);
	switch_all(&reload);
	share_out(agent, agent_share(config, agent->pipeline_count));
	free(reload.turns);
	agent_tend(agent);
}

/* ---- afterwards ---- */

static void start_waiting(struct pipeline *next)
{
	struct weir_error error = {0};

	if (pipeline_is_reading(next))
		pipeline_start_inputs(next, &error);
}

int agent_tend(struct agent *agent)
{
	for (uint32_t i = agent->retired_count; i-- > 0;) {
		struct agent_retired over = agent->retired[i];

		if (!over.ended || !succession_is_over(over.pipeline))
			continue;
		pthread_mutex_lock(&agent->lock);
		agent->retired[i] = agent->retired[--agent->retired_count];
		pthread_mutex_unlock(&agent->lock);
		if (over.waiting)
			start_waiting(over.waiting);
		pipeline_destroy(over.pipeline);
	}
	if (agent->is_crowded)
		share_out(agent, agent_share(agent->config, agent->pipeline_count));
	return agent->retired_count > 0 || agent->is_crowded;
}
