// SPDX-License-Identifier: MIT
/*
 * A Weir plugin: a shared object that exports one data symbol, `weir_plugins`.
 *
 *     static const struct weir_plugin mask = { .struct_size = sizeof(mask), ... };
 *     static const struct weir_plugin *const all[] = {&mask};
 *     WEIR_PLUGINS(all);
 *
 * The host reads the descriptors without calling anything, checks them, and refuses what it cannot
 * run with a sentence. Then, per process: plugin_start(); per use in a pipeline: create(), start(),
 * work functions, stop(), destroy(); at the end plugin_stop().
 *
 * create() is called on trial, too, in a process of its own: when the agent starts, and by `weir check`,
 * which then calls fields(), and check() or probe(). That process ends without stop(), destroy() and
 * plugin_stop(): so what create() makes outside of it would stay.
 *
 * Threads: create(), start(), stop() and destroy() run on the main thread. The host serialises all
 * other calls into one instance, with two exceptions: an input's read() is serialised per source
 * only, and an output that sets WEIR_PLUGIN_CONCURRENT may get write() from several workers at once.
 * No call may block on the network or for long; an output with a slow library has a thread of its
 * own and reports outcomes from it.
 */
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <weir/services.h>

#define WEIR_INPUT 1
#define WEIR_FILTER 2
#define WEIR_OUTPUT 3

/* Plugin flags. */
#define WEIR_PLUGIN_CONCURRENT 1 /* outputs: write() may run on several workers at once */

/* What read() returns; negative is an error, after which the source is left alone until ready. */
#define WEIR_READ_IDLE 0 /* nothing more until source_ready() */
#define WEIR_READ_MORE 1 /* call again when the batch has been taken */
#define WEIR_READ_END \
	2                  /* the source is finished: the host keeps its position until all outcomes
                          * are in, then calls closed() and forgets the source */
#define WEIR_READ_DETACH 3 /* like END, but the source's position is kept for a later adoption */

/* Why flush() is called. Later minors may have more reasons: one that is not known means that what is
 * there is to be sent. */
#define WEIR_FLUSH_MEMORY 1 /* the pipeline is at its memory bound: let go of the oldest */
#define WEIR_FLUSH_STOP \
	2                /* the pipeline stops: send what may be sent; what is still held is read
                             * again by the next run */
#define WEIR_FLUSH_END 3 /* all inputs have ended for good (run --once): send everything */
#define WEIR_FLUSH_LAST \
	4 /* to outputs: as a rule every record has its outcome, and stop() comes soon: last words,
           * for which the host waits if they go by an `awaited` HTTP client; may come again */

/* Flags of an input's start(). */
#define WEIR_START_ONCE 1      /* read what is there, then end every source */
#define WEIR_START_BEGINNING 2 /* positions were lost: read everything from its beginning */
#define WEIR_START_END 4       /* positions were lost: begin at the end of what is there */

/*
 * For `weir check`: the fields that records can have at one place of a pipeline. Handed to a stage's
 * fields(), which says in the order of its work which of them it reads, makes and takes away. The host
 * warns of what is read there and no record can have; so a plugin that cannot tell which fields it
 * makes says any(). Names are whole names of fields, and are copied.
 *
 * Valid during the call of fields(), on its thread. Without memory, records can have any.
 */
struct weir_fields {
	uint32_t struct_size;
	uint32_t reserved;
	/* From here on records can have the field. */
	void (*add)(struct weir_fields *fields, struct weir_slice name);
	/* From here on none has it. */
	void (*remove)(struct weir_fields *fields, struct weir_slice name);
	/* From here on records have no fields. */
	void (*clear)(struct weir_fields *fields);
	/* From here on records can have fields of any name. */
	void (*any)(struct weir_fields *fields);
	/* The user asks for the field: here it is of use only if records can have it. `written` is the
	 * node of the instance's options where the name is written: a scalar, or the map whose key it
	 * is. For NULL, and for a default, nothing is said: there is nothing to mend. */
	void (*reads)(struct weir_fields *fields, struct weir_slice name,
		      const struct weir_node *written);
	/* The same of all fields in an expression, which begins at byte `offset` of the scalar
	 * `written`; `expr` may be NULL: none. Borrowed during the call. */
	void (*reads_expr)(struct weir_fields *fields, const struct weir_expr *expr,
			   const struct weir_node *written, uint64_t offset);
};

