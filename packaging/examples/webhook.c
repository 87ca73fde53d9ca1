// SPDX-License-Identifier: MIT
/*
 * The output webhook: posts records to a chat, several in one message.
 *
 *     cc -O2 -shared -fPIC $(pkg-config --cflags weir) -o output-webhook.so webhook.c
 *
 *     outputs:
 *       - webhook:
 *           when: status >= 500
 *           url: "${file:/etc/weir/chat.url}"
 *           text: concat(clientip, " ", path)
 *
 * write() only queues the delivery. One message is in flight at a time; it is made of the records at
 * the head of the queue when the one before it has been taken, or when `linger` (1 s by default) has
 * passed. Each record gets its outcome when the chat has answered. Throttling (429) and failures are
 * the HTTP service's to retry; a message that is refused goes to the dead letter.
 *
 * The host never runs two of these functions at once, so there is no lock.
 */
#include <stdlib.h>
#include <weir/plugin.h>

#define LINGER_TIMER 0
#define LINGER_NS UINT64_C(1000000000)
#define RECORDS_MAX 500u /* in one message */
#define EXCERPT 200      /* of the chat's answer, in the dead letter */

/* A delivery in the queue. The view is a copy; what it points to stays until the last outcome. */
struct waiting {
	struct waiting *next;
	struct weir_delivery_view view;
	uint32_t record; /* the next one to look at */
};

/* A record of the message in flight. */
struct taken {
	struct weir_delivery *delivery;
	uint32_t record;
};

struct webhook {
	const struct weir_services *host;
	struct weir_context *context;
	struct weir_http_client *client;
	struct weir_expr *text; /* NULL: the line */
	struct weir_http_request request;
	struct weir_slice header, body_slice;
	const char *member; /* of the JSON object that the chat wants */
	char *body;
	uint32_t size, max_bytes;
	struct taken taken[RECORDS_MAX];
	uint32_t taken_count;
	struct waiting *first, **last;
	int lingering, in_flight;
};

static void drop_queue(struct webhook *hook)
{
	while (hook->first) {
		struct waiting *waiting = hook->first;

		hook->first = waiting->next;
		free(waiting);
	}
	hook->last = &hook->first;
}

/* What has no outcome is sent again by the next run. */
static void webhook_stop(void *instance)
{
	struct webhook *hook = instance;

	if (hook->client)
		hook->host->http_client_free(hook->client);
	hook->client = NULL;
	drop_queue(hook);
}

static void webhook_destroy(void *instance)
{
	struct webhook *hook = instance;

	webhook_stop(hook);
	if (hook->text)
		hook->host->expr_free(hook->text);
	free(hook->body);
	free(hook);
}

static int32_t webhook_create(const struct weir_services *host, struct weir_context *context,
			      const struct weir_node *options, void **ret_instance,
			      struct weir_error *error)
{
	struct weir_http_client_options client = {.struct_size = sizeof(client),
						  .concurrency_max = 1};
	const struct weir_node *text = weir_node_find(options, "text");
	struct webhook *hook = calloc(1, sizeof(*hook));
	int32_t failed = 0;

	if (!hook)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	hook->host = host;
	hook->context = context;
	hook->last = &hook->first;
	hook->max_bytes = (uint32_t)weir_node_int(options, "max_bytes", 2000);
	hook->member =
		strcmp(weir_node_text(options, "style"), "discord") == 0 ? "content" : "text";
	hook->header = weir_slice_of("Content-Type: application/json");
	hook->request.struct_size = sizeof(hook->request);
	hook->request.url = weir_node_find(options, "url")->text;
	hook->request.headers = &hook->header;
	hook->request.header_count = 1;
	/* One byte makes six at most; and the object around them. */
	hook->body = malloc((size_t)6 * hook->max_bytes + 64);
	if (!hook->body)
		failed = weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	if (!failed && text)
		failed = host->expr_compile(text->text, &hook->text, error);
	if (!failed)
		failed = host->http_client(context, &client, &hook->client, error);
	if (failed) {
		webhook_destroy(hook);
		return failed;
	}
	*ret_instance = hook;
	return WEIR_OK;
}

