// SPDX-License-Identifier: MIT
/*
 * A queue of jobs, and the transfers that carry them.
 *
 *   send ──▶ queue ──▶ transfer ──▶ done() ──▶ finished
 *              ▲                      │
 *              └── waits, in front ◀──┘ TRY_AGAIN, TRY_SLOWLY
 *
 *   - All but `pending` belongs to the loop's thread; jobs come to it by loop_post(), in order.
 *   - With a concurrency of one nothing overtakes: the head of the queue goes first, or nobody.
 *   - When the destination as a whole seems down (no connection, Retry-After, several failures in
 *     a row, an operator is needed) the client waits, not just the request: requests in the queue
 *     don't hammer it in turn.
 */
#include "http/client_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include <weir/plugin.h>

#include "base/clock.h"
#include "http/echo.h"

#define CLIENT_CONCURRENCY 16
#define CLIENT_CONNECT_MS 10000
#define CLIENT_REQUEST_MS 60000
#define CLIENT_BACKOFF_MIN_NS (200 * (uint64_t)NS_PER_MS)
#define CLIENT_BACKOFF_MAX_NS (30 * (uint64_t)NS_PER_SECOND)
/* One write to a socket carries up to this much: with less the system calls show, with more the copy
 * leaves a core's cache. The least is libcurl's own. */
#define CLIENT_UPLOAD_BUFFER (UINT64_C(128) << 10)
#define CLIENT_UPLOAD_BUFFER_MIN (UINT64_C(16) << 10)
/* The buffers of all requests in flight are this part of the owner's memory at most: they hold what is
 * in its blocks already, and come on top of them. */
#define CLIENT_MEMORY_PART 8

/* ---- lists ---- */

/* A retry goes in front of what was sent after it. */
static void queue_put(struct weir_http_client *client, struct job *job, int in_front)
{
	struct job **at = &client->head;

	while (*at && !in_front)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
}

/* The first job that may go at `now`, or NULL and when the next one may. */
static struct job *queue_take(struct weir_http_client *client, uint64_t now, uint64_t *ret_next_ns)
{
	int overtake = client->pace.limit_max > 1;

	*ret_next_ns = UINT64_MAX;
	for (struct job **at = &client->head; *at; at = &(*at)->next) {
		struct job *job = *at;

		if (job->not_before_ns <= now && client->not_before_ns <= now) {
			*at = job->next;
			job->next = NULL;
			return job;
		}
		if (job->not_before_ns < *ret_next_ns)
			*ret_next_ns = job->not_before_ns;
		if (!overtake)
			break;
	}
	if (*ret_next_ns < client->not_before_ns)
		*ret_next_ns = client->not_before_ns;
	return NULL;
}

void client_unlink(struct weir_http_client *client, struct transfer *transfer)
{
	struct transfer **at = &client->running;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	client->in_flight--;
	metric_change(client->owner.in_flight, -1);
	metric_add(client->owner.bytes, (int64_t)transfer->handed);
}

void client_put_down(struct weir_http_client *client, struct transfer *transfer)
{
	transfer_end(transfer);
	transfer->next = client->idle;
	client->idle = transfer;
}

static void count_pending(struct weir_http_client *client, int32_t more)
{
	atomic_fetch_add_explicit(&client->pending, (uint32_t)more, memory_order_relaxed);
	if (client->owner.pending)
		atomic_fetch_add(client->owner.pending, (uint32_t)more);
}

static void job_done(struct weir_http_client *client, struct job *job)
{
	count_pending(client, -1);
	job_free(job);
}

/* ---- starting ---- */

/* Headers and body may differ from try to try: a signature holds for minutes only. */
static int renew(struct weir_http_client *client, struct job *job)
{
	int code = 0;

	if (client->owner.begin)
		code = client->owner.begin(client->owner.user, job->request);
	return code || (!client->owner.begin && job->request->attempt == 0) ? code : job_renew(job);
}

int client_carry(struct weir_http_client *client, struct job *job, int is_fresh,
		 struct transfer **ret_transfer)
{
	struct transfer *transfer = client->idle;
	int code = 0;

