// SPDX-License-Identifier: MIT
/* The HTTP service against a server that answers well, badly, late, or not at all. */
#include "http_fixture.h"

static void send_and_finish(struct weir_http_client *client, struct sent *sent)
{
	assert_int_equal(fx.module->send(client, &sent->request), 0);
	await_count(&fx.finished, 1);
	fx.module->client_free(client);
}

static void read_file(const char *path, char *to, size_t size)
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	to[fread(to, 1, size - 1, file)] = '\0';
	fclose(file);
}

/* Restarts the sink so that it writes bodies to a file of the test's folder. */
static const char *sink_with_file(void)
{
	static char path[128];

	stop_child(&fx.sink);
	snprintf(path, sizeof(path), "%s/out", fx.folder);
	start_sink("--out", path);
	return path;
}

static void a_body_of_slices_arrives_whole(void **state)
{
	const char *path = sink_with_file();
	struct weir_http_client *client = client_of_test();
	struct sent sent;
	char got[64];

	(void)state;
	sent_fill(&sent, sink_url("/in"), "");
	sent.slices[0] = weir_slice_of("one\n");
	sent.slices[1] = weir_slice_of("");
	sent.slices[2] = weir_slice_of("two\nthree\n");
	sent.request.body_count = 3;
	sent.request.body_size = 14;
	send_and_finish(client, &sent);
	assert_int_equal(fx.last.status, 200);
	assert_int_equal(fx.last.advice, WEIR_HTTP_OK);
	assert_string_equal(fx.last.body, "{\"ok\":true}");
	read_file(path, got, sizeof(got));
	assert_string_equal(got, "one\ntwo\nthree\n");
}

static void a_large_body_arrives_whole(void **state)
{
	struct weir_http_client *client = client_of_test();
	size_t size = 40 << 20;
	char *body = malloc(size + 1);
	struct sent sent;

	(void)state;
	memset(body, '\n', size);
	body[size] = '\0';
	sent_fill(&sent, sink_url("/in"), body);
	send_and_finish(client, &sent);
	free(body);
	assert_int_equal(sink_total("lines"), size);
}

static void a_refused_connection_is_tried_until_it_works(void **state)
{
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	fx.port = unused_port();
	sent_fill(&sent, sink_url("/in"), "a\n");
	assert_int_equal(fx.module->send(client, &sent.request), 0);
	await_count(&fx.tries, 2);
	assert_int_equal(fx.first.status, 0);
	assert_int_equal(fx.first.advice, WEIR_HTTP_TRANSIENT);
	assert_int_equal(fx.first.may_have_landed, 0);
	assert_true(fx.first.error[0] != '\0');
	start_sink(NULL, NULL);
	await_count(&fx.finished, 1);
	fx.module->client_free(client);
	assert_int_equal(fx.last.status, 200);
	assert_non_null(strstr(fx.log, "http_retry"));
}

static void a_connection_cut_in_the_body_may_have_landed(void **state)
{
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	ask(fx.port, "POST", "/behave?reset=3");
	sent_fill(&sent, sink_url("/in"), "hello\n");
	assert_int_equal(fx.module->send(client, &sent.request), 0);
	await_count(&fx.tries, 1);
	ask(fx.port, "POST", "/behave");
	await_count(&fx.finished, 1);
	fx.module->client_free(client);
	assert_int_equal(fx.first.status, 0);
	assert_int_equal(fx.first.advice, WEIR_HTTP_TRANSIENT);
	assert_int_equal(fx.first.may_have_landed, 1);
	assert_int_equal(fx.last.status, 200);
}

static void half_an_answer_is_none(void **state)
{
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	ask(fx.port, "POST", "/behave?half=1");
	sent_fill(&sent, sink_url("/in"), "hello\n");
	assert_int_equal(fx.module->send(client, &sent.request), 0);
	await_count(&fx.tries, 1);
	ask(fx.port, "POST", "/behave");
	await_count(&fx.finished, 1);
	fx.module->client_free(client);
	assert_int_equal(fx.first.status, 0);
	assert_int_equal(fx.first.advice, WEIR_HTTP_TRANSIENT);
	assert_int_equal(fx.first.may_have_landed, 1);
}

static void a_200_with_garbage_is_a_yes(void **state)
{
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	sent_fill(&sent, sink_url("/in?garbage=1"), "hello\n");
	send_and_finish(client, &sent);
	assert_int_equal(fx.last.advice, WEIR_HTTP_OK);
	assert_string_equal(fx.last.body, "}{ \xff not json");
}

