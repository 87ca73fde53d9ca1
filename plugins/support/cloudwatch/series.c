// SPDX-License-Identifier: MIT
#include "support/cloudwatch/series.h"

#include <inttypes.h>
#include <stdlib.h>

#define END_OF_BODY "]}"
#define NS_PER_MS INT64_C(1000000)

/* ---- statistics ---- */

static void merge(struct statistics *to, const struct statistics *from)
{
	if (from->count == 0)
		return;
	if (to->count == 0 || from->min < to->min)
		to->min = from->min;
	if (to->count == 0 || from->max > to->max)
		to->max = from->max;
	to->sum += from->sum;
	to->count += from->count;
}

void statistics_add(struct statistics *statistics, int64_t value)
{
	const struct statistics one = {value, value, value, 1};

	merge(statistics, &one);
}

/* ---- text ---- */

/* Names and values are ASCII; what else comes from outside becomes '?'. */
static void add_json(struct text *text, struct weir_slice value)
{
	for (uint64_t i = 0; i < value.size; i++) {
		char c = value.data[i];

		if (c < ' ' || c > '~')
			c = '?';
		if (c == '"' || c == '\\')
			text_add(text, "\\", 1);
		text_add(text, &c, 1);
	}
}

static void add_dimension(struct text *text, struct weir_slice name, struct weir_slice value)
{
	if (value.size > CLOUDWATCH_DIMENSION_VALUE_MAX)
		value.size = CLOUDWATCH_DIMENSION_VALUE_MAX;
	text_add_string(text, text->size ? ",{\"Name\":\"" : "{\"Name\":\"");
	add_json(text, name);
	text_add_string(text, "\",\"Value\":\"");
	add_json(text, value);
	text_add_string(text, "\"}");
}

static void add_number(struct text *text, const char *name, int64_t value, const char *unit)
{
	char number[64];

	if (strcmp(unit, CLOUDWATCH_TIME) == 0)
		snprintf(number, sizeof(number), "%" PRId64 ".%06" PRId64, value / NS_PER_MS,
			 value % NS_PER_MS);
	else
		snprintf(number, sizeof(number), "%" PRId64, value);
	text_add_string(text, name);
	text_add_string(text, number);
}

static void add_datum(struct text *text, const struct cloudwatch_series *series)
{
	const char *unit = series->metric->unit;
	const struct statistics *s = &series->now;

	text_add_string(text, "{\"MetricName\":\"");
	text_add_string(text, series->metric->name);
	text_add_string(text, "\",\"Unit\":\"");
	text_add_string(text, unit);
	text_add_string(text, "\",\"Dimensions\":[");
	text_add_slice(text, series->dimensions);
	text_add_string(text, "],\"StatisticValues\":{");
	add_number(text, "\"SampleCount\":", s->count, CLOUDWATCH_COUNT);
	add_number(text, ",\"Sum\":", s->sum, unit);
	add_number(text, ",\"Minimum\":", s->min, unit);
	add_number(text, ",\"Maximum\":", s->max, unit);
	text_add_string(text, "}}");
}

/* ---- the set ---- */

int32_t series_set_init(struct series_set *set, const char *name_space)
{
	pthread_mutex_init(&set->lock, NULL);
	text_add_string(&set->begin, "{\"Namespace\":\"");
	add_json(&set->begin, weir_slice_of(name_space));
	text_add_string(&set->begin, "\",\"MetricData\":[");
	return set->begin.failed ? WEIR_ERR_MEMORY : 0;
}

static void series_free(struct cloudwatch_series *series)
{
	if (series)
		free((char *)(uintptr_t)series->dimensions.data);
	free(series);
}

void series_set_done(struct series_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		series_free(set->items[i]);
	free(set->items);
	text_done(&set->common);
	text_done(&set->begin);
	pthread_mutex_destroy(&set->lock);
}

int32_t series_set_common(struct series_set *set, struct weir_slice name, struct weir_slice value)
{
	add_dimension(&set->common, name, value);
	return set->common.failed ? WEIR_ERR_MEMORY : 0;
}

/* ---- finding, under the lock ---- */

static struct cloudwatch_series *look_up(const struct series_set *set,
					 const struct cloudwatch_metric *metric,
					 struct weir_slice dimensions)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct cloudwatch_series *series = set->items[i];

		if (series->metric == metric && series->dimensions.size == dimensions.size &&
		    memcmp(series->dimensions.data, dimensions.data, dimensions.size) == 0)
			return series;
	}
	return NULL;
}

