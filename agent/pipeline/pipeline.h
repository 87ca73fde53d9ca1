// SPDX-License-Identifier: MIT
/*
 * One pipeline at work, and what its parts know of each other.
 *
 *   source ──read──▶ batch ──filters──▶ dispatch ──▶ delivery per output ──outcome──▶ ledger ──▶ state
 *   (source.c)       (flow.c)                        (delivery.c)                    (source.c)
 *                                   dead records ──▶ dead batch ──▶ dead-letter outputs (dead_letter.c)
 *
 * Threads: a batch is read, filtered and dispatched in one go by one worker. Outcomes arrive on any
 * thread. Locks are held in this order, and none while a plugin is called, but for the stage's own:
 *   stage lock (filters in pipeline order, then outputs, then dead-letter outputs)
 *     ▶ delivery list ▶ ledger ▶ pipeline ▶ scheduler, state, loop.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/loop.h"
#include "base/metrics.h"
#include "batch/batch.h"
#include "config/config.h"
#include "http/http.h"
#include "pipeline/dead_tally.h"
#include "pipeline/id_index.h"
#include "pipeline/ledger.h"
#include "pipeline/memory.h"
#include "pipeline/call.h"
#include "pipeline/scheduler.h"
#include "pipeline/tap.h"
#include "state/state.h"

struct pipeline;
struct disk_queue;

/* What pipelines share; owned by the agent, set before the first pipeline is created. */
struct pipeline_host {
	struct loop *loop;
	struct scheduler *scheduler;
	struct state *state;
	struct metrics *metrics;
	struct weir_slice host_name;
	const char *state_dir;
	struct taps taps;
	/* Loads the HTTP module on first use. */
	int (*http)(void *user, const struct http_module **ret_module, struct http **ret_http,
		    struct weir_error *error);
	void *user;
	_Atomic uint64_t
		uncommitted; /* bytes by which positions moved since the last hurried commit */
	int once;
	const struct weir_services *services; /* for plugins; NULL = pipeline_services */
	_Atomic uint64_t call_limit_ns;       /* that a call into an isolated plugin may take */
	struct rehearsal_step *creating;      /* in the rehearsal: where it is; else NULL */
};

/* ---- stages: plugin instances (stage.c) ------------------------------------------------------- */

#define STAGE_TIMERS 8
/* Series of one stage, labelled ones included: a stream of a thousand shards has a few for each. */
#define STAGE_METRICS 16384
/* Series that the agent itself keeps of one stage. */
#define STAGE_OWN_METRICS 32

struct stage_timer {
	struct loop_timer timer;
	struct task task; /* filters run their timers on a worker */
	struct weir_context *stage;
	uint32_t id;
	_Atomic int queued;
};

struct weir_context {
	struct pipeline *pipeline;
	const struct config_stage *config;
	const struct weir_plugin *plugin;
	uint32_t index;   /* among the stages of its kind */
	char *origin;     /* "pipeline/name" for the log */
	void **instances; /* one, or one a worker for stateless filters */
	uint32_t instance_count;
	int stateful;
	_Atomic int started;
	_Atomic uint64_t no_rest_before_ns; /* rest.c; of an input */
	pthread_mutex_t lock; /* serialises calls into the instance (stateful filters, outputs) */
	struct stage_timer timers[STAGE_TIMERS];
	struct weir_metric **plugin_metrics; /* under deliveries_lock */
	uint32_t plugin_metric_count, plugin_metric_capacity;
	struct weir_metric *own_metrics[STAGE_OWN_METRICS]; /* those below */
	uint32_t own_metric_count;

	/* outputs */
	int is_dead_letter;
	struct weir_output_settings settings;
	struct weir_expr **when;         /* one a worker; NULL without `when` */
	pthread_mutex_t deliveries_lock; /* guards the list, `stalled` and plugin_metrics */
	struct weir_delivery *deliveries;
	char *stalled;            /* why it cannot work now, or NULL */
	_Atomic int full;         /* it can use no more for now */
	atomic_uint last_words;   /* requests that the end waits for */
	struct disk_queue *queue; /* of an output with `buffer`, else NULL */
	struct probe *probe;      /* in `weir check --online`, else NULL */
	struct weir_metric *delivered, *dead, *dropped, *unselected, *had, *in_flight, *repeated;
	struct weir_metric *lost, *queued_before; /* at its queue on disk */
	struct weir_metric *requests, *retries, *http_in_flight, *http_bytes, *latency;

