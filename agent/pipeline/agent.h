// SPDX-License-Identifier: MIT
/*
 * The agent: every pipeline of a configuration, and what they share — loop, workers, state, metrics,
 * the HTTP module.
 *
 * Start:  create pipelines ─▶ state ─▶ start pipelines.   Stop: the reverse, outputs given until a
 * deadline. A pipeline that cannot be created or started is reported and left out; the others run.
 * All calls on the main thread, but for agent_status() and agent_metrics(), which may come from any.
 */
#ifndef PIPELINE_AGENT_H
#define PIPELINE_AGENT_H

#include "base/buffer.h"
#include "config/config.h"
#include "host/registry.h"

struct agent;

struct agent_progress {
	uint64_t bytes_read, bytes_left;
	uint64_t records;
	uint64_t delivered, dead, dropped, unrouted;
};

/* once: read what is there and end (run --once). */
int agent_create(struct config *config, struct registry *registry, int once,
		 struct agent **ret_agent, struct weir_error *error);
struct agent_checks {
	int offline;        /* leave out whether paths match anything and destinations answer */
	uint64_t online_ns; /* how long destinations have to answer a question; 0 = they get none */
};

/* Has every pipeline's plugins look at their options, starts nothing, and adds what they refuse and
 * what the checks find to the configuration's problems. */
int agent_check(struct config *config, struct registry *registry, const struct agent_checks *checks,
		struct weir_error *error);
int agent_start(struct agent *agent, struct weir_error *error);
/* What the process has given up, for the status; NULL: nothing. Borrowed. Before agent_start(). */
struct sandbox;
void agent_set_sandbox(struct agent *agent, const struct sandbox *sandbox);
/* Pipelines that run, of all that the configuration has. */
void agent_count(struct agent *agent, uint32_t *ret_running, uint32_t *ret_all);
/* once: everything that was there has an outcome. */
int agent_finished(struct agent *agent);
/* Waits up to that long for something to change. */
void agent_wait(struct agent *agent, uint64_t ns);
void agent_progress(struct agent *agent, struct agent_progress *ret_progress);
/* 1: the agent moves. 0: something in it has been stuck for longer than limit_ns, which `why` names.
 * A destination that does not answer is nothing of the kind. */
int agent_moves(struct agent *agent, uint64_t limit_ns, struct weir_error *why);
/* Stops everything within the configuration's shutdown_timeout, or as soon as hurry(user) is true.
 * Returns the batches left without outcome; they are read again by the next run. */
uint32_t agent_stop(struct agent *agent, int (*hurry)(void *user), void *user);
void agent_destroy(struct agent *agent);

/* For a move from another agent, instead of agent_start(): nothing is read, and files are made known of
 * which all before a position is done with. agent_stop() writes it down. */
int agent_start_placing(struct agent *agent, struct weir_error *error);
/* WEIR_ERR_NOT_FOUND when no input of the pipeline names the file. */
int agent_place(struct agent *agent, const char *pipeline, const char *path, uint64_t position,
		struct weir_error *error);

/* The status document (see admin/status_json.h), with parts of records or without, and the metrics in
 * Prometheus' text form. */
int agent_status(struct agent *agent, int records, struct buffer *out);
int agent_metrics(struct agent *agent, struct buffer *out);
/* The document of an event for the status page, in one line; see there, too. */
int agent_events(struct agent *agent, int records, struct buffer *out);
/* A tap on a pipeline that runs: at the stage of that name, or INPUT, FILTER, OUTPUT and a name behind a
 * colon, or "dead_letter"; NULL = behind all filters. WEIR_ERR_NOT_FOUND names what there is. Any thread. */
struct tap;
struct tap_ask {
	const char *pipeline, *at, *where;
	uint64_t limit;
};
int agent_tap_open(struct agent *agent, const struct tap_ask *ask, struct tap **ret_tap,
		   struct weir_error *error);
int agent_tap_read(struct tap *tap, struct buffer *out, uint64_t *ret_left_out);
void agent_tap_close(struct agent *agent, struct tap *tap);
/* Appends a sentence for each thing that is wrong; returns 1 when nothing is. */
int agent_health(struct agent *agent, struct buffer *out);

#endif