/* ---- the message ----------------------------------------------------------------------------- */

static void put_byte(struct webhook *hook, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	char *out = hook->body + hook->size;

	if (byte == '"' || byte == '\\') {
		*out++ = '\\';
		*out++ = (char)byte;
	} else if (byte < 0x20) {
		memcpy(out, "\\u00", 4);
		out[4] = digits[byte >> 4];
		out[5] = digits[byte & 15];
		out += 6;
	} else {
		*out++ = (char)byte;
	}
	hook->size = (uint32_t)(out - hook->body);
}

/* Bytes of the UTF-8 letter that the text begins with; 0 when it begins with none. */
static uint64_t letter_size(struct weir_slice text)
{
	unsigned char first = (unsigned char)text.data[0];
	uint64_t size = first < 0x80   ? 1
			: first < 0xc2 ? 0
			: first < 0xe0 ? 2
			: first < 0xf0 ? 3
			: first < 0xf5 ? 4
				       : 0;

	for (uint64_t i = 1; i < size; i++)
		if (i >= text.size || ((unsigned char)text.data[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

/* A log may hold any bytes; JSON may not: U+FFFD for what is no letter. */
static void put_text(struct webhook *hook, struct weir_slice text)
{
	static const char unknown[] = "\xef\xbf\xbd";

	while (text.size) {
		uint64_t size = letter_size(text);

		if (size == 1) {
			put_byte(hook, (unsigned char)text.data[0]);
		} else {
			memcpy(hook->body + hook->size, size ? text.data : unknown,
			       size ? size : 3);
			hook->size += (uint32_t)(size ? size : 3);
		}
		text.data += size ? size : 1;
		text.size -= size ? size : 1;
	}
}

static struct weir_slice text_of(struct webhook *hook, const struct weir_batch *batch,
				 uint32_t record)
{
	struct weir_slice text;

	if (!hook->text || hook->host->expr_text(hook->text, batch, record, &text) != 0)
		text = weir_record_line(batch, &batch->records[record]);
	return text;
}

/* At most `max` bytes of a text, whole letters of UTF-8. */
static struct weir_slice cut(struct weir_slice text, uint32_t max)
{
	if (text.size <= max)
		return text;
	while (max > 0 && ((unsigned char)text.data[max] & 0xc0) == 0x80)
		max--;
	return (struct weir_slice){text.data, max};
}

/* Puts records of a delivery into the message, `used` bytes of text so far. Returns 0 when it is full,
 * and then the record at which it was stays the next one. */
static int take(struct webhook *hook, struct waiting *waiting, uint32_t *used)
{
	const struct weir_batch *batch = waiting->view.batch;

	for (; waiting->record < batch->record_count; waiting->record++) {
		struct weir_slice text;

		if (!weir_selected(&waiting->view, waiting->record))
			continue;
		text = cut(text_of(hook, batch, waiting->record), hook->max_bytes);
		if (hook->taken_count == RECORDS_MAX ||
		    (hook->taken_count && *used + 1 + text.size > hook->max_bytes))
			return 0;
		if (hook->taken_count) {
			put_byte(hook, '\n');
			++*used;
		}
		put_text(hook, text);
		*used += (uint32_t)text.size;
		hook->taken[hook->taken_count++] =
			(struct taken){waiting->view.handle, waiting->record};
	}
	return 1;
}

static void fill(struct webhook *hook)
{
	uint32_t used = 0;

	hook->size = (uint32_t)snprintf(hook->body, 64, "{\"%s\":\"", hook->member);
	while (hook->first && take(hook, hook->first, &used)) {
		struct waiting *done = hook->first;

		hook->first = done->next;
		if (!hook->first)
			hook->last = &hook->first;
		free(done);
	}
	memcpy(hook->body + hook->size, "\"}", 2);
	hook->size += 2;
}

static void linger(struct webhook *hook, uint64_t time_ns)
{
	hook->lingering = 1;
	hook->host->timer_set(hook->context, LINGER_TIMER, time_ns);
}

static void send_next(struct webhook *hook)
{
	if (hook->in_flight || !hook->client || !(hook->taken_count || hook->first))
		return;
	if (!hook->taken_count)
		fill(hook);
	hook->body_slice = (struct weir_slice){hook->body, hook->size};
	hook->request.body = &hook->body_slice;
	hook->request.body_count = 1;
	hook->request.body_size = hook->size;
	hook->request.record_count = hook->taken_count;
	hook->in_flight = 1;
	if (hook->host->http_send(hook->client, &hook->request) == 0)
		return;
	hook->in_flight = 0;
	linger(hook, LINGER_NS);
}

static void finish(struct webhook *hook, uint32_t outcome, const char *reason,
		   struct weir_slice text)
{
	for (uint32_t i = 0; i < hook->taken_count; i++)
		hook->host->outcome(hook->taken[i].delivery, &hook->taken[i].record, 1, outcome,
				    reason, text);
	hook->taken_count = 0;
	hook->in_flight = 0;
}

/* ---- what the host calls --------------------------------------------------------------------- */

static void webhook_write(void *instance, const struct weir_delivery_view *delivery)
{
	struct webhook *hook = instance;
	struct waiting *waiting = calloc(1, sizeof(*waiting));
	uint64_t time_ns = hook->host->output_settings(hook->context)->linger_ns;

	if (!waiting) { /* sent again by the next run */
		hook->host->output_stalled(hook->context, weir_slice_of("no memory"));
		return;
	}
	waiting->view = *delivery;
	*hook->last = waiting;
	hook->last = &waiting->next;
	if (!hook->in_flight && !hook->lingering)
		linger(hook, time_ns == WEIR_TIMER_OFF ? LINGER_NS : time_ns);
}

static void webhook_timer(void *instance, uint32_t id)
{
	struct webhook *hook = instance;

	(void)id;
	hook->lingering = 0;
	send_next(hook);
}

static void webhook_flush(void *instance, uint32_t why)
{
	(void)why;
	send_next(instance);
}

static uint32_t webhook_done(void *instance, struct weir_http_request *request,
			     const struct weir_http_response *response)
{
	struct webhook *hook = instance;
	int excerpt = response->body.size < EXCERPT ? (int)response->body.size : EXCERPT;
	char text[EXCERPT + 64];
	int size;

	(void)request;
	if (response->advice == WEIR_HTTP_TRANSIENT)
		return WEIR_HTTP_TRY_AGAIN;
	if (response->advice == WEIR_HTTP_HOLD)
		return WEIR_HTTP_TRY_SLOWLY;
	if (response->advice == WEIR_HTTP_OK) {
		finish(hook, WEIR_OUTCOME_DELIVERED, NULL, (struct weir_slice){NULL, 0});
	} else {
		size = snprintf(text, sizeof(text), "the chat answered %u: %.*s", response->status,
				excerpt, excerpt ? response->body.data : "");
		finish(hook, WEIR_OUTCOME_DEAD, "refused",
		       (struct weir_slice){text, (uint64_t)size});
	}
	send_next(hook);
	return WEIR_HTTP_FINISHED;
}

static const struct weir_option options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SECRET,
	 .flags = WEIR_OPTION_REQUIRED,
	 .name = "url",
	 .doc = "Address of the webhook, which is all that it takes to write there"},
	WEIR_OPTION("text", WEIR_TYPE_EXPR, NULL,
		    "What to say of a record; the original line where it is absent"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "style",
	 .default_text = "slack",
	 .values = "slack|discord",
	 .doc = "slack: {\"text\": …}, as Mattermost and many others; discord: {\"content\": …}"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "max_bytes",
	 .default_text = "2000",
	 .doc = "Text in one message, at most; what a longer record has beyond it is cut off",
	 .min = 16,
	 .max = 1 << 20},
	WEIR_OPTION_END,
};

static const struct weir_output_ops operations = {
	.struct_size = sizeof(operations),
	.create = webhook_create,
	.stop = webhook_stop,
	.destroy = webhook_destroy,
	.write = webhook_write,
	.flush = webhook_flush,
	.timer = webhook_timer,
	.http_done = webhook_done,
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_OUTPUT,
	.name = "webhook",
	.version = "1.0",
	.summary = "Posts records to a chat",
	.options = options,
	.output = &operations,
	.short_option = "url",
};

static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