	struct weir_metric *call_time, *memory; /* of all kinds */
	/* With `isolate: process`; else NULL. Then `plugin` is a stand-in for config->plugin. */
	const struct isolation *isolation;
	struct weir_metric *restarts, *process_memory;

	/* inputs */
	struct weir_metric *bytes, *records, *files, *lag_bytes, *lag_seconds, *read_errors;
	struct weir_metric *input_dead;
	/* filters */
	struct weir_metric *filter_dropped, *filter_dead, *filter_held, *filter_made;
};

/* How plugins are run in processes of their own. */
struct isolation {
	/* A descriptor whose calls go to such a process. */
	int (*make)(const struct weir_plugin *plugin, const struct weir_plugin **ret_plugin,
		    struct weir_error *error);
	void (*free)(const struct weir_plugin *plugin);
	/* Appends {"pids":[1],"restarts":0,"memory":0}. Any thread. */
	void (*status)(struct weir_context *stage, struct buffer *out);
};

/* Called by the one who has it, before the first pipeline is created. */
void stage_set_isolation(const struct isolation *isolation);
int stage_create(struct pipeline *pipeline, const struct config_stage *config, uint32_t index,
		 int is_dead_letter, struct weir_context **ret_stage, struct weir_error *error);
int stage_start(struct weir_context *stage, uint32_t input_flags, struct weir_error *error);
void stage_stop(struct weir_context *stage);
/* The same, but an output's deliveries stay on its list. */
void stage_end(struct weir_context *stage);
void stage_destroy(struct weir_context *stage);
/* A series of the stage's, which goes with it; more_labels may be NULL. NULL without memory. While the stage
 * is created. */
struct weir_metric *stage_metric(struct weir_context *stage, uint32_t kind, const char *name,
				 const char *help, const char *more_labels);
/* What the stage counts of records begins anew. */
void stage_metrics_zero(struct weir_context *stage);
/* flush() of filters and outputs that have one. */
void stage_flush(struct weir_context *stage, uint32_t why);
/* WEIR_FLUSH_LAST, unless it is not running; and whether nothing of that is under way any more. */
void stage_last_words(struct weir_context *output);
int stage_is_silent(const struct weir_context *output);
/* The instance for the calling worker. */
void *stage_instance(struct weir_context *stage);
int32_t stage_timer_set(struct weir_context *stage, uint32_t id, uint64_t delay_ns);
void stage_stalled(struct weir_context *stage, struct weir_slice why);
/* Inputs wait while an output is full; not where a queue on disk takes what it can't. */
void stage_full(struct weir_context *stage, uint32_t full);

/* ---- sources (source.c) ------------------------------------------------------------------------ */

/* Records of a source that an older generation held back, by position. */
struct hold_positions {
	uint64_t *positions; /* in ascending order */
	uint32_t count, capacity;
	uint64_t start; /* from where they must be read again; UINT64_MAX when nothing is held */
	int all;        /* it cannot be told which: all records from there on */
};

/* What the input of a source was told. */
struct source_acks {
	pthread_mutex_t lock; /* guards acked; held over the plugin's acked() */
	uint64_t acked;
};