static void an_endless_answer_is_given_up(void **state)
{
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	sent_fill(&sent, sink_url("/in?huge=17000000"), "hello\n");
	assert_int_equal(fx.module->send(client, &sent.request), 0);
	await_count(&fx.tries, 1);
	fx.module->client_free(client);
	assert_int_equal(fx.first.status, 0);
	assert_non_null(strstr(fx.first.error, "16 MiB"));
}

static void a_429_waits_as_long_as_it_was_asked_to(void **state)
{
	struct weir_http_client *client = client_of_test();
	uint64_t began = clock_monotonic_ns();
	struct sent sent;

	(void)state;
	sent_fill(&sent, sink_url("/in?fail=1&status=429&retry_after=1"), "hello\n");
	send_and_finish(client, &sent);
	assert_int_equal(fx.first.status, 429);
	assert_int_equal(fx.first.advice, WEIR_HTTP_TRANSIENT);
	assert_int_equal(fx.tries, 2);
	assert_true(clock_monotonic_ns() - began >= (uint64_t)NS_PER_SECOND);
}

static void a_500_is_tried_again(void **state)
{
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	sent_fill(&sent, sink_url("/in?fail=3&status=500"), "hello\n");
	send_and_finish(client, &sent);
	assert_int_equal(fx.first.status, 500);
	assert_int_equal(fx.first.may_have_landed, 1);
	assert_int_equal(fx.tries, 4);
	assert_int_equal(sent.request.attempt, 4);
	assert_int_equal(fx.last.status, 200);
	assert_non_null(strstr(fx.log, "http_recovered"));
}

static void statuses_fall_into_their_classes(void **state)
{
	static const struct {
		uint32_t status, advice;
	} cases[] = {
		{201, WEIR_HTTP_OK},        {204, WEIR_HTTP_OK},        {400, WEIR_HTTP_REFUSED},
		{422, WEIR_HTTP_REFUSED},   {413, WEIR_HTTP_TOO_LARGE}, {304, WEIR_HTTP_REFUSED},
		{401, WEIR_HTTP_HOLD},      {403, WEIR_HTTP_HOLD},      {404, WEIR_HTTP_HOLD},
		{407, WEIR_HTTP_HOLD},      {408, WEIR_HTTP_TRANSIENT}, {429, WEIR_HTTP_TRANSIENT},
		{503, WEIR_HTTP_TRANSIENT}, {599, WEIR_HTTP_TRANSIENT}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct weir_http_client *client = client_of_test();
		struct sent sent;
		char target[64];

		fx.tries = 0;
		snprintf(target, sizeof(target), "/in?status=%u", cases[i].status);
		sent_fill(&sent, sink_url(target), "hello\n");
		assert_int_equal(fx.module->send(client, &sent.request), 0);
		await_count(&fx.tries, 1);
		fx.module->client_free(client);
		assert_int_equal(fx.first.status, cases[i].status);
		assert_int_equal(fx.first.advice, cases[i].advice);
	}
}

static void a_redirect_is_refused_and_names_its_target(void **state)
{
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	sent_fill(&sent, sink_url("/in?status=301&location=http%3A%2F%2F127.0.0.1%2Felsewhere"),
		  "hello\n");
	send_and_finish(client, &sent);
	assert_int_equal(fx.last.advice, WEIR_HTTP_REFUSED);
	assert_non_null(strstr(fx.last.error, "http://127.0.0.1/elsewhere"));
	assert_int_equal(sink_total("requests"), 1);
}

static void a_403_is_held_with_one_alarm_until_it_is_mended(void **state)
{
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	ask(fx.port, "POST", "/behave?status=403");
	sent_fill(&sent, sink_url("/in"), "hello\n");
	assert_int_equal(fx.module->send(client, &sent.request), 0);
	await_count(&fx.tries, 4);
	pthread_mutex_lock(&fx.lock);
	assert_non_null(strstr(fx.log, "1 http_hold"));
	assert_null(strstr(strstr(fx.log, "http_hold") + 1, "http_hold"));
	assert_non_null(strstr(fx.log, "not allowed to write"));
	assert_int_equal(fx.stalled, 1);
	assert_int_equal(fx.stalls, 1);
	pthread_mutex_unlock(&fx.lock);
	ask(fx.port, "POST", "/behave");
	await_count(&fx.finished, 1);
	fx.module->client_free(client);
	assert_int_equal(fx.stalled, 0);
	assert_non_null(strstr(fx.log, "http_recovered"));
}

