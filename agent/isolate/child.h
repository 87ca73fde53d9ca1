// SPDX-License-Identifier: MIT
/*
 * The process of an isolated plugin: the plugin in a pipeline that has this one stage, without state, and with a
 * services table in which what concerns the agent is passed on to it.
 *
 * A filter is called by the main thread, and what it does is gathered until the call's answer. An output
 * is called by the main thread and the loop's, and what it does is passed on at once.
 */
#ifndef ISOLATE_CHILD_H
#define ISOLATE_CHILD_H

#include "isolate/did.h"
#include "isolate/image.h"
#include "isolate/setting.h"

struct child_measure {
	struct weir_metric *metric;
	int64_t last; /* of a gauge, as the agent has it */
};

/* A batch that a filter has begun. */
struct child_emission {
	struct batch *batch;
	struct buffer claims, sources, dead;
	struct buffer owed; /* claims to be given up once it is sent: pointers */
	int is_sent;
	struct child_emission *next;
};

/* A delivery at the output. */
struct child_delivery {
	struct weir_delivery *delivery;
	uint64_t number;
	struct child_delivery *prev, *next;
};

struct child {
	struct setting setting;
	struct shared text, rows; /* of a filter */
	struct pipeline_host host;
	struct config_stage stage_config;
	struct config_pipeline config;
	struct pipeline *pipeline;
	struct weir_context *stage;
	struct registry *registry;
	const struct http_module *http_module;
	struct http *http;
	struct weir_services services;
	char *payload;   /* of the message that is being dealt with, */
	uint64_t number; /* and its number */

	pthread_mutex_t question_lock; /* one question at a time */
	pthread_mutex_t lock;          /* guards what follows, and sending */
	struct buffer did;             /* not passed on yet */
	struct child_measure *measures;
	uint32_t measure_count, measure_capacity;

	/* of a filter: the main thread's */
	struct child_emission changed; /* the batch of the call, or NULL */
	struct child_emission *emissions, **last_emission;
	uint64_t claims; /* numbers given */
	/* of an output */
	struct batch_area spare; /* for the block that every batch has */
	struct shared *slots;    /* memory of deliveries, by number */
	uint64_t slot_count;
	struct child_delivery *deliveries; /* under the lock */
	struct loop_timer measure_timer;
	_Atomic int measure_is_due;
	struct loop_timer silence_timer; /* after WEIR_FLUSH_LAST, until nothing is pending */
};

static inline struct child *child_of(const struct weir_context *stage)
{
	return stage->pipeline->host->user;
}

/* The metrics that the agent keeps of an output itself; the first of all. Under the lock. */
void child_own_measures(struct child *child, const struct weir_context *stage);
/* The services for the plugin, in child->services. */
void child_services_make(struct child *child);
/* Notes what the plugin did; an output's is passed on at once. */
void child_did(struct child *child, uint64_t code, const uint64_t *numbers,
	       const struct weir_slice *texts);
/* The same, under the lock. */
void child_did_locked(struct child *child, uint64_t code, const uint64_t *numbers,
		      const struct weir_slice *texts);
/* Appends what the metrics have gathered to child->did. Under the lock. Returns how many had something. */
uint32_t child_measure(struct child *child);
/* Answers the message: the error (code 0 = none), and what was done. */
void child_answer(struct child *child, uint64_t what, const struct weir_error *error);
/* Passes on what was done, of an output. Under the lock. */
void child_pass_on(struct child *child);

/* child_filter.c */
void child_filter_services(struct weir_services *services);
int child_filter_call(struct child *child, const struct message *message, struct weir_error *error);

void child_filter_done(struct child *child);

/* child_output.c */
int child_output_make(struct child *child, struct weir_error *error);
void child_output_services(struct weir_services *services);
int child_output_call(struct child *child, const struct message *message, struct weir_error *error);
/* Takes the descriptor. */
void child_output_write(struct child *child, const struct message *message, int take_fd);
void child_output_done(struct child *child);
/* Something has happened: metrics are passed on soon. */
void child_output_stir(struct child *child);

#endif
