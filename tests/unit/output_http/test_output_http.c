// SPDX-License-Identifier: MIT
/* The http output with the real HTTP service, against the sink. */
#include "../http/http_fixture.h"

#include "mock_host.h"

#define DELIVERIES_MAX 64
#define RECORDS_MAX 4096

struct delivery {
	struct weir_batch *batch;
	struct weir_delivery_view view;
	uint64_t selected[RECORDS_MAX / 64];
	uint8_t outcomes[RECORDS_MAX];
	struct weir_encoding encoding;
	char *text;
	uint32_t *starts;
};

static struct {
	struct mock_host host;
	void *library;
	const struct weir_plugin *plugin;
	void *instance;
	struct weir_output_settings settings;
	struct delivery *deliveries[DELIVERIES_MAX];
	uint32_t delivery_count;

	uint32_t delivered, dead; /* under fx.lock */
	char reason[512];
} t;

/* ---- options ---- */

static struct weir_node scalar(uint32_t type, const char *text, int64_t number)
{
	return (struct weir_node){.struct_size = sizeof(struct weir_node),
				  .type = type,
				  .line = 7,
				  .text = weir_slice_of(text),
				  .i64 = number};
}

struct options {
	struct weir_node map;
	struct weir_node nodes[16];
	const struct weir_node *items[16];
	struct weir_slice keys[16];
};

static struct weir_node *set(struct options *o, const char *key, struct weir_node node)
{
	uint32_t at = o->map.count++;

	o->nodes[at] = node;
	o->items[at] = &o->nodes[at];
	o->keys[at] = weir_slice_of(key);
	o->map.struct_size = sizeof(o->map);
	o->map.type = WEIR_TYPE_MAP;
	o->map.items = o->items;
	o->map.keys = o->keys;
	return &o->nodes[at];
}

static void set_text(struct options *o, const char *key, const char *text)
{
	set(o, key, scalar(WEIR_TYPE_STRING, text, 0));
}

/* ---- the host ---- */

static const struct weir_output_settings *settings(struct weir_context *context)
{
	(void)context;
	return &t.settings;
}

/* The instance is known only after create(): the call goes through here. */
static uint32_t forward_done(void *user, struct weir_http_request *request,
			     const struct weir_http_response *response)
{
	uint32_t answer = t.plugin->output->http_done(t.instance, request, response);

	(void)user;
	pthread_mutex_lock(&fx.lock);
	fx.tries++;
	pthread_mutex_unlock(&fx.lock);
	return answer;
}

static int32_t forwarding_client(struct weir_context *context,
				 const struct weir_http_client_options *options,
				 struct weir_http_client **ret_client, struct weir_error *error)
{
	struct weir_http_client_options fast = *options;
	struct http_owner told = owner();

	(void)context;
	told.done = forward_done;
	fast.backoff_min_ns = 5 * (uint64_t)NS_PER_MS;
	fast.backoff_max_ns = 50 * (uint64_t)NS_PER_MS;
	return fx.module->client(fx.http, &told, &fast, ret_client, error);
}

static void settle(struct delivery *d, uint32_t record, uint32_t outcome, const char *reason,
		   struct weir_slice text)
{
	assert_int_equal(d->outcomes[record], 0);
	d->outcomes[record] = (uint8_t)outcome;
	t.delivered += outcome == WEIR_OUTCOME_DELIVERED;
	t.dead += outcome == WEIR_OUTCOME_DEAD;
	if (reason)
		snprintf(t.reason, sizeof(t.reason), "%s: %.*s", reason, (int)text.size, text.data);
}

static void on_outcome(struct weir_delivery *handle, const uint32_t *records, uint32_t count,
		       uint32_t outcome, const char *reason, struct weir_slice text)
{
	struct delivery *d = (struct delivery *)(void *)handle;

	pthread_mutex_lock(&fx.lock);
	for (uint32_t i = 0; i < (records ? count : d->batch->record_count); i++)
		settle(d, records ? records[i] : i, outcome, reason, text);
	pthread_mutex_unlock(&fx.lock);
}

static int32_t on_encode(struct weir_delivery *handle, const struct weir_encode_spec *spec,
			 const struct weir_encoding **ret_encoding)
{
	struct delivery *d = (struct delivery *)(void *)handle;
	size_t size = 0, room = 1 << 20;

	assert_int_equal(spec->meta, WEIR_META_TIMESTAMP);
	d->starts = calloc(d->batch->record_count + 1, sizeof(*d->starts));
	d->text = calloc(1, room);
	for (uint32_t i = 0; i < d->batch->record_count; i++) {
		struct weir_slice line = weir_record_line(d->batch, &d->batch->records[i]);

		size += (size_t)snprintf(d->text + size, room - size, "{\"m\":\"%.*s\"}\n",
					 (int)line.size, line.data);
		d->starts[i + 1] = (uint32_t)size;
	}
	d->encoding = (struct weir_encoding){sizeof(d->encoding), d->batch->record_count, d->text,
					     d->starts};
	*ret_encoding = &d->encoding;
	return 0;
}