struct weir_input_ops {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*create)(const struct weir_services *host, struct weir_context *context,
			  const struct weir_node *options, void **ret_instance,
			  struct weir_error *error);
	/* Opens sources. flags are WEIR_START_*. With WEIR_START_ONCE every source is opened before
	 * start() returns, and comes to WEIR_READ_END or DETACH when all that was there has been read. */
	int32_t (*start)(void *instance, uint32_t flags, struct weir_error *error);
	/* No source is being read. No more source_ready(), no thread of the plugin's runs after it. At a
	 * reload the instance that follows is created before it, and started after it. */
	void (*stop)(void *instance);
	void (*destroy)(void *instance);
	/* Fills the batch (one block of text is reserved already) and returns WEIR_READ_*. */
	int32_t (*read)(void *instance, void *source_user, struct weir_batch *batch,
			struct weir_error *error);
	/* Optional. Everything of the source before `position` has an outcome at every output. */
	void (*acked)(void *instance, void *source_user, uint64_t position);
	/* Optional. The host is done with the source; source_user may be freed. */
	void (*closed)(void *instance, void *source_user);
	/* Optional. The memory bound stops reading (1), or reading goes on (0). */
	void (*paused)(void *instance, uint32_t paused);
	/* Optional. Runs on the loop's thread, also while read() runs. */
	void (*timer)(void *instance, uint32_t id);
	/* Optional. For `weir check`, after create() and instead of start(): an error whose text says
	 * what would not work as things are now (no file matches, ...). May take a few seconds. */
	int32_t (*check)(void *instance, struct weir_error *ret_warning);
	/* Optional. For a move from another agent, after create() and instead of start(): the file is
	 * one of which all before `position` is done with; it is opened as a source, and not read.
	 * WEIR_ERR_NOT_FOUND when the options don't name it. May be called for several files; the
	 * empty path names none, and says that this is not the first run. */
	int32_t (*place)(void *instance, struct weir_slice path, uint64_t position,
			 struct weir_error *error);
	/* Optional. For `weir check`, after create() and instead of start(): adds the fields that its
	 * records can have. Without it, any. */
	void (*fields)(void *instance, struct weir_fields *fields);
};

struct weir_filter_ops {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*create)(const struct weir_services *host, struct weir_context *context,
			  const struct weir_node *options, void **ret_instance,
			  struct weir_error *error);
	int32_t (*start)(void *instance, struct weir_error *error); /* optional */
	void (*stop)(void *instance);                               /* optional */
	void (*destroy)(void *instance);
	/* Changes records in place; marks those that go. An error stops the pipeline and says why. */
	int32_t (*process)(void *instance, struct weir_batch *batch, struct weir_error *error);
	void (*timer)(void *instance, uint32_t id);  /* optional; runs on a worker */
	void (*flush)(void *instance, uint32_t why); /* optional; WEIR_FLUSH_* */
	/* Optional. As that of inputs: turns the fields that records can have before this filter into
	 * those that they can have after it. Without it, any. */
	void (*fields)(void *instance, struct weir_fields *fields);
};