/* There may be 100,000 of them, nearly all at rest: what few of them need lies elsewhere. */
struct source {
	struct weir_source_view view; /* first: batches and plugins point at it */
	struct pipeline *pipeline;
	struct weir_context *input;
	void *user;
	struct task task;
	_Atomic int state; /* source.c has the diagram */
	_Atomic uint32_t refs;
	struct ledger *ledger; /* shared with the source that an older generation drains */
	const struct ledger_outputs *outputs;
	uint64_t resume_max;
	uint64_t read_position;      /* where the next claim begins */
	uint64_t had_until;          /* older generations dealt with what begins before it, */
	struct hold_positions *held; /* but for these; NULL = none */
	struct source_acks *acks;    /* NULL: its input is not told what was acknowledged */
	struct disk_queue *queue;    /* of which it is the reading end, else NULL */
	_Atomic uint32_t open;       /* claims that are not settled */
	uint8_t is_volatile;
	uint8_t was_resting; /* rest.c: its last turn began at the end of a rest */
	uint8_t has_outputs; /* `outputs` are its own, not the pipeline's */
	uint8_t astray; /* claims that nobody will settle: records that could not be dealt with */
	_Atomic uint8_t forgotten; /* END: nothing of it is to be kept */
	_Atomic uint8_t
		superseded;    /* the next generation begins anew: this one writes no positions */
	_Atomic uint8_t dirty; /* on the pipeline's dirty list */
	/* Monotonic seconds when it was last noted as seen. Relaxed: nothing hangs on it. */
	_Atomic uint32_t seen_s;
	struct source *dirty_next;
	struct source *prev, *next; /* pipeline's list */
	struct source *resting_next;
	uint64_t turn_ns; /* rest.c: the end of the last turn that read all there was */
	_Atomic uint64_t lag;
	_Atomic int64_t last_read_ns;
	/* Per output: where it stood when the source was taken up; then its id in hex and its name. */
	uint64_t resume[];
};

int32_t source_known(struct weir_context *input, uint32_t index,
		     struct weir_source_state *ret_state);
int32_t source_open(struct weir_context *input, const struct weir_source_spec *spec,
		    struct weir_source **ret_source, struct weir_error *error);
int32_t source_adopt(struct weir_context *input, const uint8_t id[16],
		     const struct weir_source_spec *spec, struct weir_source **ret_source,
		     struct weir_error *error);
void source_update(struct weir_source *source, struct weir_slice name, struct weir_slice identity);
void source_ready(struct weir_source *source);
void source_lag(struct weir_source *source, uint64_t unread_bytes);
void source_unref(const struct weir_source_view *view);
/* A source of that id from which nothing is read: records that were once read from it name it. NULL
 * without memory; at one reference. */
struct source *source_shadow(struct weir_context *input, const uint8_t id[16],
			     struct weir_slice name);
void source_ref(struct source *source);
/* The reading end of a queue on disk: volatile, not on the pipeline's list, and not stopped by the memory
 * bound, as it keeps a bound of its own. Given up by source_unref(). NULL without memory. */
struct source *source_open_reserved(struct weir_context *input, uint64_t position, void *user,
				    struct disk_queue *queue);
/* Puts it on its pipeline's list, which has a reference from then on. */
void source_list(struct source *source);
/* A source for batches to name and nothing else. NULL without memory. */
struct source *source_ghost(const uint8_t id[16], struct weir_slice name);
/* Gives up one hold on a claim and passes on what follows from it. */
void source_release(struct claim *claim, int32_t output);
/* Puts sources that wait for memory back into the queue. */
void source_unpark(struct pipeline *pipeline);
/* Waits until nobody tells its input any more what was acknowledged, who began before it was to stop. */
void source_await_acks(struct source *source);
/* What the sources of a pipeline share; before and after all of them. */
int sources_begin(struct pipeline *pipeline);
void sources_end(struct pipeline *pipeline);
/* Writes the positions that changed. */
void source_collect(struct pipeline *pipeline, struct state_writer *writer);

/* ---- flow of batches (flow.c, delivery.c, dead_letter.c) --------------------------------------- */

/*
 * The account. Every record is in exactly one counter at each step, so that these hold whenever
 * nothing is between two steps:
 *
 *   read by inputs + made by filters = dead at inputs and filters + dropped by filters
 *                                    + held back by filters + routed
 *   routed + queued before (read back from its queue on disk, of an earlier run)
 *          = delivered + dead-lettered + dropped + not routed here + delivered before (in an earlier
 *            run) + lost (by its queue) + in flight (in its queue too), at each output
 *   all dead = delivered + in flight, at each dead-letter output
 */

/* Sends the batch through the filters from `filter` on and to the outputs. Takes the batch. */
void flow_run(struct pipeline *pipeline, struct batch *take_batch, uint32_t filter);
/* Counts the records of a batch that the filter has made and is about to send on. */
void flow_made(struct weir_context *filter, const struct batch *batch);