static int32_t forward_send(struct weir_http_client *client, struct weir_http_request *request)
{
	return fx.module->send(client, request);
}

static void forward_free(struct weir_http_client *client)
{
	fx.module->client_free(client);
}

/* ---- set-up ---- */

static void load_plugin(void)
{
	const struct weir_plugin_list *list;

	t.library = dlopen(WEIR_PLUGIN_DIR "/output-http.so", RTLD_NOW | RTLD_LOCAL);
	if (!t.library)
		fail_msg("%s", dlerror());
	list = dlsym(t.library, "weir_plugins");
	assert_non_null(list);
	assert_int_equal(list->magic, WEIR_PLUGINS_MAGIC);
	t.plugin = list->plugins[0];
}

static int setup(void **state)
{
	char path[128];

	fixture_setup(state);
	memset(&t, 0, sizeof(t));
	snprintf(path, sizeof(path), "%s/out", fx.folder);
	start_sink("--out", path);
	load_plugin();
	mock_host_create(&t.host);
	t.settings = (struct weir_output_settings){.struct_size = sizeof(t.settings)};
	t.host.services.output_settings = settings;
	t.host.services.http_client = forwarding_client;
	t.host.services.http_send = forward_send;
	t.host.services.http_client_free = forward_free;
	t.host.services.outcome = on_outcome;
	t.host.services.encode = on_encode;
	return 0;
}

static int teardown(void **state)
{
	if (t.instance) {
		t.plugin->output->stop(t.instance);
		t.plugin->output->destroy(t.instance);
	}
	for (uint32_t i = 0; i < t.delivery_count; i++) {
		free(t.deliveries[i]->text);
		free(t.deliveries[i]->starts);
		mock_batch_free(t.deliveries[i]->batch);
		free(t.deliveries[i]);
	}
	mock_host_destroy(&t.host);
	return fixture_teardown(state);
}

static int32_t create(struct options *options, struct weir_error *error)
{
	return t.plugin->output->create(&t.host.services, mock_context(&t.host), &options->map,
					&t.instance, error);
}

static void create_or_fail(struct options *options)
{
	struct weir_error error = {0};

	if (create(options, &error))
		fail_msg("%s", error.text);
}

static void write_text(const char *text)
{
	struct delivery *d = calloc(1, sizeof(*d));

	t.deliveries[t.delivery_count++] = d;
	d->batch = mock_batch_lines(&t.host, weir_slice_of(text), 0);
	for (uint32_t i = 0; i < d->batch->record_count; i++)
		d->selected[i >> 6] |= UINT64_C(1) << (i & 63);
	d->view = (struct weir_delivery_view){sizeof(d->view), d->batch->record_count, d->batch,
					      d->selected, (struct weir_delivery *)(void *)d};
	t.plugin->output->write(t.instance, &d->view);
}