static void connections_are_kept_alive(void **state)
{
	struct weir_http_client *client = client_of_test();

	(void)state;
	for (uint32_t i = 1; i <= 100; i++) {
		struct sent sent;

		sent_fill(&sent, sink_url("/in"), "hello\n");
		assert_int_equal(fx.module->send(client, &sent.request), 0);
		await_count(&fx.finished, i);
	}
	fx.module->client_free(client);
	assert_int_equal(sink_total("requests"), 100);
	assert_int_equal(sink_total("connections"), 3); /* one, and two that asked for totals */
}

static void a_connection_closed_by_the_server_is_no_failure(void **state)
{
	struct weir_http_client *client = client_of_test();

	(void)state;
	for (uint32_t i = 1; i <= 20; i++) {
		struct sent sent;

		sent_fill(&sent, sink_url("/in?close=1"), "hello\n");
		assert_int_equal(fx.module->send(client, &sent.request), 0);
		await_count(&fx.finished, i);
	}
	fx.module->client_free(client);
	assert_int_equal(fx.tries, 20);
	assert_int_equal(sink_total("requests"), 20);
}

static void a_gzipped_body_unpacks_to_what_was_sent(void **state)
{
	const char *path = sink_with_file();
	struct weir_http_client *client = client_of_test();
	static char body[200001], got[200002];
	struct sent sent;

	(void)state;
	for (size_t i = 0; i < 200000; i++)
		body[i] = i % 50 == 49 ? '\n' : (char)('a' + i * i % 23);
	sent_fill(&sent, sink_url("/in"), body);
	sent.slices[1] = (struct weir_slice){body + 100000, 100000};
	sent.slices[0].size = 100000;
	sent.request.body_count = 2;
	sent.request.flags = WEIR_HTTP_GZIP;
	send_and_finish(client, &sent);
	assert_true(sink_total("bytes") < 100000);
	read_file(path, got, sizeof(got));
	assert_string_equal(got, body);
}

static void more_requests_fly_when_the_server_takes_them(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct weir_http_client *client;
	static struct sent sent[200];

	(void)state;
	options.concurrency_max = 8;
	client = client_with(&options);
	for (int i = 0; i < 200; i++) {
		sent_fill(&sent[i], sink_url("/in?delay=5"), "hello\n");
		assert_int_equal(fx.module->send(client, &sent[i].request), 0);
	}
	assert_true(fx.module->pending(client) > 100);
	await_count(&fx.finished, 200);
	assert_int_equal(fx.module->pending(client), 0);
	fx.module->client_free(client);
	assert_int_equal(sink_total("in_flight_max"), 8);
}

static void an_outage_is_not_hammered_by_what_waits(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct weir_http_client *client;
	static struct sent sent[100];

	(void)state;
	options.backoff_min_ns = options.backoff_max_ns = 200 * (uint64_t)NS_PER_MS;
	client = client_with(&options);
	fx.port = unused_port();
	for (int i = 0; i < 100; i++) {
		sent_fill(&sent[i], sink_url("/in"), "hello\n");
		assert_int_equal(fx.module->send(client, &sent[i].request), 0);
	}
	watch_for_ns(NS_PER_SECOND);
	assert_in_range(read_count(&fx.tries), 2, 50); /* about ten are expected */
	start_sink(NULL, NULL);
	await_count(&fx.finished, 100);
	fx.module->client_free(client);
}

static void with_a_concurrency_of_one_nothing_overtakes(void **state)
{
	const char *path = sink_with_file();
	struct weir_http_client_options options = fast_retries();
	struct weir_http_client *client;
	static char got[64];
	struct sent sent[10];

	(void)state;
	options.concurrency_max = 1;
	client = client_with(&options);
	ask(fx.port, "POST", "/behave?fail=4&status=503");
	for (int i = 0; i < 10; i++) {
		char body[2] = {(char)('0' + i), '\0'};

		sent_fill(&sent[i], sink_url("/in"), "");
		memcpy(sent[i].url + 500, body, 2);
		sent[i].slices[0] = weir_slice_of(sent[i].url + 500);
		sent[i].request.body_size = 1;
		assert_int_equal(fx.module->send(client, &sent[i].request), 0);
	}
	await_count(&fx.finished, 10);
	fx.module->client_free(client);
	assert_int_equal(sink_total("in_flight_max"), 1);
	read_file(path, got, sizeof(got));
	assert_string_equal(got, "0123456789");
}

