// SPDX-License-Identifier: MIT
/*
 * Figures that gather between two calls of PutMetricData: a statistic set for each metric and its
 * dimensions, and the bodies of calls that are made of them.
 *
 *   add ──▶ now ──▶ sent ──▶ gone, when the call was taken
 *            ▲       │
 *            └───────┘ when it failed
 *
 *   - A series may have a parent of fewer dimensions (its stream, all streams), which gets the same.
 *   - So nothing is lost by a call that fails, and memory does not grow by it.
 *
 * Threads: any; `lock` guards the numbers and the list. It is held for arithmetic only.
 */
#ifndef CLOUDWATCH_SERIES_H
#define CLOUDWATCH_SERIES_H

#include <pthread.h>

#include "support/aws/text.h"

/* Limits of the service. Source: PutMetricData and Dimension in the API reference of CloudWatch. Values
 * have to be within 2^360, which 64 bits never reach; time stamps, which would have to be within two
 * weeks back and two hours ahead, are not sent: then it is the time at which the service gets them. */
#define CLOUDWATCH_METRICS_MAX 1000    /* in a call */
#define CLOUDWATCH_REQUEST_MAX 1000000 /* bytes of a call: "1 MB", taken as the smaller one */
#define CLOUDWATCH_DIMENSIONS_MAX 30   /* of a metric */
#define CLOUDWATCH_NAMESPACE_MAX 255   /* characters */
#define CLOUDWATCH_DIMENSION_NAME_MAX 255
#define CLOUDWATCH_DIMENSION_VALUE_MAX 1024

/* Dimensions that we make ourselves, at most; the rest may be the user's. */
#define CLOUDWATCH_DIMENSIONS_OWN 3
#define CLOUDWATCH_DIMENSIONS_USER (CLOUDWATCH_DIMENSIONS_MAX - CLOUDWATCH_DIMENSIONS_OWN)

/* Series of an output, at most; what is beyond counts for their parents only. */
#define CLOUDWATCH_SERIES_MAX 20000

/* What amounts are in. Times come in nanoseconds and are sent in milliseconds. */
#define CLOUDWATCH_COUNT "Count"
#define CLOUDWATCH_BYTES "Bytes"
#define CLOUDWATCH_TIME "Milliseconds"

/* Whose dimension it is; the finer ones are left out where `granularity` is coarser. */
#define CLOUDWATCH_OF_ALL 0
#define CLOUDWATCH_OF_CODE 1 /* as fine as OF_ALL, which has the sum */
#define CLOUDWATCH_OF_STREAM 2
#define CLOUDWATCH_OF_SHARD 3

/* A metric. Lives as long as the process. */
struct cloudwatch_metric {
	const char *name;
	const char *unit;     /* CLOUDWATCH_COUNT ... */
	uint32_t is_detailed; /* left out with `level: summary` */
};

struct cloudwatch_dimension {
	const char *name; /* lives as long as the process */
	struct weir_slice value;
	uint32_t of; /* CLOUDWATCH_OF_* */
};

/* Zeroed: of nothing. */
struct statistics {
	int64_t sum, min, max;
	int64_t count;
};

struct cloudwatch_series {
	const struct cloudwatch_metric *metric;
	struct weir_slice dimensions; /* as in a body */
	struct cloudwatch_series *parent;
	struct statistics now, sent;
};

struct series_set {
	pthread_mutex_t lock;
	struct cloudwatch_series **items;
	uint32_t count, capacity;
	struct text common;   /* the user's dimensions, as in a body */
	struct text begin;    /* of a body, up to the first datum */
	uint32_t granularity; /* CLOUDWATCH_OF_*: the finest that there is */
	uint32_t is_summary;  /* no detailed metrics */
};

void statistics_add(struct statistics *statistics, int64_t value);

/* WEIR_ERR_MEMORY. */
int32_t series_set_init(struct series_set *set, const char *name_space);
void series_set_done(struct series_set *set);
/* A dimension of all series that are made after it. WEIR_ERR_MEMORY. */
int32_t series_set_common(struct series_set *set, struct weir_slice name, struct weir_slice value);

/* The series of a metric, made if it is new; NULL when there is none to count in. */
struct cloudwatch_series *series_find(struct series_set *set,
				      const struct cloudwatch_metric *metric,
				      const struct cloudwatch_dimension *dimensions,
				      uint32_t count);
void series_add(struct series_set *set, struct cloudwatch_series *series,
		const struct statistics *statistics);

/*
 * Makes the body of a call out of what gathered in the series from *next on, which is moved to
 * `sent`; *next is then the first that was not looked at. Returns how many metrics are in it; 0: there
 * are none; or WEIR_ERR_MEMORY and nothing is moved.
 */
int32_t series_compose(struct series_set *set, uint32_t *next, struct text *ret_body);
/* What was sent is done with, or gathers again. */
void series_settle(struct series_set *set, int was_taken);

#endif
