// SPDX-License-Identifier: MIT
/*
 * Counters, gauges and histograms, and their Prometheus text form (OpenMetrics-clean).
 *
 * A metric is made once and updated with relaxed atomics: readers need no order between metrics.
 * Labels are given ready-made: `pipeline="web",output="file"`.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <weir/services.h>

#include "base/buffer.h"

#define METRIC_HISTOGRAM WEIR_METRIC_HISTOGRAM

struct metrics; /* a set */

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *set);

/* kind is WEIR_METRIC_COUNTER, WEIR_METRIC_GAUGE or METRIC_HISTOGRAM (of seconds, updated in ns).
 * The same name and labels give the same metric. NULL without memory. */
struct weir_metric *metrics_add(struct metrics *set, uint32_t kind, const char *name,
				const char *help, const char *labels);
void metrics_remove(struct metrics *set, struct weir_metric *metric);

void metric_add(struct weir_metric *metric, int64_t amount);     /* counter */
void metric_set(struct weir_metric *metric, int64_t value);      /* gauge */
void metric_change(struct weir_metric *metric, int64_t by);      /* gauge */
void metric_zero(struct weir_metric *metric);                    /* any but a histogram */
void metric_observe_ns(struct weir_metric *metric, uint64_t ns); /* histogram */
/* What a metric of another process has gathered since it was last asked: of a gauge its value. */
#define METRIC_SAMPLE_COUNTS 19

struct metric_sample {
	int64_t value;
	uint64_t counts[METRIC_SAMPLE_COUNTS]; /* of a histogram */
};

/* Takes it out of the metric; returns 0 when there is nothing (gauges always have a value). */
int metric_take(struct weir_metric *metric, struct metric_sample *ret_sample);
/* Adds it to one of the same kind. */
void metric_give(struct weir_metric *metric, const struct metric_sample *sample);
int64_t metric_get(const struct weir_metric *metric);
uint32_t metric_kind(const struct weir_metric *metric);

/* Appends every metric in the text form, grouped by name, with HELP and TYPE. */
int metrics_render(struct metrics *set, struct buffer *out);
/* Calls back for every metric: the status command's view. */
void metrics_each(struct metrics *set,
		  void (*call)(void *user, const char *name, const char *labels, int64_t value),
		  void *user);
/* Appends text as a label value: backslash, quote and newline escaped. */
int metrics_escape_label(struct buffer *out, struct weir_slice text);

#endif