static void a_slow_server_runs_into_the_time_limit(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct weir_http_client *client;
	struct sent sent;

	(void)state;
	options.request_timeout_ns = 100 * (uint64_t)NS_PER_MS;
	client = client_with(&options);
	sent_fill(&sent, sink_url("/in?delay=1000"), "hello\n");
	assert_int_equal(fx.module->send(client, &sent.request), 0);
	await_count(&fx.tries, 1);
	fx.module->client_free(client);
	assert_int_equal(fx.first.status, 0);
	assert_int_equal(fx.first.advice, WEIR_HTTP_TRANSIENT);
	assert_int_equal(fx.first.may_have_landed, 1);
}

struct recalled {
	struct weir_http_client *client;
	struct sent sent[3];
	int32_t codes[3];
};

static void recall_all(void *user)
{
	struct recalled *r = user;

	for (int i = 0; i < 3; i++)
		r->codes[i] = fx.module->recall(r->client, &r->sent[i].request);
}

static void what_waits_can_be_recalled_and_what_is_sent_can_not(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct recalled r;

	(void)state;
	options.concurrency_max = 1;
	r.client = client_with(&options);
	sent_fill(&r.sent[0], sink_url("/in?delay=60000"), "a\n");
	sent_fill(&r.sent[1], sink_url("/in"), "b\n");
	sent_fill(&r.sent[2], sink_url("/in"), "c\n"); /* never handed over */
	for (int i = 0; i < 2; i++)
		assert_int_equal(fx.module->send(r.client, &r.sent[i].request), 0);
	loop_run(fx.loop, recall_all, &r);
	assert_int_equal(r.codes[0], WEIR_ERR_STATE);
	assert_int_equal(r.codes[1], WEIR_OK);
	assert_int_equal(r.codes[2], WEIR_ERR_STATE);
	assert_int_equal(fx.module->pending(r.client), 1);
	fx.module->client_free(r.client);
}

static void a_client_is_freed_with_requests_in_flight(void **state)
{
	struct weir_http_client *client = client_of_test();
	static struct sent sent[50];
	uint64_t began = clock_monotonic_ns();

	(void)state;
	for (int i = 0; i < 50; i++) {
		sent_fill(&sent[i], sink_url("/in?delay=2000"), "hello\n");
		assert_int_equal(fx.module->send(client, &sent[i].request), 0);
	}
	fx.module->client_free(client);
	assert_true(clock_monotonic_ns() - began < (uint64_t)NS_PER_SECOND);
	assert_int_equal(fx.tries, 0);
}

static void a_proxy_is_used_when_it_is_given(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct weir_http_client *client;
	char proxy[64];
	struct sent sent;

	(void)state;
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", fx.port);
	options.proxy = proxy;
	client = client_with(&options);
	sent_fill(&sent, "http://weir.invalid/in", "hello\n"); /* only a proxy can reach it */
	send_and_finish(client, &sent);
	assert_int_equal(fx.last.status, 200);
	assert_int_equal(sink_total("lines"), 1);
}

static void the_proxy_of_the_environment_is_used(void **state)
{
	struct weir_http_client *client;
	struct sent sent;
	char proxy[64];

	(void)state;
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", fx.port);
	setenv("http_proxy", proxy, 1);
	client = client_of_test();
	sent_fill(&sent, "http://weir.invalid/in", "hello\n");
	send_and_finish(client, &sent);
	unsetenv("http_proxy");
	assert_int_equal(fx.last.status, 200);
}

static void a_proxy_that_wants_a_password_is_held(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct weir_http_client *client;
	struct sent sent;
	char proxy[64];

	(void)state;
	ask(fx.port, "POST", "/behave?status=407");
	snprintf(proxy, sizeof(proxy), "http://me:s3cret@127.0.0.1:%d", fx.port);
	options.proxy = proxy;
	client = client_with(&options);
	sent_fill(&sent, "https://weir.invalid/in", "hello\n"); /* by CONNECT */
	assert_int_equal(fx.module->send(client, &sent.request), 0);
	await_count(&fx.tries, 1);
	fx.module->client_free(client);
	assert_int_equal(fx.first.status, 0);
	assert_int_equal(fx.first.advice, WEIR_HTTP_HOLD);
	assert_int_equal(fx.first.may_have_landed, 0);
	assert_non_null(strstr(fx.log, "the proxy answered 407"));
	assert_null(strstr(fx.log, "s3cret"));
}

