// SPDX-License-Identifier: MIT
/*
 * What the host does for plugins: one table of functions, append-only, handed to create().
 *
 * `context` names the calling instance and is valid from create() until destroy() has returned.
 * Unless a comment says otherwise a function may be called from any thread, does not block, and
 * copies what it is given. Functions that return int32_t return WEIR_OK or WEIR_ERR_*.
 */
#ifndef WEIR_SERVICES_H
#define WEIR_SERVICES_H

#include <weir/batch.h>
#include <weir/option.h>

struct weir_context;
struct weir_source;
struct weir_claim;
struct weir_delivery;
struct weir_metric;
struct weir_expr;
struct weir_http_client;

/* Log levels. */
#define WEIR_LOG_ERROR 1
#define WEIR_LOG_WARNING 2
#define WEIR_LOG_INFO 3
#define WEIR_LOG_DEBUG 4

/* Kinds of metric. */
#define WEIR_METRIC_COUNTER 1
#define WEIR_METRIC_GAUGE 2
#define WEIR_METRIC_HISTOGRAM 3 /* of times: metric_add() takes nanoseconds, seconds are shown */

/* A label of a metric, beside those that the host gives to every metric of the instance. */
struct weir_label {
	struct weir_slice name, value;
};

/* timer_set: stop the timer. */
#define WEIR_TIMER_OFF UINT64_MAX

/* Outcomes of a record at an output. */
#define WEIR_OUTCOME_DELIVERED 1
#define WEIR_OUTCOME_DEAD 2    /* can never be delivered: to the dead letter */
#define WEIR_OUTCOME_DROPPED 3 /* left out by an explicit rule of the user's */

/* ---- sources ------------------------------------------------------------------------------- */

/* How an input describes a source to the host. */
struct weir_source_spec {
	uint32_t struct_size;
	uint32_t flags;             /* WEIR_SOURCE_* */
	struct weir_slice name;     /* path or peer, for people */
	struct weir_slice identity; /* the input's own bytes by which it knows the source again */
	void *user;                 /* handed to read() and acked() */
	uint64_t position;          /* where reading starts */
};

/* A source that cannot be read again (a pipe, a peer): nothing about it is kept on disk. */
#define WEIR_SOURCE_VOLATILE 1

/* A source of an earlier run, as the state database has it. */
struct weir_source_state {
	uint32_t struct_size;
	uint32_t reserved;
	uint8_t id[16];
	struct weir_slice name;
	struct weir_slice identity;
	uint64_t position; /* every output has what lies before it */
	int64_t seen_ns;   /* when it was last written to the database */
};

/* ---- deliveries and encodings ---------------------------------------------------------------- */

/*
 * One batch on its way to one output. Borrowed: valid until every selected record has an outcome.
 * The batch is frozen.
 */
struct weir_delivery_view {
	uint32_t struct_size;
	uint32_t count; /* selected records */
	const struct weir_batch *batch;
	const uint64_t *selected;     /* bit i: record i is for this output */
	struct weir_delivery *handle; /* for outcome() and encode() */
};

static inline int weir_selected(const struct weir_delivery_view *d, uint32_t record)
{
	return (int)(d->selected[record >> 6] >> (record & 63) & 1);
}

#define WEIR_ENCODE_JSON 1 /* one JSON object a line */
#define WEIR_ENCODE_LINE 2 /* the original line */
#define WEIR_ENCODE_TEXT 3 /* the values of `fields`, separated by `separator` */

/* Metadata to put before the fields of a JSON object. */
#define WEIR_META_TIMESTAMP 1
#define WEIR_META_SOURCE 2
#define WEIR_META_POSITION 4
#define WEIR_META_HOST 8

struct weir_encode_spec {
	uint32_t struct_size;
	uint32_t format;                 /* WEIR_ENCODE_* */
	uint32_t meta;                   /* WEIR_META_*, for JSON */
	uint32_t field_count;            /* 0 = all fields */
	const struct weir_slice *fields; /* in this order */
	struct weir_slice separator;     /* for TEXT */
};

