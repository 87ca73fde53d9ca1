// SPDX-License-Identifier: MIT
/* Batching over a mock host: deliveries of lines, and the requests that come of them. */
#ifndef BATCHING_FIXTURE_H
#define BATCHING_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mock_host.h"
#ifdef BATCHING_FIXTURE_LINKED
#include "support/batching/batching.h"
#else
#include "support/batching/batching.c"
#include "support/batching/expiry.c"
#include "support/batching/request.c"
#endif

#define DELIVERIES_MAX 64
#define REQUESTS_MAX 4096

struct delivery {
	struct weir_batch *batch;
	struct weir_delivery_view view;
	uint64_t selected[64];
	uint8_t outcomes[4096]; /* 0 = none yet */
	uint32_t settled;
	struct weir_encoding encoding;
	char *text;
	uint32_t *starts;
};

static struct {
	struct mock_host host;
	struct batching *batching;
	struct batching_options options;
	struct delivery *deliveries[DELIVERIES_MAX];
	uint32_t delivery_count;
	struct batching_request *requests[REQUESTS_MAX];
	uint32_t request_count; /* sent, first to last */
	int encode_fails, send_fails;
} t;

/* ---- the host ---- */

static void settle(struct delivery *d, uint32_t record, uint32_t outcome)
{
	assert_true(weir_selected(&d->view, record));
	assert_int_equal(d->outcomes[record], 0); /* exactly one each */
	d->outcomes[record] = (uint8_t)outcome;
	d->settled++;
}

static void on_outcome(struct weir_delivery *handle, const uint32_t *records, uint32_t count,
		       uint32_t outcome, const char *reason, struct weir_slice text)
{
	struct delivery *d = (struct delivery *)(void *)handle;

	(void)text;
	assert_true(outcome != WEIR_OUTCOME_DEAD || reason);
	for (uint32_t i = 0; records && i < count; i++)
		settle(d, records[i], outcome);
	for (uint32_t i = 0; !records && i < d->batch->record_count; i++)
		if (weir_selected(&d->view, i) && !d->outcomes[i])
			settle(d, i, outcome);
}

/* As the host's: selected records (here all that the delivery selects) with their newline. */
static int32_t on_encode(struct weir_delivery *handle, const struct weir_encode_spec *spec,
			 const struct weir_encoding **ret_encoding)
{
	struct delivery *d = (struct delivery *)(void *)handle;
	size_t size = 0;

	assert_int_equal(spec->format, WEIR_ENCODE_JSON);
	if (t.encode_fails)
		return t.encode_fails > 0 ? WEIR_ERR_MEMORY : WEIR_ERR_INVALID;
	d->starts = calloc(d->batch->record_count + 1, sizeof(*d->starts));
	d->text = calloc(1, 1 << 16);
	for (uint32_t i = 0; i < d->batch->record_count; i++) {
		struct weir_slice line = weir_record_line(d->batch, &d->batch->records[i]);

		d->starts[i] = (uint32_t)size;
		if (weir_selected(&d->view, i))
			size += (size_t)snprintf(d->text + size, (1 << 16) - size,
						 "{\"m\":\"%.*s\"}\n", (int)line.size, line.data);
		d->starts[i + 1] = (uint32_t)size;
	}
	d->encoding = (struct weir_encoding){sizeof(d->encoding), d->batch->record_count, d->text,
					     d->starts};
	*ret_encoding = &d->encoding;
	return 0;
}

static int32_t on_send(void *user, struct batching_request *request)
{
	(void)user;
	if (t.send_fails)
		return WEIR_ERR_MEMORY;
	assert_ptr_equal(request->http.user, request);
	t.requests[t.request_count++] = request;
	return 0;
}

static struct batching_options options_of(uint32_t records, uint64_t bytes, uint64_t linger_ns)
{
	return (struct batching_options){.host = &t.host.services,
					 .context = mock_context(&t.host),
					 .records_max = records,
					 .bytes_max = bytes,
					 .linger_ns = linger_ns,
					 .in_flight_max = 16,
					 .linger_timer = 0,
					 .retry_timer = 1,
					 .send = on_send};
}

static void begin(const struct batching_options *options)
{
	t.options = *options;
	assert_int_equal(batching_create(options, &t.batching, NULL), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	mock_host_create(&t.host);
	t.host.services.outcome = on_outcome;
	t.host.services.encode = on_encode;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	batching_destroy(t.batching);
	for (uint32_t i = 0; i < t.delivery_count; i++) {
		free(t.deliveries[i]->text);
		free(t.deliveries[i]->starts);
		mock_batch_free(t.deliveries[i]->batch);
		free(t.deliveries[i]);
	}
	mock_host_destroy(&t.host);
	return 0;
}

/* Writes the lines of `text`; skip[i] == '-' leaves record i out of the selection. */
static inline struct delivery *write_lines(const char *text, const char *skip)
{
	struct delivery *d = calloc(1, sizeof(*d));

	t.deliveries[t.delivery_count++] = d;
	d->batch = mock_batch_lines(&t.host, weir_slice_of(text), 0);
	for (uint32_t i = 0; i < d->batch->record_count; i++)
		if (!skip || i >= strlen(skip) || skip[i] != '-')
			d->selected[i >> 6] |= UINT64_C(1) << (i & 63);
	for (uint32_t i = 0; i < 64; i++)
		d->view.count += (uint32_t)__builtin_popcountll(d->selected[i]);
	d->view.struct_size = sizeof(d->view);
	d->view.batch = d->batch;
	d->view.selected = d->selected;
	d->view.handle = (struct weir_delivery *)(void *)d;
	batching_write(t.batching, &d->view);
	return d;
}

static inline const char *body_of(const struct batching_request *request)
{
	static char body[1 << 20];
	size_t size = 0;

	for (uint32_t i = 0; i < request->http.body_count; i++) {
		memcpy(body + size, request->http.body[i].data, request->http.body[i].size);
		size += request->http.body[i].size;
	}
	assert_int_equal(size, request->http.body_size);
	body[size] = '\0';
	return body;
}

/* ---- composed bodies ---- */

static inline uint64_t measure_line(void *user, const struct batching_record *record,
				    struct batching_refusal *ret_refusal)
{
	(void)user;
	assert_int_equal(record->newline, 1);
	if (record->data.size > 5) {
		ret_refusal->reason = "too_large";
		return 0;
	}
	return record->data.size + 1;
}

/* "<a><b>" */
static inline int32_t compose_angles(void *user, struct batching_request *request)
{
	struct batching_cursor cursor = {request, 0, 0};
	struct batching_record record;
	struct weir_slice *body = calloc(1, sizeof(*body));
	char *text = calloc(1, 1 << 16);
	size_t size = 0;

	(void)user;
	while (batching_next(&cursor, &record))
		size += (size_t)sprintf(text + size, "<%.*s>", (int)record.data.size,
					record.data.data);
	*body = (struct weir_slice){text, size};
	request->composed = text;
	request->composed_size = 1 << 16;
	request->http.body = body;
	request->http.body_count = 1;
	request->http.body_size = size;
	return 0;
}

static inline struct batching_options composing(uint32_t records, uint64_t bytes)
{
	struct batching_options options = options_of(records, bytes, 0);

	options.measure = measure_line;
	options.compose = compose_angles;
	return options;
}

#define BATCHING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