	if (transfer)
		client->idle = transfer->next;
	else
		code = transfer_create(&client->options, &transfer);
	if (code)
		return code;
	code = transfer_begin(transfer, job, is_fresh);
	if (code == 0)
		code = engine_add(client->http, transfer->easy);
	if (code) {
		transfer_free(transfer);
		return code;
	}
	transfer->next = client->running;
	client->running = transfer;
	client->in_flight++;
	metric_change(client->owner.in_flight, 1);
	metric_add(client->owner.requests, 1);
	*ret_transfer = transfer;
	return 0;
}

static int start(struct weir_http_client *client, struct job *job)
{
	struct transfer *transfer;
	int code = renew(client, job);

	if (!code)
		code = client_carry(client, job, 0, &transfer);
	if (!code)
		metric_add(client->owner.retries, job->request->attempt > 0);
	return code;
}

/* Starts what may start, and sets the timer for what may not yet. */
static void pump(struct weir_http_client *client)
{
	uint64_t now = clock_monotonic_ns(), next_ns = UINT64_MAX;

	client_hedge(client); /* what is late comes before what is new */
	loop_timer_stop(client->http->loop, &client->timer);
	while (client->head && client->in_flight < pace_limit(&client->pace)) {
		struct job *job = queue_take(client, now, &next_ns);

		if (!job)
			break;
		if (start(client, job)) { /* no memory, or not to begin yet: later */
			queue_put(client, job, 1);
			next_ns = now + client->pace.wait_min_ns;
			break;
		}
		hedge_started(&client->hedge);
	}
	if (client->head && next_ns != UINT64_MAX)
		loop_timer_set(client->http->loop, &client->timer,
			       next_ns > now ? next_ns - now : 0);
}

static void pump_later(void *user)
{
	pump(user);
}

void client_take(struct job *job)
{
	queue_put(job->client, job, 0);
	pump(job->client);
}

static void job_arrived(void *user)
{
	client_take(user);
}

/* ---- ending a try ---- */

/* What a failure means for the destination as a whole; before the owner is asked, who may send
 * more from within done(). */
static void adapt(struct weir_http_client *client, struct transfer *transfer,
		  const struct verdict *verdict, uint64_t asked_s, uint64_t now)
{
	uint64_t wait_ns = 0;

	if (client_is_answered(verdict))
		return;
	pace_failure(&client->pace, transfer->started_ns, now);
	if (asked_s)
		wait_ns = pace_asked_wait_ns(&client->pace, asked_s);
	else if (verdict->status == 0 || client->pace.failing >= CLIENT_TROUBLE)
		wait_ns = pace_wait_ns(&client->pace, client->pace.failing);
	if (now + wait_ns > client->not_before_ns)
		client->not_before_ns = now + wait_ns;
}

/* An owner that reads answers knows more than a status: a 200 may turn down some records, a 400 may
 * be a throttle. */
static void adapt_to_owner(struct weir_http_client *client, const struct transfer *transfer,
			   const struct verdict *verdict, uint32_t answer, uint64_t now)
{
	if (!client_is_answered(verdict))
		return;
	if (answer == WEIR_HTTP_FINISHED) {
		client_say_success(client, transfer->job, now);
		pace_success(&client->pace, client->head != NULL);
	} else if (verdict->advice == WEIR_HTTP_OK) {
		pace_cut(&client->pace, transfer->started_ns, now);
	} else {
		pace_failure(&client->pace, transfer->started_ns, now);
	}
}

static void wait_and_retry(struct weir_http_client *client, struct job *job, uint32_t answer,
			   const struct verdict_facts *facts, const struct verdict *verdict,
			   uint64_t asked_s)
{
	uint64_t now = clock_monotonic_ns(), wait_ns;

	if (answer == WEIR_HTTP_TRY_SLOWLY) {
		wait_ns = pace_slow_wait_ns(&client->pace);
		client->not_before_ns = now + wait_ns;
		client_say_hold(client, job, facts, verdict);
	} else {
		wait_ns = asked_s ? pace_asked_wait_ns(&client->pace, asked_s)
				  : pace_wait_ns(&client->pace, job->request->attempt);
		if (verdict->advice != WEIR_HTTP_OK)
			client_say_retry(client, job, verdict, facts->answer,
					 now + wait_ns > client->not_before_ns
						 ? wait_ns
						 : client->not_before_ns - now);
	}
	job->not_before_ns = now + wait_ns;
	queue_put(client, job, 1);
}