/*
 * The encoded records of a batch, each with its newline at the end, record i at
 * data[starts[i] .. starts[i + 1]). Records that go to no output are empty. Made once per batch
 * and spec, shared by the outputs that ask; lives as long as the delivery.
 */
struct weir_encoding {
	uint32_t struct_size;
	uint32_t count; /* of records in the batch */
	const char *data;
	const uint32_t *starts; /* count + 1 offsets */
};

/* Options of an output that the host owns; the plugin heeds those that concern it. */
struct weir_output_settings {
	uint32_t struct_size;
	uint32_t strict;    /* ordering: strict */
	uint64_t linger_ns; /* how long a batch may wait for company; WEIR_TIMER_OFF = not set */
	struct weir_slice name;
	uint64_t retry_min_ns, retry_max_ns; /* bounds of waits before a retry; 0 = the default */
};

/* ---- HTTP ------------------------------------------------------------------------------------ */

/* How an instance talks to its servers; text members may be NULL for the default. */
struct weir_http_client_options {
	uint32_t struct_size;
	uint32_t concurrency_max; /* requests in flight at most; the host adapts below it; 0 = 16 */
	uint64_t connect_timeout_ns; /* 0 = 10 s */
	uint64_t request_timeout_ns; /* 0 = 60 s */
	uint64_t backoff_min_ns;     /* first retry waits up to this (full jitter); 0 = 200 ms */
	uint64_t backoff_max_ns;     /* no retry waits longer; 0 = 30 s */
	uint32_t insecure;           /* 1 = don't verify certificates */
	uint32_t http_version;       /* 0 = HTTP/2 where TLS offers it, 1 = HTTP/1.1 only */
	const char *proxy;           /* NULL = from the environment */
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	const char *user_agent;
	/* 1 = for last words, not for records: after WEIR_FLUSH_LAST the host waits until nothing is
	 * pending here, as long as its time for the end lasts. */
	uint32_t awaited;
	/* 1 = a request that is late is sent once more by another connection, and the first answer
	 * counts: for destinations where a record may arrive twice. At most one of fifty, and none with
	 * a concurrency_max of 1. */
	uint32_t hedge;
};

/* How the host compresses the body, and says so in Content-Encoding; one of them at most. */
#define WEIR_HTTP_GZIP 1
#define WEIR_HTTP_ZSTD 2

/* One request. Borrowed by the host from http_send() until http_done() has said FINISHED; URL, headers
 * and body may change in http_begin(), and in http_done() before it answers TRY_AGAIN. */
struct weir_http_request {
	uint32_t struct_size;
	uint32_t flags;           /* WEIR_HTTP_GZIP, WEIR_HTTP_ZSTD or 0 */
	struct weir_slice method; /* POST when empty */
	struct weir_slice url;
	const struct weir_slice *headers; /* each "Name: value" */
	uint32_t header_count;
	uint32_t body_count;
	const struct weir_slice *body; /* sent one after the other, without joining them first */
	uint64_t body_size;            /* sum of the slices */
	uint32_t record_count;         /* in the body; for metrics */
	uint32_t attempt;              /* tries of these records so far; kept up by the host */
	void *user;
};

/* Classes that an answer falls into; the host's classification is `advice`. */
#define WEIR_HTTP_OK 1        /* 2xx */
#define WEIR_HTTP_TRANSIENT 2 /* no connection, time-out, 408, 429, 5xx: try again */
#define WEIR_HTTP_TOO_LARGE 3 /* 413: split, then dead-letter the single record */
#define WEIR_HTTP_HOLD \
	4 /* 401, 403, 404, 407, a certificate: an operator must act; keep trying slowly */
#define WEIR_HTTP_REFUSED 5 /* other 3xx and 4xx: this request will never be accepted */