/* Takes the text of the dimensions. */
static struct cloudwatch_series *
append(struct series_set *set, const struct cloudwatch_metric *metric, struct text *take_dimensions)
{
	struct cloudwatch_series *series = NULL, **items;
	uint32_t capacity = set->capacity ? 2 * set->capacity : 64;

	if (set->count < CLOUDWATCH_SERIES_MAX)
		series = calloc(1, sizeof(*series));
	if (series && set->count == set->capacity) {
		items = realloc(set->items, capacity * sizeof(*items));
		if (!items) {
			free(series);
			return NULL;
		}
		set->items = items;
		set->capacity = capacity;
	}
	if (!series)
		return NULL;
	series->metric = metric;
	series->dimensions.size = take_dimensions->size;
	series->dimensions.data = text_take(take_dimensions);
	set->items[set->count++] = series;
	return series;
}

/* The series with the dimensions of `of` and coarser, and its parents; the next coarser when it can't be
 * had. */
static struct cloudwatch_series *find_from(struct series_set *set,
					   const struct cloudwatch_metric *metric,
					   const struct cloudwatch_dimension *dimensions,
					   uint32_t count, uint32_t of)
{
	struct cloudwatch_series *series, *parent = NULL;
	struct text text = {0};
	int is_whole = of == CLOUDWATCH_OF_ALL;

	for (uint32_t i = 0; i < count; i++) {
		is_whole |= dimensions[i].of == of;
		if (dimensions[i].of <= of)
			add_dimension(&text, weir_slice_of(dimensions[i].name),
				      dimensions[i].value);
	}
	if (of > CLOUDWATCH_OF_ALL)
		parent = find_from(set, metric, dimensions, count, of - 1);
	if (set->common.size) {
		text_add_string(&text, text.size ? "," : "");
		text_add_slice(&text, text_slice(&set->common));
	}
	text_add(&text, "", 0);
	series = is_whole && !text.failed ? look_up(set, metric, text_slice(&text)) : NULL;
	if (is_whole && !text.failed && !series) {
		series = append(set, metric, &text);
		if (series)
			series->parent = parent;
	}
	text_done(&text);
	return series ? series : parent;
}

struct cloudwatch_series *series_find(struct series_set *set,
				      const struct cloudwatch_metric *metric,
				      const struct cloudwatch_dimension *dimensions, uint32_t count)
{
	struct cloudwatch_series *series;

	if (set->is_summary && metric->is_detailed)
		return NULL;
	pthread_mutex_lock(&set->lock);
	series = find_from(set, metric, dimensions, count, set->granularity);
	pthread_mutex_unlock(&set->lock);
	return series;
}

/* ---- numbers ---- */

void series_add(struct series_set *set, struct cloudwatch_series *series,
		const struct statistics *statistics)
{
	pthread_mutex_lock(&set->lock);
	for (; series; series = series->parent)
		merge(&series->now, statistics);
	pthread_mutex_unlock(&set->lock);
}

/* Adds a datum if there is room for it. */
static int add_if_room(struct text *body, const struct cloudwatch_series *series, int is_first)
{
	size_t before = body->size;

	text_add_string(body, is_first ? "" : ",");
	add_datum(body, series);
	if (body->size + strlen(END_OF_BODY) <= CLOUDWATCH_REQUEST_MAX)
		return 1;
	body->size = before;
	return 0;
}

static void restore(struct series_set *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct cloudwatch_series *series = set->items[i];

		merge(&series->now, &series->sent);
		series->sent = (struct statistics){0};
	}
}

int32_t series_compose(struct series_set *set, uint32_t *next, struct text *ret_body)
{
	int32_t count = 0;
	uint32_t i;

	pthread_mutex_lock(&set->lock);
	text_add_slice(ret_body, text_slice(&set->begin));
	for (i = *next; i < set->count && count < CLOUDWATCH_METRICS_MAX; i++) {
		struct cloudwatch_series *series = set->items[i];

		if (series->now.count == 0)
			continue;
		if (!add_if_room(ret_body, series, count == 0))
			break;
		series->sent = series->now;
		series->now = (struct statistics){0};
		count++;
	}
	text_add_string(ret_body, END_OF_BODY);
	if (ret_body->failed) {
		restore(set);
		count = WEIR_ERR_MEMORY;
	} else {
		*next = i;
	}
	pthread_mutex_unlock(&set->lock);
	return count;
}

void series_settle(struct series_set *set, int was_taken)
{
	pthread_mutex_lock(&set->lock);
	if (was_taken)
		for (uint32_t i = 0; i < set->count; i++)
			set->items[i]->sent = (struct statistics){0};
	else
		restore(set);
	pthread_mutex_unlock(&set->lock);
}