static void fill_response(struct weir_http_response *response, const struct transfer *transfer,
			  const struct verdict *verdict, uint64_t now)
{
	memset(response, 0, sizeof(*response));
	response->struct_size = sizeof(*response);
	response->status = verdict->status;
	response->advice = verdict->advice;
	response->may_have_landed = verdict->may_have_landed | transfer->has_landed;
	response->elapsed_ns = now - transfer->began_ns;
	response->copies = transfer->copies;
	response->error = weir_slice_of(verdict->text);
	if (!verdict->status)
		return;
	response->body = (struct weir_slice){transfer->answer.data, transfer->answer.size};
	response->headers = (struct weir_slice){transfer->headers.data, transfer->headers.size};
}

void client_finished(struct transfer *transfer, CURLcode code)
{
	struct job *job = transfer->job;
	struct weir_http_client *client = job->client;
	uint64_t now = clock_monotonic_ns(), asked_s = transfer_retry_after(transfer);
	struct weir_http_response response;
	struct verdict_facts facts;
	struct verdict verdict;
	uint32_t answer;

	transfer_facts(transfer, code, &facts);
	verdict_reach(&facts, &verdict);
	client_unlink(client, transfer);
	if (transfer->twin && client_hedge_ended(client, transfer, &verdict)) {
		adapt(client, transfer, &verdict, asked_s, now);
		client_put_down(client, transfer);
		pump(client);
		return;
	}
	if (verdict.advice != WEIR_HTTP_OK)
		echo_mask(&transfer->answer, job->request);
	fill_response(&response, transfer, &verdict, now);
	if (verdict.advice == WEIR_HTTP_OK)
		hedge_answered(&client->hedge, response.elapsed_ns);
	metric_observe_ns(client->owner.latency, response.elapsed_ns);
	if (job->request->attempt < UINT32_MAX)
		job->request->attempt++;
	adapt(client, transfer, &verdict, verdict.advice == WEIR_HTTP_OK ? 0 : asked_s, now);
	answer = client->owner.done(client->owner.user, job->request, &response);
	adapt_to_owner(client, transfer, &verdict, answer, now);
	if (answer == WEIR_HTTP_FINISHED) /* the request is the plugin's again: not read any more */
		job_done(client, job);
	else
		wait_and_retry(client, job, answer, &facts, &verdict, asked_s);
	client_put_down(client, transfer);
	pump(client);
}

/* ---- the table ---- */

static char *copy_or_null(const char *text, int *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed |= text && !copy;
	return copy;
}

static uint64_t ms_of(uint64_t ns, uint64_t missing_ms)
{
	if (ns == 0)
		return missing_ms;
	return ns < (uint64_t)NS_PER_MS ? 1 : ns / (uint64_t)NS_PER_MS;
}

static int copy_options(struct transfer_options *to, const struct weir_http_client_options *from)
{
	int failed = 0;

	to->connect_timeout_ms = ms_of(from->connect_timeout_ns, CLIENT_CONNECT_MS);
	to->request_timeout_ms = ms_of(from->request_timeout_ns, CLIENT_REQUEST_MS);
	to->insecure = from->insecure != 0;
	to->http1 = from->http_version == 1;
	to->proxy = copy_or_null(from->proxy, &failed);
	to->ca_file = copy_or_null(from->ca_file, &failed);
	to->cert_file = copy_or_null(from->cert_file, &failed);
	to->key_file = copy_or_null(from->key_file, &failed);
	to->user_agent =
		copy_or_null(from->user_agent ? from->user_agent : "weir/" WEIR_VERSION, &failed);
	return failed ? WEIR_ERR_MEMORY : 0;
}

static int check_file(const char *path, const char *what, struct weir_error *error)
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	return weir_fail(error, WEIR_ERR_INVALID, "cannot read the %s %s: %m", what, path);
}