struct weir_http_response {
	uint32_t struct_size;
	uint32_t status; /* 0 when there was no whole answer */
	uint32_t advice; /* WEIR_HTTP_OK ... */
	uint32_t
		may_have_landed; /* 1 when the server may have taken the request though it failed */
	struct weir_slice body;  /* bounded to 16 MiB; a longer one counts as no whole answer */
	struct weir_slice headers; /* raw, "Name: value" lines with CRLF */
	struct weir_slice error;   /* transport error in words, or empty */
	uint64_t elapsed_ns;       /* of this try */
	uint32_t copies;           /* how often this try was sent: 2 = each may have landed */
	uint32_t reserved;
};

/* What http_done() answers. */
#define WEIR_HTTP_FINISHED 0   /* the request is the plugin's again */
#define WEIR_HTTP_TRY_AGAIN 1  /* same request again, after the host's backoff */
#define WEIR_HTTP_TRY_SLOWLY 2 /* the same with the longest backoff, and an alarm in the log */

/* ---- the table ------------------------------------------------------------------------------- */

struct weir_services {
	uint32_t struct_size;
	uint16_t abi_major;
	uint16_t abi_minor;

	/* Logs one line. `code` is a short stable word ("tail_rotated") by which lines are rate-limited
	 * and documented; NULL for none. */
	void (*log)(struct weir_context *context, uint32_t level, const char *code,
		    struct weir_slice text);

	/* Registers a metric of this instance, named weir_<plugin>_<name>. Lives until destroy(). NULL
	 * when there are too many, or without memory; metric_add() takes it. */
	struct weir_metric *(*metric)(struct weir_context *context, uint32_t kind, const char *name,
				      const char *help);
	/* Adds to a counter, or sets a gauge. Cheap, still per batch rather than per record. */
	void (*metric_add)(struct weir_metric *metric, int64_t amount);

	int64_t (*wall_ns)(void);       /* nanoseconds since 1970 */
	uint64_t (*monotonic_ns)(void); /* nanoseconds of a clock that never jumps */
	void (*random)(void *ret_bytes, uint64_t size); /* from the kernel's generator */

	/* The instance's timer `id` (0 to 7) fires once, delay_ns from now; setting it again moves it.
	 * The instance's timer() is then called. */
	int32_t (*timer_set)(struct weir_context *context, uint32_t id, uint64_t delay_ns);

	/* Durable key and value of this instance; key at most 256 bytes, value at most 1 MiB. set is
	 * written within the commit interval; a size of 0 removes. get copies into the caller's
	 * buffer and returns the whole size, or WEIR_ERR_NOT_FOUND. Not on hot paths. */
	int32_t (*state_set)(struct weir_context *context, struct weir_slice key,
			     struct weir_slice value);
	int64_t (*state_get)(struct weir_context *context, struct weir_slice key, void *buffer,
			     uint64_t buffer_size);

	/* ---- for inputs ---- */

	/* The sources of this input from earlier runs, by index; WEIR_ERR_NOT_FOUND at the end. The
	 * caller sets ret_state->struct_size.
	 * The slices live until the next call. Call from start(). */
	int32_t (*source_known)(struct weir_context *context, uint32_t index,
				struct weir_source_state *ret_state);
	/* Takes up a source of an earlier run; spec->position must be at or before the known one's
	 * position unless the rest of it is gone. */
	int32_t (*source_adopt)(struct weir_context *context, const uint8_t id[16],
				const struct weir_source_spec *spec,
				struct weir_source **ret_source, struct weir_error *error);
	/* A source seen for the first time. It gets a random id that is durable before a record of it
	 * reaches an output. */
	int32_t (*source_open)(struct weir_context *context, const struct weir_source_spec *spec,
			       struct weir_source **ret_source, struct weir_error *error);
	/* New name or identity; empty slices leave the old one. */
	void (*source_update)(struct weir_source *source, struct weir_slice name,
			      struct weir_slice identity);
	/* There is something to read: a worker calls read() soon. Cheap, and idempotent. */
	void (*source_ready)(struct weir_source *source);
	/* How much lies unread, for metrics. */
	void (*source_lag)(struct weir_source *source, uint64_t unread_bytes);
	/* Forgets a known source of an earlier run that will not come back. */
	void (*source_forget)(struct weir_context *context, const uint8_t id[16]);