static void no_secret_reaches_the_log(void **state)
{
	struct weir_slice headers[] = {{"Authorization: Bearer s3cret-c", 30}};
	struct weir_http_client *client = client_of_test();
	struct sent sent;
	char url[256];

	(void)state;
	snprintf(url, sizeof(url), "http://s3cret-a:s3cret-b@127.0.0.1:%d/in?status=403&t=s3cret-d",
		 fx.port);
	sent_fill(&sent, url, "hello\n");
	sent.request.headers = headers;
	sent.request.header_count = 1;
	assert_int_equal(fx.module->send(client, &sent.request), 0);
	await_count(&fx.tries, 2);
	fx.module->client_free(client);
	assert_non_null(strstr(fx.log, "/in: answered 403"));
	assert_null(strstr(fx.log, "s3cret"));
	assert_null(strstr(fx.last.error, "s3cret"));
}

static void what_is_no_http_request_is_not_taken(void **state)
{
	struct weir_slice forged[] = {{"X: a\r\nY: b", 10}};
	struct weir_http_client *client = client_of_test();
	struct sent sent;

	(void)state;
	sent_fill(&sent, "file:///etc/passwd", "");
	assert_int_equal(fx.module->send(client, &sent.request), WEIR_ERR_INVALID);
	sent_fill(&sent, "ftp://127.0.0.1/", "");
	assert_int_equal(fx.module->send(client, &sent.request), WEIR_ERR_INVALID);
	sent_fill(&sent, sink_url("/in"), "");
	sent.request.headers = forged;
	sent.request.header_count = 1;
	assert_int_equal(fx.module->send(client, &sent.request), WEIR_ERR_INVALID);
	fx.module->client_free(client);
}

static void a_missing_ca_file_is_an_error_with_its_path(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct weir_http_client *client = NULL;
	struct weir_error error = {0};
	struct http_owner told = owner();

	(void)state;
	options.ca_file = "/nonexistent/ca.pem";
	assert_int_equal(fx.module->client(fx.http, &told, &options, &client, &error),
			 WEIR_ERR_INVALID);
	assert_non_null(strstr(error.text, "/nonexistent/ca.pem"));
}

#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_sink, fixture_teardown)
#define HTTP_TEST_ALONE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(a_body_of_slices_arrives_whole),
		HTTP_TEST(a_large_body_arrives_whole),
		HTTP_TEST_ALONE(a_refused_connection_is_tried_until_it_works),
		HTTP_TEST(a_connection_cut_in_the_body_may_have_landed),
		HTTP_TEST(half_an_answer_is_none),
		HTTP_TEST(a_200_with_garbage_is_a_yes),
		HTTP_TEST(an_endless_answer_is_given_up),
		HTTP_TEST(a_429_waits_as_long_as_it_was_asked_to),
		HTTP_TEST(a_500_is_tried_again),
		HTTP_TEST(statuses_fall_into_their_classes),
		HTTP_TEST(a_redirect_is_refused_and_names_its_target),
		HTTP_TEST(a_403_is_held_with_one_alarm_until_it_is_mended),
		HTTP_TEST(connections_are_kept_alive),
		HTTP_TEST(a_connection_closed_by_the_server_is_no_failure),
		HTTP_TEST(a_gzipped_body_unpacks_to_what_was_sent),
		HTTP_TEST(more_requests_fly_when_the_server_takes_them),
		HTTP_TEST_ALONE(an_outage_is_not_hammered_by_what_waits),
		HTTP_TEST(with_a_concurrency_of_one_nothing_overtakes),
		HTTP_TEST(a_slow_server_runs_into_the_time_limit),
		HTTP_TEST(what_waits_can_be_recalled_and_what_is_sent_can_not),
		HTTP_TEST(a_client_is_freed_with_requests_in_flight),
		HTTP_TEST(a_proxy_is_used_when_it_is_given),
		HTTP_TEST(the_proxy_of_the_environment_is_used),
		HTTP_TEST(a_proxy_that_wants_a_password_is_held),
		HTTP_TEST(no_secret_reaches_the_log),
		HTTP_TEST(what_is_no_http_request_is_not_taken),
		HTTP_TEST(a_missing_ca_file_is_an_error_with_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