/* ---- records that filters hold back (hold.c) --------------------------------------------------- */

struct claim_group;

struct weir_claim *flow_hold(struct batch *batch, uint32_t record);
struct weir_claim *flow_claim_ref(struct weir_claim *claim);
void flow_claim_release(struct weir_claim *claim);
void flow_batch_claim(struct batch *batch, struct weir_claim *take_claim);
uint32_t flow_batch_source(struct batch *batch, const struct weir_claim *claim);
void hold_group_unref(struct claim_group *group);
/* True when filters hold anything back. */
int hold_any(struct pipeline *pipeline);
/* The held records of a source, unsorted. Once no task of the pipeline runs any more. */
int hold_list(struct pipeline *pipeline, const struct source *source,
	      struct hold_positions *ret_list);
int hold_add(struct hold_positions *list, uint64_t position);
void hold_sort(struct hold_positions *list);
/* Leaves out, of a batch just read, what an older generation has dealt with: what its filters held back is
 * read again, and with it what was passed on. */
void hold_skip_had(const struct source *source, struct batch *batch);

struct weir_delivery {
	struct weir_delivery_view view;
	struct batch *batch;
	struct weir_context *output;
	uint32_t index;  /* of the output in the generation that read the batch */
	uint32_t queued; /* its queue on disk has the records before this one */
	_Atomic uint32_t remaining;
	_Atomic uint64_t *done; /* bit i: record i has an outcome */
	struct weir_delivery *prev, *next;
	uint64_t selected[]; /* then done[] */
};

/* Room for a delivery of the batch with an empty selection; NULL without memory. */
struct weir_delivery *delivery_create(struct batch *batch, struct weir_context *output);
/* Hands it to the output. Nothing of it may be touched after that. */
void delivery_write(struct weir_delivery *delivery);
void delivery_outcome(struct weir_delivery *delivery, const uint32_t *records, uint32_t count,
		      uint32_t outcome, const char *reason, struct weir_slice text);
/* What an output that has been stopped left without outcome goes to the heir; without one it counts as
 * dropped. Returns the records handed over. */
uint64_t delivery_pass_on(struct weir_context *output, struct weir_context *heir);
/* One of them, which is on no list. Takes it. */
uint32_t delivery_pass(struct weir_delivery *take_delivery, struct weir_context *heir);
/* Frees what an output that has been stopped left without outcome. */
void delivery_abandon(struct weir_context *output);
/* The end of a batch at one output: gives up its claims there. */
void delivery_settle(struct batch *batch, uint32_t output);

/* Sends the batch's dead records to the dead-letter outputs. output is the one that refused them,
 * or -1 for those that died before the outputs. */
int dead_letter_send(struct pipeline *pipeline, struct batch *batch, const struct batch_dead *dead,
		     uint32_t count, int32_t output);

/* ---- the pipeline (pipeline.c) ------------------------------------------------------------------ */

#define PIPELINE_RUNNING 1
#define PIPELINE_STOPPING 2
#define PIPELINE_FAILED 3

/* Outputs of one pipeline, at most: each has a column in every ledger. */
#define PIPELINE_OUTPUTS_MAX 32