	/* ---- batches ---- */

	/* Makes room for that many further records, values and bytes of contiguous text. May move the
	 * arrays and open a new block. WEIR_ERR_MEMORY past the hard bound. Worker thread only. */
	int32_t (*batch_reserve)(struct weir_batch *batch, uint32_t records, uint32_t values,
				 uint32_t text_bytes);
	/* The index in batch->shapes of the shape with these keys, added if it is new. */
	int32_t (*batch_shape)(struct weir_batch *batch, const struct weir_slice *keys,
			       uint32_t count, uint16_t *ret_shape);

	/* ---- for filters ---- */

	/* Call in create(): one instance for all workers, which batches pass in turn. */
	void (*stateful)(struct weir_context *context);
	/* The record goes to the dead letter. reason is a short word, text explains. */
	void (*record_dead)(struct weir_context *context, struct weir_batch *batch, uint32_t record,
			    const char *reason, struct weir_slice text);
	/* Keeps a record back: marks it HELD, and returns the claim by which it stays unacknowledged.
	 * The filter copies what it needs. Records of one batch may share a claim. Only in process(). */
	struct weir_claim *(*record_hold)(struct weir_context *context, struct weir_batch *batch,
					  uint32_t record);
	/* Another reference to a claim; each is given up by batch_claim() or claim_release(). */
	struct weir_claim *(*claim_ref)(struct weir_claim *claim);
	/* Gives up a claim: what it stood for is dealt with (say, counted into nothing by a rule). In
	 * stop() and destroy() it is only given back, and the records are read again: so a filter
	 * releases in destroy() every claim that it still holds, and nothing leaks. */
	void (*claim_release)(struct weir_claim *claim);
	/* A batch for records that were held or computed; only in process(), timer() and flush(), and
	 * each is handed to batch_emit() there. */
	int32_t (*batch_begin)(struct weir_context *context, struct weir_batch **ret_batch);
	/* The batch now stands for this claim too. Takes the claim. */
	void (*batch_claim)(struct weir_batch *batch, struct weir_claim *claim);
	/* The index in batch->sources of the source that a claim is about, added if it is new. */
	uint32_t (*batch_source)(struct weir_batch *batch, const struct weir_claim *claim);
	/* Sends the batch on, to the filter after this one. Takes the batch. */
	int32_t (*batch_emit)(struct weir_context *context, struct weir_batch *take_batch);
	/* Tells the host that a filter holds this many more (or fewer) bytes of its own. */
	void (*memory_charge)(struct weir_context *context, int64_t bytes);

	/* ---- for outputs ---- */

	/* Lives as long as the instance. */
	const struct weir_output_settings *(*output_settings)(struct weir_context *context);
	/* Outcome of `count` records (indices into the batch), or of all that have none yet when
	 * `records` is NULL. reason and text are for DEAD. Each record gets exactly one outcome; the
	 * delivery is gone after the last. */
	void (*outcome)(struct weir_delivery *delivery, const uint32_t *records, uint32_t count,
			uint32_t outcome, const char *reason, struct weir_slice text);
	/* Encodes the batch of a delivery, or finds the encoding another output has had made. */
	int32_t (*encode)(struct weir_delivery *delivery, const struct weir_encode_spec *spec,
			  const struct weir_encoding **ret_encoding);
	/* A stall: the output cannot work (disk full, ...)
	 * and says why; an empty text ends the stall. Shown by status, health and metrics. */
	void (*output_stalled)(struct weir_context *context, struct weir_slice why);

	/* ---- expressions ---- */

