// SPDX-License-Identifier: MIT
/*
 * A set is an array sorted by name, then labels, so that a render walks it once and each family
 * comes out in one piece, as OpenMetrics 1.0 wants it.
 *
 *   - The set's lock guards the array and the reference counts; values are atomics of their own.
 *   - Each metric has its own cache lines: counters of different workers don't disturb each other.
 *   - A counter's name ends in _total (added when missing), its family's name does not.
 *   - A NULL metric is accepted everywhere and counts nothing: a missing metric stops no delivery.
 */
#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define METRIC_ALIGNMENT 64 /* a cache line */
#define TOTAL "_total"

/* Upper bounds of the histograms' buckets; wide enough for loopback and for a slow region. */
static const struct metric_bucket {
	uint64_t ns;
	const char *seconds;
} buckets[] = {
	{100000, "0.0001"},    {250000, "0.00025"},   {500000, "0.0005"},  {1000000, "0.001"},
	{2500000, "0.0025"},   {5000000, "0.005"},    {10000000, "0.01"},  {25000000, "0.025"},
	{50000000, "0.05"},    {100000000, "0.1"},    {250000000, "0.25"}, {500000000, "0.5"},
	{1000000000, "1.0"},   {2500000000, "2.5"},   {5000000000, "5.0"}, {10000000000, "10.0"},
	{30000000000, "30.0"}, {60000000000, "60.0"},
};
#define BUCKETS (sizeof(buckets) / sizeof(buckets[0]))

_Static_assert(METRIC_SAMPLE_COUNTS == BUCKETS + 1, "a sample has a count for each bucket");

struct weir_metric {
	/* Counter or gauge; of a histogram the sum in nanoseconds. Relaxed: each value stands alone. */
	_Atomic int64_t value;
	_Atomic uint64_t *counts; /* of a histogram: BUCKETS + 1, the last is +Inf */
	uint32_t kind;
	uint32_t references; /* under the set's lock */
	char *name, *help, *labels;
};

struct metrics {
	pthread_mutex_t lock;
	struct weir_metric **items;
	size_t count, capacity;
};

static void metric_free(struct weir_metric *metric)
{
	if (!metric)
		return;
	free(metric->counts);
	free(metric->name);
	free(metric->help);
	free(metric->labels);
	free(metric);
}

/* A valid name of its kind: letters, digits, underscore, colon; counters end in _total. */
static char *name_of(uint32_t kind, const char *name)
{
	size_t size = strlen(name);
	int counted = size >= strlen(TOTAL) && strcmp(name + size - strlen(TOTAL), TOTAL) == 0;
	char *copy = malloc(size + sizeof(TOTAL));

	if (!copy)
		return NULL;
	memcpy(copy, name, size + 1);
	for (size_t i = 0; i < size; i++) {
		char c = copy[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
		      (i > 0 && c >= '0' && c <= '9')))
			copy[i] = '_';
	}
	if (kind == WEIR_METRIC_COUNTER && !counted)
		memcpy(copy + size, TOTAL, sizeof(TOTAL));
	return copy;
}

static struct weir_metric *metric_new(uint32_t kind, const char *name, const char *help,
				      const char *labels)
{
	struct weir_metric *metric =
		aligned_alloc(METRIC_ALIGNMENT, (sizeof(*metric) + METRIC_ALIGNMENT - 1) /
							METRIC_ALIGNMENT * METRIC_ALIGNMENT);

	if (!metric)
		return NULL;
	memset(metric, 0, sizeof(*metric));
	metric->kind = kind;
	metric->references = 1;
	metric->name = name_of(kind, name);
	metric->help = strdup(help ? help : "");
	metric->labels = strdup(labels ? labels : "");
	if (kind == METRIC_HISTOGRAM)
		metric->counts = calloc(BUCKETS + 1, sizeof(*metric->counts));
	if (!metric->name || !metric->help || !metric->labels ||
	    (kind == METRIC_HISTOGRAM && !metric->counts)) {
		metric_free(metric);
		return NULL;
	}
	return metric;
}

static int metric_compare(const struct weir_metric *a, const struct weir_metric *b)
{
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->labels, b->labels);
}