struct pipeline {
	const struct config_pipeline *config;
	struct pipeline_host *host;
	struct dead_tally dead_tally;
	struct memory *memory; /* shared with the generations before it */
	struct batch_pool pool;
	struct weir_context **inputs, **filters, **outputs, **dead_outputs;
	uint32_t input_count, filter_count, output_count, dead_count;
	_Atomic int state;           /* PIPELINE_* */
	_Atomic int tasks;           /* queued or at work */
	_Atomic int reading;         /* sources that have not ended */
	_Atomic int filters_stopped; /* from now on a claim given back is no acknowledgement */
	_Atomic int retired;         /* the plugins are gone; only records that it read are left */
	pthread_mutex_t lock;        /* guards what follows */
	pthread_cond_t changed;
	char *failure;
	struct source *sources;
	struct ledger_name *output_names[PIPELINE_OUTPUTS_MAX];
	struct ledger_outputs *in_order; /* output i has column i, as in nearly all ledgers */
	struct source *dirty;            /* positions changed: for the next commit */
	struct source *resting;          /* to be looked at when rest_timer goes off */
	struct claim_group *held;
	struct source **parked_list;
	uint32_t parked_count, parked_capacity;
	struct weir_metric *routed, *unrouted, *memory_used, *memory_limit, *state_metric;
	struct task pressure_task;
	_Atomic int pressure_queued;
	struct config *owner;          /* of `config`; kept until the pipeline is destroyed */
	char *refused;                 /* why a newer configuration is not in effect, or NULL */
	struct loop_timer state_timer; /* state_gate.c */
	_Atomic int gate_closed;
	struct loop_timer rest_timer; /* rest.c */
	uint64_t rest_ns;             /* 0 = no rests */
	struct known_source *known;   /* of earlier runs, read at create */
	uint32_t known_count, known_capacity;
	uint64_t *known_positions;
	struct id_index known_index;
	struct known_cursor {
		const char *input;
		uint32_t index, place;
	} known_cursor; /* what known_at() found last */
	uint32_t start_flags;
};

/* `predecessor` is the generation that runs and is to be replaced, or NULL; it is not touched. */
int pipeline_create(struct pipeline_host *host, const struct config_pipeline *config,
		    uint64_t memory_bytes, uint32_t start_flags, struct pipeline *predecessor,
		    struct pipeline **ret_pipeline, struct weir_error *error);
int pipeline_start(struct pipeline *pipeline, struct weir_error *error);
/* Another bound of the memory. */
void pipeline_set_memory(struct pipeline *pipeline, int64_t bytes);
/* The two halves of it: everything but the inputs, and the inputs. */
int pipeline_start_outputs(struct pipeline *pipeline, struct weir_error *error);
int pipeline_start_inputs(struct pipeline *pipeline, struct weir_error *error);
/* The end in three steps, so that no pipeline waits for another: the inputs stop and what is on its way
 * is flushed; the caller waits until every record has an outcome, for as long as it likes; and filters
 * and outputs stop. Returns the number of batches left over; they come again. */
void pipeline_stop_reading(struct pipeline *pipeline);
int pipeline_drained(struct pipeline *pipeline);
/* All records have their outcome: what outputs still have to say is said, and has been. */
void pipeline_last_words(struct pipeline *pipeline);
int pipeline_is_silent(const struct pipeline *pipeline);
uint32_t pipeline_stop(struct pipeline *pipeline);
void pipeline_destroy(struct pipeline *pipeline);
/* Destroys the plugins' instances; what is left is no more than what its batches stand on. */
void pipeline_free_stages(struct pipeline *pipeline);
/* run --once: true when everything that was there has an outcome. */
int pipeline_finished(struct pipeline *pipeline);
/* Waits at most that long for something to change. */
void pipeline_wait(struct pipeline *pipeline, uint64_t ns);
/* The pipeline cannot go on; it stops reading and says why, and so does a generation that took over from
 * it. The others are not affected. */
void pipeline_fail(struct pipeline *pipeline, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int pipeline_is_reading(const struct pipeline *pipeline);
int pipeline_has_failed(const struct pipeline *pipeline);
/* Queues a task of the pipeline's; its run() ends with pipeline_task_done(). */
void pipeline_push(struct pipeline *pipeline, struct task *task);
void pipeline_task_done(struct pipeline *pipeline);
/* A source found no room: asks filters and outputs to let go of what they keep for company. */
void pipeline_pressure(struct pipeline *pipeline);
/* Says that a counter behind pipeline_finished() may have changed. */
void pipeline_signal(struct pipeline *pipeline);

extern const struct weir_services pipeline_services;
/* Those that the stage's plugin gets: another table where the process is not the agent's. */
const struct weir_services *services_of(const struct weir_context *stage);
/* Called by the one who loads the HTTP module, before the first client is made. */
void services_set_http(const struct http_module *module);

/* An optional function of a plugin's table: absent beyond its struct_size. */
#define STAGE_OP(ops, member) (WEIR_HAS(ops, member) ? (ops)->member : NULL)

#endif