	/* Compiles an expression of the language that `when` uses. error->offset points into text. */
	int32_t (*expr_compile)(struct weir_slice text, struct weir_expr **ret_expr,
				struct weir_error *error);
	/* Sets bit i of `selected` where record i is not gone and the expression is true. One thread at
	 * a time per expression (it caches slots by shape). */
	void (*expr_select)(struct weir_expr *expr, const struct weir_batch *batch,
			    uint64_t *selected);
	/* The expression's value for one record, as text that points into the batch or into the
	 * expression and lives until the next call with it; WEIR_ERR_NOT_FOUND when it is absent or
	 * null. */
	int32_t (*expr_text)(struct weir_expr *expr, const struct weir_batch *batch,
			     uint32_t record, struct weir_slice *ret_text);
	void (*expr_free)(struct weir_expr *expr);

	/* ---- HTTP ---- */

	int32_t (*http_client)(struct weir_context *context,
			       const struct weir_http_client_options *options,
			       struct weir_http_client **ret_client, struct weir_error *error);
	/* Sends when the client's adaptive concurrency allows. The instance's http_done() follows, but
	 * after an error: WEIR_ERR_INVALID for a URL, header or method that is none, or for want of
	 * memory. */
	int32_t (*http_send)(struct weir_http_client *client, struct weir_http_request *request);
	/* Requests queued and in flight. */
	uint32_t (*http_pending)(struct weir_http_client *client);
	/* Gives up what is pending (http_done() is not called for it) and frees the client. Not from
	 * within http_begin() and http_done(). */
	void (*http_client_free)(struct weir_http_client *client);

	/* ---- more of expressions ---- */

	/* The expression's value for one record, with its type. What is text is put into the batch's
	 * arena; WEIR_ERR_MEMORY when that has no room: reserve ret_value->length bytes with
	 * batch_reserve(), and ask again. WEIR_OK with an ABSENT value when there is none. */
	int32_t (*expr_value)(struct weir_expr *expr, struct weir_batch *batch, uint32_t record,
			      struct weir_value *ret_value);

	/* ---- more of metrics ---- */

	/* As metric(), with labels; the same name and labels give the same metric. For things that
	 * are few: a series for each lives until destroy(). NULL when there are too many. */
	struct weir_metric *(*metric_labelled)(struct weir_context *context, uint32_t kind,
					       const char *name, const char *help,
					       const struct weir_label *labels, uint32_t count);

	/* ---- more for outputs ---- */

	/* 1: this output has as much waiting as it can use, so its pipeline need not read on; 0: it can
	 * use more. Optional, and advice only: write() may follow all the same. Without it a pipeline
	 * reads ahead as far as its memory allows. Any thread, one at a time. */
	void (*output_full)(struct weir_context *context, uint32_t full);

	/* ---- more of HTTP ---- */

	/* Takes a request back that waits for its turn or for another try: WEIR_OK, and it is the
	 * plugin's again, as after FINISHED. WEIR_ERR_STATE when it can't be had: it is being sent, and
	 * http_done() follows, or it is on its way to the client. Loop's thread only: from timer() and
	 * http_done(). */
	int32_t (*http_recall)(struct weir_http_client *client, struct weir_http_request *request);

	/* ---- more for outputs ---- */

	/* What has come of probe(): NULL, or a finding whose text says what is wrong and what to do. With
	 * the code WEIR_ERR_IO (no answer) or WEIR_ERR_STATE (one that may be different later, or for
	 * records) it is a warning, with another one an error. The first of a probe counts; without a
	 * probe nothing happens. */
	void (*probe_done)(struct weir_context *context, const struct weir_error *finding);

	/* ---- more for inputs ---- */

	/* The host reads a source that is ready again and again at a pace, a few milliseconds apart. For
	 * `ns` nanoseconds from now it reads this input's sources as soon as they are ready: what is not
	 * read soon may be gone. A later call counts in the place of an earlier one: 0 ends the haste. */
	void (*read_at_once)(struct weir_context *context, uint64_t ns);
};

#endif