struct weir_output_ops {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*create)(const struct weir_services *host, struct weir_context *context,
			  const struct weir_node *options, void **ret_instance,
			  struct weir_error *error);
	int32_t (*start)(void *instance, struct weir_error *error); /* optional */
	/* No outcome is reported after it; what is unfinished is repeated by the next run. */
	void (*stop)(void *instance);
	void (*destroy)(void *instance);
	/* Takes the delivery, never blocks; outcomes follow, from any thread, also from within. */
	void (*write)(void *instance, const struct weir_delivery_view *delivery);
	void (*flush)(void *instance,
		      uint32_t why);                /* optional: don't linger, send what is there */
	void (*timer)(void *instance, uint32_t id); /* optional; runs on the loop's thread */
	/* For users of the HTTP service. Runs on the loop's thread. Returns WEIR_HTTP_FINISHED ... */
	uint32_t (*http_done)(void *instance, struct weir_http_request *request,
			      const struct weir_http_response *response);
	/* Optional, for users of the HTTP service. Runs on the loop's thread right before each try of
	 * a request, which may get new headers then (a signature of this minute), another URL (of a
	 * node that answers) and, without compression, a new body. A failure puts the try off, by the
	 * shortest backoff. Not serialised with the other calls: it may come from within http_send(), or
	 * beside write(). */
	int32_t (*http_begin)(void *instance, struct weir_http_request *request);
	/* Optional. As that of inputs: the destination does not answer, ... */
	int32_t (*check)(void *instance, struct weir_error *ret_warning);
	/* Optional. As that of inputs: says which fields it reads. */
	void (*fields)(void *instance, struct weir_fields *fields);
	/* Optional. For `weir check --online`, after create() and instead of start() and check(), on the
	 * main thread: asks the destination something harmless, with the credentials that records would
	 * be sent with, and does not wait. The answer goes to probe_done(), also from within;
	 * http_begin(), http_done() and timer() are called until then, and until the user's time is
	 * over. An error: it cannot ask. */
	int32_t (*probe)(void *instance, struct weir_error *error);
};

struct weir_plugin {
	uint32_t struct_size;
	uint32_t kind;  /* WEIR_INPUT ... */
	uint32_t flags; /* WEIR_PLUGIN_* */
	uint32_t reserved;
	const char *name;                  /* [a-z][a-z0-9_]*, at most 32; unique within its kind */
	const char *version;               /* of the plugin */
	const char *summary;               /* one line */
	const struct weir_option *options; /* ended by WEIR_OPTION_END; NULL for none */
	const struct weir_input_ops *input; /* the one of its kind is set */
	const struct weir_filter_ops *filter;
	const struct weir_output_ops *output;
	/* Optional; once per process, before the first create() and after the last destroy(). */
	int32_t (*plugin_start)(const struct weir_services *host, struct weir_error *error);
	void (*plugin_stop)(void);
	/* Optional; a single scalar or list in place of the options map is this option's value:
	 * `parse: json` for `parse: {format: json}`. If that option is a MAP of any keys, a map that
	 * does not have it as a key is its value too: `set: {env: prod}`. */
	const char *short_option;
};

#define WEIR_PLUGINS_MAGIC 0x57454952u /* "WEIR" */

struct weir_plugin_list {
	uint32_t magic;
	uint32_t struct_size;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t count;
	const struct weir_plugin *const *plugins;
};

#define WEIR_PLUGINS(array)                                                   \
	WEIR_EXTERN_C WEIR_EXPORT const struct weir_plugin_list weir_plugins; \
	const struct weir_plugin_list weir_plugins = {                        \
		WEIR_PLUGINS_MAGIC,                                           \
		sizeof(struct weir_plugin_list),                              \
		WEIR_ABI_MAJOR,                                               \
		WEIR_ABI_MINOR,                                               \
		(uint32_t)(sizeof(array) / sizeof((array)[0])),               \
		array}

/* Both for weir_fail(). */
__attribute__((format(printf, 3, 4))) static inline void
weir_error_fill(struct weir_error *error, int32_t code, const char *format, ...)
{
	va_list args;

	if (!error)
		return;
	error->code = code;
	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

static inline int32_t weir_error_code(int32_t code)
{
	return code;
}

/* Fills an error, unless it is NULL, with a formatted sentence, and returns its code: an expression of
 * which the compiler knows that it is not 0. */
#define weir_fail(error, error_code, ...) \
	(weir_error_fill((error), (error_code), __VA_ARGS__), weir_error_code(error_code))

/* Logs a formatted line, at most 1 KiB. */
#define weir_logf(host, context, level, log_code, ...)                                            \
	do {                                                                                      \
		char weir_text[1024];                                                             \
		int weir_size = snprintf(weir_text, sizeof(weir_text), __VA_ARGS__);              \
		struct weir_slice weir_line = {weir_text, weir_size < 0 ? 0                       \
							  : (size_t)weir_size < sizeof(weir_text) \
								  ? (size_t)weir_size             \
								  : sizeof(weir_text) - 1};       \
		(host)->log((context), (level), (log_code), weir_line);                           \
	} while (0)

#endif