/* The first place whose metric is not before `wanted`. Under the lock. */
static size_t set_place(const struct metrics *set, const struct weir_metric *wanted)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (metric_compare(set->items[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A family has one kind. Under the lock. */
static int kind_clashes(const struct metrics *set, size_t place, const struct weir_metric *metric)
{
	for (size_t at = place > 0 ? place - 1 : 0; at <= place && at < set->count; at++)
		if (strcmp(set->items[at]->name, metric->name) == 0)
			return set->items[at]->kind != metric->kind;
	return 0;
}

static int set_insert(struct metrics *set, size_t place, struct weir_metric *metric)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? 2 * set->capacity : 64;
		struct weir_metric **items =
			realloc(set->items, capacity * sizeof(struct weir_metric *));

		if (!items)
			return WEIR_ERR_MEMORY;
		set->items = items;
		set->capacity = capacity;
	}
	memmove(set->items + place + 1, set->items + place,
		(set->count - place) * sizeof(struct weir_metric *));
	set->items[place] = metric;
	set->count++;
	return 0;
}

struct metrics *metrics_create(void)
{
	struct metrics *set = calloc(1, sizeof(*set));

	if (set)
		pthread_mutex_init(&set->lock, NULL);
	return set;
}

void metrics_destroy(struct metrics *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		metric_free(set->items[i]);
	free(set->items);
	pthread_mutex_destroy(&set->lock);
	free(set);
}

struct weir_metric *metrics_add(struct metrics *set, uint32_t kind, const char *name,
				const char *help, const char *labels)
{
	struct weir_metric *metric = metric_new(kind, name, help, labels);
	struct weir_metric *ret = NULL;
	size_t place;

	if (!metric)
		return NULL;
	pthread_mutex_lock(&set->lock);
	place = set_place(set, metric);
	if (kind_clashes(set, place, metric)) {
		ret = NULL;
	} else if (place < set->count && metric_compare(set->items[place], metric) == 0) {
		ret = set->items[place];
		ret->references++;
	} else if (set_insert(set, place, metric) == 0) {
		ret = metric;
	}
	pthread_mutex_unlock(&set->lock);
	if (ret != metric)
		metric_free(metric);
	return ret;
}

void metrics_remove(struct metrics *set, struct weir_metric *metric)
{
	size_t place;

	if (!metric)
		return;
	pthread_mutex_lock(&set->lock);
	if (--metric->references > 0) {
		pthread_mutex_unlock(&set->lock);
		return;
	}
	place = set_place(set, metric);
	set->count--;
	memmove(set->items + place, set->items + place + 1,
		(set->count - place) * sizeof(struct weir_metric *));
	pthread_mutex_unlock(&set->lock);
	metric_free(metric);
}

/* ---- values ---- */

void metric_add(struct weir_metric *metric, int64_t amount)
{
	if (metric && amount > 0)
		atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}

void metric_set(struct weir_metric *metric, int64_t value)
{
	if (metric)
		atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void metric_zero(struct weir_metric *metric)
{
	metric_set(metric, 0);
}

void metric_change(struct weir_metric *metric, int64_t by)
{
	if (metric)
		atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

void metric_observe_ns(struct weir_metric *metric, uint64_t ns)
{
	size_t at = 0;

	if (!metric || !metric->counts)
		return;
	while (at < BUCKETS && ns > buckets[at].ns)
		at++;
	atomic_fetch_add_explicit(&metric->counts[at], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&metric->value, (int64_t)ns, memory_order_relaxed);
}

int metric_take(struct weir_metric *metric, struct metric_sample *ret_sample)
{
	uint64_t any = 0;

	*ret_sample = (struct metric_sample){0};
	if (!metric)
		return 0;
	if (metric->kind == WEIR_METRIC_GAUGE) {
		ret_sample->value = metric_get(metric);
		return 1;
	}
	ret_sample->value = atomic_exchange_explicit(&metric->value, 0, memory_order_relaxed);
	for (size_t i = 0; metric->counts && i <= BUCKETS; i++) {
		ret_sample->counts[i] =
			atomic_exchange_explicit(&metric->counts[i], 0, memory_order_relaxed);
		any |= ret_sample->counts[i];
	}
	return any || ret_sample->value;
}

void metric_give(struct weir_metric *metric, const struct metric_sample *sample)
{
	if (!metric)
		return;
	if (metric->kind == WEIR_METRIC_GAUGE) {
		metric_set(metric, sample->value);
		return;
	}
	atomic_fetch_add_explicit(&metric->value, sample->value, memory_order_relaxed);
	for (size_t i = 0; metric->counts && i <= BUCKETS; i++)
		atomic_fetch_add_explicit(&metric->counts[i], sample->counts[i],
					  memory_order_relaxed);
}

static uint64_t histogram_count(const struct weir_metric *metric, size_t at)
{
	return atomic_load_explicit(&metric->counts[at], memory_order_relaxed);
}

int64_t metric_get(const struct weir_metric *metric)
{
	uint64_t count = 0;

	if (!metric)
		return 0;
	if (metric->kind != METRIC_HISTOGRAM)
		return atomic_load_explicit(&metric->value, memory_order_relaxed);
	for (size_t i = 0; i <= BUCKETS; i++)
		count += histogram_count(metric, i);
	return (int64_t)count;
}

uint32_t metric_kind(const struct weir_metric *metric)
{
	return metric ? metric->kind : 0;
}

/* ---- the text form ---- */

int metrics_escape_label(struct buffer *out, struct weir_slice text)
{
	int failed = 0;

	for (uint64_t i = 0; i < text.size; i++) {
		char c = text.data[i];

		if (c == '\n')
			failed |= buffer_append(out, "\\n", 2);
		else if (c == '\\' || c == '"')
			failed |= buffer_append(out, (char[]){'\\', c}, 2);
		else
			failed |= buffer_append(out, &c, 1);
	}
	return failed ? WEIR_ERR_MEMORY : 0;
}

static int render_family(struct buffer *out, const struct weir_metric *metric)
{
	static const char *const types[] = {"unknown", "counter", "gauge", "histogram"};
	int size = (int)strlen(metric->name);
	int failed = 0;

	if (metric->kind == WEIR_METRIC_COUNTER)
		size -= (int)strlen(TOTAL);
	failed |= buffer_printf(out, "# TYPE %.*s %s\n", size, metric->name,
				types[metric->kind <= METRIC_HISTOGRAM ? metric->kind : 0]);
	if (*metric->help) {
		failed |= buffer_printf(out, "# HELP %.*s ", size, metric->name);
		failed |= metrics_escape_label(out, weir_slice_of(metric->help));
		failed |= buffer_text(out, "\n");
	}
	return failed;
}

static int render_histogram(struct buffer *out, const struct weir_metric *metric)
{
	const char *comma = *metric->labels ? "," : "";
	const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";
	int64_t sum_ns = atomic_load_explicit(&metric->value, memory_order_relaxed);
	uint64_t count = 0;
	int failed = 0;

	for (size_t i = 0; i <= BUCKETS; i++) {
		count += histogram_count(metric, i);
		failed |= buffer_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", metric->name,
					metric->labels, comma,
					i < BUCKETS ? buckets[i].seconds : "+Inf", count);
	}
	failed |= buffer_printf(out, "%s_count%s%s%s %" PRIu64 "\n", metric->name, open,
				metric->labels, close, count);
	failed |= buffer_printf(out, "%s_sum%s%s%s %" PRId64 ".%09" PRId64 "\n", metric->name, open,
				metric->labels, close, sum_ns / 1000000000, sum_ns % 1000000000);
	return failed;
}

static int render_metric(struct buffer *out, const struct weir_metric *metric)
{
	const char *open = *metric->labels ? "{" : "", *close = *metric->labels ? "}" : "";

	if (metric->kind == METRIC_HISTOGRAM)
		return render_histogram(out, metric);
	return buffer_printf(out, "%s%s%s%s %" PRId64 "\n", metric->name, open, metric->labels,
			     close, metric_get(metric));
}

int metrics_render(struct metrics *set, struct buffer *out)
{
	int failed = 0;

	pthread_mutex_lock(&set->lock);
	for (size_t i = 0; i < set->count; i++) {
		if (i == 0 || strcmp(set->items[i - 1]->name, set->items[i]->name) != 0)
			failed |= render_family(out, set->items[i]);
		failed |= render_metric(out, set->items[i]);
	}
	pthread_mutex_unlock(&set->lock);
	failed |= buffer_text(out, "# EOF\n");
	return failed ? WEIR_ERR_MEMORY : 0;
}

/* The lock is held during the calls: they must not add or remove metrics. */
void metrics_each(struct metrics *set,
		  void (*call)(void *user, const char *name, const char *labels, int64_t value),
		  void *user)
{
	pthread_mutex_lock(&set->lock);
	for (size_t i = 0; i < set->count; i++)
		call(user, set->items[i]->name, set->items[i]->labels, metric_get(set->items[i]));
	pthread_mutex_unlock(&set->lock);
}