static const char *body_received(void)
{
	static char text[1 << 20];
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/out", fx.folder);
	file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* ---- tests ---- */

static void records_arrive_as_ndjson(void **state)
{
	struct options options = {0};

	(void)state;
	set_text(&options, "url", sink_url("/in"));
	create_or_fail(&options);
	write_text("a\nb\n");
	await_count(&t.delivered, 2);
	assert_string_equal(body_received(), "{\"m\":\"a\"}\n{\"m\":\"b\"}\n");
	assert_non_null(strstr(ask(fx.port, "GET", "/last"), "Content-Type: application/x-ndjson"));
	assert_non_null(strstr(ask(fx.port, "GET", "/last"), "POST /in HTTP/1.1"));
	assert_null(strstr(ask(fx.port, "GET", "/last"), "Expect"));
}

static void an_array_is_one_json_document(void **state)
{
	struct options options = {0};

	(void)state;
	set_text(&options, "url", sink_url("/in"));
	set_text(&options, "format", "json_array");
	set_text(&options, "method", "PUT");
	create_or_fail(&options);
	write_text("a\nb\n");
	await_count(&t.delivered, 2);
	assert_string_equal(body_received(), "[{\"m\":\"a\"}\n,{\"m\":\"b\"}\n]");
	assert_non_null(strstr(ask(fx.port, "GET", "/last"), "PUT /in"));
	assert_non_null(strstr(ask(fx.port, "GET", "/last"), "Content-Type: application/json"));
}

static void lines_arrive_as_they_were_also_gzipped(void **state)
{
	struct options options = {0};

	(void)state;
	set_text(&options, "url", sink_url("/in"));
	set_text(&options, "format", "lines");
	set(&options, "gzip", scalar(WEIR_TYPE_BOOL, "true", 1));
	create_or_fail(&options);
	write_text("one line\nanother\nno newline");
	await_count(&t.delivered, 3);
	assert_string_equal(body_received(), "one line\nanother\nno newline\n");
	assert_non_null(strstr(ask(fx.port, "GET", "/last"), "Content-Encoding: gzip"));
}

static void headers_and_credentials_are_sent(void **state)
{
	struct weir_node items[] = {scalar(WEIR_TYPE_SECRET, "one two", 0),
				    scalar(WEIR_TYPE_SECRET, "text/x", 0)};
	const struct weir_node *pointers[] = {&items[0], &items[1]};
	const struct weir_slice keys[] = {{"X-Api", 5}, {"content-type", 12}};
	struct weir_node headers = {.struct_size = sizeof(headers),
				    .type = WEIR_TYPE_MAP,
				    .count = 2,
				    .items = pointers,
				    .keys = keys};
	struct weir_node words[] = {scalar(WEIR_TYPE_STRING, "Aladdin", 0),
				    scalar(WEIR_TYPE_SECRET, "open sesame", 0)};
	const struct weir_node *word_pointers[] = {&words[0], &words[1]};
	const struct weir_slice word_keys[] = {{"user", 4}, {"password", 8}};
	struct weir_node auth = {.struct_size = sizeof(auth),
				 .type = WEIR_TYPE_MAP,
				 .count = 2,
				 .items = word_pointers,
				 .keys = word_keys};
	struct options options = {0};
	const char *head;

	(void)state;
	set_text(&options, "url", sink_url("/in"));
	set(&options, "headers", headers);
	set(&options, "basic_auth", auth);
	create_or_fail(&options);
	write_text("a\n");
	await_count(&t.delivered, 1);
	head = ask(fx.port, "GET", "/last");
	assert_non_null(strstr(head, "X-Api: one two\r\n"));
	assert_non_null(strstr(head, "content-type: text/x\r\n"));
	assert_null(strstr(head, "ndjson"));
	assert_non_null(
		strstr(head, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")); /* RFC 7617 */
}

static void a_413_is_halved_and_only_the_large_record_is_dead(void **state)
{
	static char text[4096];
	struct options options = {0};

	(void)state;
	ask(fx.port, "POST", "/behave?max=200");
	set_text(&options, "url", sink_url("/in"));
	set_text(&options, "format", "lines");
	create_or_fail(&options);
	for (int i = 0; i < 40; i++)
		strcat(text, "a line of some length\n");
	memset(text + strlen(text), 'x', 300);
	strcat(text, "\nand the last one\n");
	write_text(text);
	await_count(&t.delivered, 41);
	await_count(&t.dead, 1);
	assert_int_equal(t.deliveries[0]->outcomes[40], WEIR_OUTCOME_DEAD);
	assert_non_null(strstr(t.reason, "too_large: the server answered 413"));
}

static void a_400_kills_only_the_record_that_caused_it(void **state)
{
	struct options options = {0};

	(void)state;
	ask(fx.port, "POST", "/behave?bad=poison");
	set_text(&options, "url", sink_url("/in"));
	create_or_fail(&options);
	write_text("a\nb\nc\npoison\nd\ne\n");
	await_count(&t.delivered, 5);
	await_count(&t.dead, 1);
	assert_int_equal(t.deliveries[0]->outcomes[3], WEIR_OUTCOME_DEAD);
	assert_string_equal(t.reason, "refused: the server answered 400: {\"ok\":true}");
	assert_int_equal(sink_total("lines"), 5);
}

static void a_redirect_is_held_not_dead(void **state)
{
	struct options options = {0};

	(void)state;
	ask(fx.port, "POST", "/behave?status=308&location=http%3A%2F%2Felsewhere.invalid%2F");
	set_text(&options, "url", sink_url("/in"));
	create_or_fail(&options);
	write_text("a\n");
	await_count(&fx.tries, 2);
	pthread_mutex_lock(&fx.lock);
	assert_non_null(strstr(fx.log, "http_hold"));
	assert_non_null(strstr(fx.log, "http://elsewhere.invalid/"));
	assert_int_equal(t.dead, 0);
	pthread_mutex_unlock(&fx.lock);
	ask(fx.port, "POST", "/behave");
	await_count(&t.delivered, 1);
}

static void an_outage_is_survived(void **state)
{
	static char text[] = "a\nb\nc\nd\n";
	struct options options = {0};

	(void)state;
	ask(fx.port, "POST", "/behave?status=503");
	set_text(&options, "url", sink_url("/in"));
	set(&options, "batch_records", scalar(WEIR_TYPE_INT, "1", 1));
	create_or_fail(&options);
	for (int i = 0; i < 10; i++)
		write_text(text);
	await_count(&fx.tries, 5);
	ask(fx.port, "POST", "/behave");
	await_count(&t.delivered, 40);
	assert_int_equal(sink_total("lines"), 40);
}

static void strict_sends_one_after_the_other(void **state)
{
	struct options options = {0};
	char line[8];

	(void)state;
	t.settings.strict = 1;
	ask(fx.port, "POST", "/behave?fail=3&status=500");
	set_text(&options, "url", sink_url("/in"));
	set_text(&options, "format", "lines");
	set(&options, "batch_records", scalar(WEIR_TYPE_INT, "1", 1));
	create_or_fail(&options);
	for (int i = 0; i < 10; i++) {
		snprintf(line, sizeof(line), "%d\n", i);
		write_text(line);
	}
	await_count(&t.delivered, 10);
	assert_int_equal(sink_total("in_flight_max"), 1);
	assert_string_equal(body_received(), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

static void it_stops_with_requests_in_flight(void **state)
{
	struct options options = {0};

	(void)state;
	ask(fx.port, "POST", "/behave?delay=3000");
	set_text(&options, "url", sink_url("/in"));
	create_or_fail(&options);
	for (int i = 0; i < 20; i++)
		write_text("a\nb\n");
	t.plugin->output->stop(t.instance);
	assert_int_equal(t.delivered + t.dead, 0);
}

/* Requests that follow an answer are sent on the loop's thread and compressed beside it. */
static void gzip_under_load_loses_nothing_and_stops_at_once(void **state)
{
	static char text[200 * 50 + 1];
	struct options options = {0};

	(void)state;
	for (int i = 0; i < 200; i++)
		snprintf(text + 50 * i, 51, "%048d\n\n", i);
	set_text(&options, "url", sink_url("/in"));
	set_text(&options, "format", "lines");
	set(&options, "gzip", scalar(WEIR_TYPE_BOOL, "true", 1));
	set(&options, "batch_records", scalar(WEIR_TYPE_INT, "10", 10));
	create_or_fail(&options);
	for (int i = 0; i < 20; i++)
		write_text(text);
	await_count(&t.delivered, 20 * 400);
	assert_int_equal(sink_total("lines"), 20 * 400);
	ask(fx.port, "POST", "/behave?delay=20");
	for (int i = 0; i < 20; i++)
		write_text(text);
	t.plugin->output->stop(t.instance);
}

static void bad_options_are_refused_with_their_line(void **state)
{
	struct weir_error error = {0};
	struct options wrong_url = {0}, wrong_header = {0}, two = {0};
	struct weir_node item = scalar(WEIR_TYPE_SECRET, "a\r\nB: c", 0);
	const struct weir_node *pointer = &item;
	const struct weir_slice key = {"X", 1};
	struct weir_node headers = {.struct_size = sizeof(headers),
				    .type = WEIR_TYPE_MAP,
				    .count = 1,
				    .items = &pointer,
				    .keys = &key};

	(void)state;
	set_text(&wrong_url, "url", "ftp://x/");
	assert_int_equal(create(&wrong_url, &error), WEIR_ERR_INVALID);
	assert_int_equal(error.line, 7);
	assert_non_null(strstr(error.text, "http://"));
	set_text(&wrong_header, "url", "http://x/");
	set(&wrong_header, "headers", headers);
	assert_int_equal(create(&wrong_header, &error), WEIR_ERR_INVALID);
	assert_non_null(strstr(error.text, "line breaks"));
	set_text(&two, "url", "http://x/");
	set_text(&two, "compression", "zstd");
	set(&two, "gzip", scalar(WEIR_TYPE_BOOL, "true", 1));
	assert_int_equal(create(&two, &error), WEIR_ERR_INVALID);
	assert_non_null(strstr(error.text, "exclude each other"));
}

#define OUTPUT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUTPUT_TEST(records_arrive_as_ndjson),
		OUTPUT_TEST(an_array_is_one_json_document),
		OUTPUT_TEST(lines_arrive_as_they_were_also_gzipped),
		OUTPUT_TEST(headers_and_credentials_are_sent),
		OUTPUT_TEST(a_413_is_halved_and_only_the_large_record_is_dead),
		OUTPUT_TEST(a_400_kills_only_the_record_that_caused_it),
		OUTPUT_TEST(a_redirect_is_held_not_dead),
		OUTPUT_TEST(an_outage_is_survived),
		OUTPUT_TEST(strict_sends_one_after_the_other),
		OUTPUT_TEST(it_stops_with_requests_in_flight),
		OUTPUT_TEST(gzip_under_load_loses_nothing_and_stops_at_once),
		OUTPUT_TEST(bad_options_are_refused_with_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
