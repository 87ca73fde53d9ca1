// SPDX-License-Identifier: MIT
/*
 * The configuration as checked trees: weir.yaml, and one pipeline per file of conf_dir.
 *
 * All problems of a run are collected, each with file, line and column; a pipeline with an error is
 * left out and the others stand. Everything is owned by the struct config and immutable after
 * loading; a running pipeline keeps the one that it came from.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stddef.h>
#include <weir/plugin.h>

#include "base/secrets.h"
#include "host/registry.h"

#define CONFIG_ERROR 1
#define CONFIG_WARNING 2

struct config_problem {
	uint32_t severity; /* CONFIG_ERROR or CONFIG_WARNING */
	uint32_t line, column;
	char *path;
	char *text; /* what was found, what was expected, the nearest right word */
};

/* What the user wants when the state database is corrupt. */
#define CONFIG_CORRUPT_STOP 1
#define CONFIG_CORRUPT_BEGINNING 2
#define CONFIG_CORRUPT_END 3

/* One stage of a pipeline: a plugin with its options. */
struct config_stage {
	const struct weir_plugin *plugin;
	const char *plugin_path;         /* the file that it is from; the registry's */
	int isolated;                    /* isolate: process */
	int stranger;                    /* the plugin was not built with this agent */
	const struct weir_node *options; /* a MAP, defaults filled in */
	uint32_t line, column;
	char *name; /* `name:`, or the plugin's name, with "_2" and so on where it repeats within its list */
	char *when;                           /* `when:`, or NULL */
	const struct weir_node *when_written; /* an option_node, or NULL */
	uint32_t strict;                      /* ordering: strict (outputs) */
	uint64_t linger_ns;                   /* linger (outputs); WEIR_TIMER_OFF = not set */
	uint64_t retry_min_ns; /* retry: {backoff_min, backoff_max} (outputs); 0 = default */
	uint64_t retry_max_ns;
	/* buffer: {disk, full, durable} (outputs) */
	uint64_t buffer_bytes; /* 0 = no queue on disk */
	int buffer_drops;      /* full: drop_oldest */
	int buffer_durable;
};

/* Two files with the same one say the same; zero where there was no memory for it. */
struct config_fingerprint {
	uint64_t low, high;
};

struct config_pipeline {
	char *name; /* of the file, without .yaml */
	char *id;   /* `id:`, or the name: the key of its positions */
	char *path;
	struct config_stage *inputs, *filters, *outputs;
	size_t input_count, filter_count, output_count;
	/* Never empty: a file without `dead_letter:` gets the stage that this text makes, as if it had
	 * been written there: `file: {path: STATE_DIR/dead/NAME.jsonl, max_bytes: DEAD_LETTER_MAX}`. */
	struct config_stage *dead_letter;
	size_t dead_letter_count;
	uint32_t on_corrupt_state; /* CONFIG_CORRUPT_* */
	int broken;                /* has errors: not to be run */
	struct config_fingerprint fingerprint;
	/* Not of the file: what commands that run a pipeline by themselves ask for. */
	int from_beginning;      /* sources that are not known begin at their beginning */
	int without_buffers;     /* no output has a queue on disk */
	const char *source_name; /* what every source is called; NULL = what it is */
};

struct config_memory;

struct config {
	char *path; /* weir.yaml; may not exist */
	char *state_dir;
	char *conf_dir;
	char **plugin_dirs;
	size_t plugin_dir_count;
	uint64_t memory_limit; /* bytes */
	uint32_t workers;
	char *admin_host; /* NULL = off */
	uint16_t admin_port;
	const char *admin_token; /* NULL = none */
	uint32_t log_level;      /* WEIR_LOG_* */
	uint32_t log_format;     /* LOG_TEXT or LOG_JSON */
	uint64_t shutdown_timeout_ns;
	uint64_t drain_timeout_ns;
	uint64_t isolate_timeout_ns;
	uint64_t load_timeout_ns;
	int sandbox;              /* enter it: `sandbox: auto` */
	uint64_t dead_letter_max; /* bytes of the default dead letter file per pipeline */
	struct config_pipeline *pipelines;
	size_t pipeline_count;
	struct config_problem *problems;
	size_t problem_count;
	uint32_t
		on_corrupt_state; /* CONFIG_CORRUPT_*, for pipelines that don't say so themselves */
	struct config_memory *memory; /* of all text and nodes above */
	struct secrets secrets;       /* that stand in it, or that it has read */
	uint32_t keepers;             /* beside the one who loaded it; main thread */
};

/* Reads weir.yaml (path NULL = the default; a missing default file is an empty one). Fails only when
 * out of memory; look at config_errors(). */
int config_load(const char *path, struct config **ret_config, struct weir_error *error);
/* Reads every NAME.yaml of conf_dir (not NAME.test.yaml) against the plugins that were found. */
int config_load_pipelines(struct config *config, struct registry *registry,
			  struct weir_error *error);
/* Reads one pipeline file into the config, as `weir check FILE` and tests do. */
int config_load_pipeline(struct config *config, struct registry *registry, const char *path,
			 struct weir_error *error);
size_t config_errors(const struct config *config);
void config_add_problem(struct config *config, uint32_t severity, const char *path, uint32_t line,
			uint32_t column, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* "PATH:LINE:COLUMN", or "PATH" where the problem is about the file as a whole. */
void config_print_place(const struct config_problem *problem, char *ret_text, size_t size);
/* For a pipeline that lives on what the config holds: config_free() then waits for it to call that
 * too. */
void config_keep(struct config *config);
/* Gives the settings that cannot change at run time (state_dir, memory_limit, workers, admin) the values
 * that they have in `running`, with a warning for each that differs. Before the pipelines are read. */
void config_pin(struct config *config, const struct config *running);
void config_free(struct config *config);

#endif