static void release(struct weir_http_client *client)
{
	free(client->options.proxy);
	free(client->options.ca_file);
	free(client->options.cert_file);
	free(client->options.key_file);
	free(client->options.user_agent);
	free(client);
}

static long upload_buffer(uint64_t memory_bytes, uint32_t concurrency)
{
	uint64_t bytes = memory_bytes / CLIENT_MEMORY_PART / concurrency & ~UINT64_C(4095);

	if (memory_bytes == 0 || bytes > CLIENT_UPLOAD_BUFFER)
		return (long)CLIENT_UPLOAD_BUFFER;
	return bytes < CLIENT_UPLOAD_BUFFER_MIN ? (long)CLIENT_UPLOAD_BUFFER_MIN : (long)bytes;
}

int32_t client_create(struct http *http, const struct http_owner *owner,
		      const struct weir_http_client_options *options,
		      struct weir_http_client **ret_client, struct weir_error *error)
{
	uint32_t concurrency =
		options->concurrency_max ? options->concurrency_max : CLIENT_CONCURRENCY;
	struct weir_http_client *client;
	int code;

	if ((code = check_file(options->ca_file, "CA certificates", error)) ||
	    (code = check_file(options->cert_file, "client certificate", error)) ||
	    (code = check_file(options->key_file, "client key", error)))
		return code;
	client = calloc(1, sizeof(*client));
	if (!client || copy_options(&client->options, options)) {
		if (client)
			release(client);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for an HTTP client");
	}
	client->http = http;
	client->owner = *owner;
	client->timer.call = pump_later;
	client->timer.user = client;
	client->hedge_timer.call = pump_later;
	client->hedge_timer.user = client;
	/* With one request at a time a copy would overtake. */
	hedge_init(&client->hedge, options->hedge && concurrency > 1);
	client->options.upload_buffer = upload_buffer(owner->memory_bytes, concurrency);
	pace_start(&client->pace, concurrency,
		   options->backoff_min_ns ? options->backoff_min_ns : CLIENT_BACKOFF_MIN_NS,
		   options->backoff_max_ns ? options->backoff_max_ns : CLIENT_BACKOFF_MAX_NS);
	*ret_client = client;
	return 0;
}

int32_t client_send(struct weir_http_client *client, struct weir_http_request *request)
{
	struct job *job;
	int code = job_create(request, &job);

	if (code)
		return code;
	job->client = client;
	count_pending(client, 1);
	if (loop_is_current(client->http->loop)) {
		if (job_wants_packing(job))
			packer_add(client->http->packer, job);
		else
			client_take(job);
		return 0;
	}
	if (job_wants_packing(job))
		job_pack(job);
	code = loop_post(client->http->loop, job_arrived, job);
	if (code)
		job_done(client, job);
	return code;
}

uint32_t client_pending(struct weir_http_client *client)
{
	return atomic_load_explicit(&client->pending, memory_order_relaxed);
}

int32_t client_recall(struct weir_http_client *client, struct weir_http_request *request)
{
	for (struct job **at = &client->head; *at; at = &(*at)->next) {
		struct job *job = *at;

		if (job->request != request)
			continue;
		*at = job->next;
		job_done(client, job);
		return WEIR_OK;
	}
	return WEIR_ERR_STATE;
}

static void abandon(void *user)
{
	struct weir_http_client *client = user;

	loop_timer_stop(client->http->loop, &client->timer);
	loop_timer_stop(client->http->loop, &client->hedge_timer);
	packer_forget(client->http->packer, client);
	while (client->running) {
		struct transfer *transfer = client->running;

		client_unlink(client, transfer);
		engine_remove(client->http, transfer->easy);
		if (transfer->twin)
			transfer->twin->twin = NULL; /* which has the job */
		else
			job_free(transfer->job);
		transfer_free(transfer);
	}
	while (client->idle) {
		struct transfer *transfer = client->idle;

		client->idle = transfer->next;
		transfer_free(transfer);
	}
	while (client->head) {
		struct job *job = client->head;

		client->head = job->next;
		job_free(job);
	}
}

void client_free(struct weir_http_client *client)
{
	if (!client)
		return;
	loop_run(client->http->loop, abandon, client);
	count_pending(client, -(int32_t)client_pending(client));
	release(client);
}
