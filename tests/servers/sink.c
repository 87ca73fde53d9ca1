// SPDX-License-Identifier: MIT
/*
 * An HTTP/1.1 server on loopback that swallows bodies and counts them; for tests and the benchmark.
 *
 *     sink [--port N] [--port-file FILE] [--out FILE] [--discard] [--speak kinesis|firehose|bulk]
 *          [--tls CERTIFICATE]
 *
 * Prints "listening on PORT". A thread per connection; bodies are read in large pieces, and with
 * --discard not even copied out of the kernel (then lines are not counted). With --speak it answers
 * as that service does, and "lines" are the records of its requests. With --tls it is HTTPS, for all
 * paths, and the certificate to trust is written to that file.
 *
 *   GET /stats            totals as JSON          POST /reset      zeroes them
 *   GET /last             the head of the last counted request, as it came
 *   POST /behave?QUERY    what to do with every later request
 *   anything else         is counted, and answered 200, or as that or its own query says:
 *
 *     status=N        answer N                     fail=N       only the first N such requests
 *     retry_after=S   with that header             delay=MS     wait before the answer
 *     location=URL    with that header             garbage=1    a body that makes no sense
 *     max=BYTES       413 when the body is longer  bad=TEXT     400 when the body contains it
 *     reset=BYTES     cut the connection when so much of the body has come
 *     half=1          half an answer, then cut     close=1      close after the answer
 *     huge=BYTES      a body of that length
 *
 * Counts under "accepted" are those of requests answered 2xx in full. With --out their bodies,
 * decompressed, are appended to the file, each with one write.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <unistd.h>

#include "inlet.h"
#include "listen.h"
#include "speech.h"
#include "unpack.h"

#define PIECE (256 << 10)

struct behaviour {
	int status, retry_after, delay_ms, garbage, half, close;
	int64_t fail, max, reset, huge; /* -1 = not set */
	char location[512], bad[256];
};

struct totals {
	uint64_t connections, requests, bytes, in_flight, in_flight_max;
	uint64_t accepted_requests, accepted_bytes, accepted_lines;
	uint64_t statuses[600];
};

static struct {
	pthread_mutex_t lock; /* guards all below */
	struct totals totals;
	struct behaviour behaviour;
	uint64_t failed; /* requests answered by `fail` so far */
	char last[4096];
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int discard;
static enum speech speech;
static int out_fd = -1;

struct connection {
	struct inlet in;
	char *piece;
	char *body; /* kept only where it is looked at */
	size_t body_size, body_capacity;
};

struct request {
	char method[16];
	char target[2048];
	uint64_t length;
	unpack_function *unpack; /* NULL = the body is as it is */
	int expect, close;
	struct speech_count found; /* in the body */
	char head[4096];
	struct behaviour behaviour;
};

static const struct behaviour plain = {
	.fail = -1, .max = -1, .reset = -1, .huge = -1, .status = 200};

/* ---- reading the request's head ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87
						    : -1;
}

static void decode(char *text)
{
	char *to = text;

	for (; *text; text++, to++) {
		*to = *text;
		if (*text == '%' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
			*to = (char)(hex_digit(text[1]) * 16 + hex_digit(text[2]));
			text += 2;
		}
	}
	*to = '\0';
}

static void set_behaviour(struct behaviour *b, const char *key, const char *value)
{
	int64_t number = strtoll(value, NULL, 10);
	struct {
		const char *key;
		int *small;
		int64_t *large;
	} keys[] = {
		{"status", &b->status, NULL},  {"retry_after", &b->retry_after, NULL},
		{"delay", &b->delay_ms, NULL}, {"garbage", &b->garbage, NULL},
		{"half", &b->half, NULL},      {"close", &b->close, NULL},
		{"fail", NULL, &b->fail},      {"max", NULL, &b->max},
		{"reset", NULL, &b->reset},    {"huge", NULL, &b->huge},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (keys[i].small)
			*keys[i].small = (int)number;
		else
			*keys[i].large = number;
	}
	if (strcmp(key, "location") == 0)
		snprintf(b->location, sizeof(b->location), "%s", value);
	if (strcmp(key, "bad") == 0)
		snprintf(b->bad, sizeof(b->bad), "%s", value);
}

static struct behaviour read_query(char *query, struct behaviour b)
{
	char *rest = NULL;

	for (char *pair = strtok_r(query, "&", &rest); pair; pair = strtok_r(NULL, "&", &rest)) {
		char *value = strchr(pair, '=');

		if (!value)
			continue;
		*value++ = '\0';
		decode(value);
		set_behaviour(&b, pair, value);
	}
	return b;
}

static void read_header(struct request *request, char *line)
{
	char *value = strchr(line, ':');

	if (!value)
		return;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(line, "content-length") == 0)
		request->length = strtoull(value, NULL, 10);
	else if (strcasecmp(line, "content-encoding") == 0)
		request->unpack = unpack_of(value);
	else if (strcasecmp(line, "expect") == 0)
		request->expect = 1;
	else if (strcasecmp(line, "connection") == 0)
		request->close = strcasestr(value, "close") != NULL;
}

/* 0 when the peer has closed. */
static int read_head(struct connection *c, struct request *request)
{
	size_t size = inlet_head(&c->in);
	char *rest = NULL, *line;

	if (size == 0)
		return 0;
	memset(request, 0, sizeof(*request));
	snprintf(request->head, sizeof(request->head), "%.*s", (int)sizeof(request->head) - 1,
		 c->in.head);
	line = strtok_r(c->in.head, "\r\n", &rest);
	if (!line || sscanf(line, "%15s %2047s", request->method, request->target) != 2)
		return 0;
	while ((line = strtok_r(NULL, "\r\n", &rest)))
		read_header(request, line);
	inlet_drop(&c->in, size);
	return 1;
}

/* ---- the body ---- */

static uint64_t count_lines(const char *data, size_t size)
{
	const char *end = data + size;
	uint64_t lines = 0;

	while ((data = memchr(data, '\n', (size_t)(end - data)))) {
		data++;
		lines++;
	}
	return lines;
}

static char *body_room(struct connection *c, size_t size)
{
	if (c->body_capacity - c->body_size < size) {
		size_t capacity = 2 * c->body_capacity + size + PIECE;
		char *body = realloc(c->body, capacity);

		if (!body)
			return NULL;
		c->body = body;
		c->body_capacity = capacity;
	}
	return c->body + c->body_size;
}

/* 0 when the whole body has come. */
static int read_body(struct connection *c, struct request *request, int look)
{
	uint64_t done = 0;

	c->body_size = 0;
	while (done < request->length) {
		size_t want = request->length - done < PIECE ? request->length - done : PIECE;
		char *to = look ? body_room(c, want) : c->piece;
		ssize_t got = !to ? -1
			      : discard && !look && !c->in.have && !c->in.wire.ssl
				      ? recv(c->in.wire.fd, to, want, MSG_TRUNC)
				      : inlet_read(&c->in, to, want);

		if (got <= 0)
			return -1;
		if (look)
			c->body_size += (size_t)got;
		else if (!discard)
			request->found.lines += count_lines(to, (size_t)got);
		done += (uint64_t)got;
		if (request->behaviour.reset >= 0 && done >= (uint64_t)request->behaviour.reset) {
			wire_cut(&c->in.wire);
			return -1;
		}
	}
	return 0;
}

static int unpack(struct connection *c, const struct request *request)
{
	char *text = NULL;
	size_t size = 0;

	if (request->unpack(c->body, c->body_size, &text, &size))
		return -1;
	free(c->body);
	c->body = text;
	c->body_size = c->body_capacity = size;
	return 0;
}

/* ---- the answer ---- */

static int send_zeros(struct wire *wire, int64_t size)
{
	static const char zeros[65536];

	for (; size > 0; size -= (int64_t)sizeof(zeros))
		if (wire_write_all(wire, zeros,
				   size < (int64_t)sizeof(zeros) ? (size_t)size : sizeof(zeros)))
			return -1;
	return 0;
}

static int answer(struct connection *c, const struct behaviour *b, int status, const char *body)
{
	char head[1024], more[640] = "";
	int64_t length = b->huge >= 0 ? b->huge : (int64_t)strlen(body);
	int size;

	if (b->retry_after && status != 200)
		snprintf(more, sizeof(more), "Retry-After: %d\r\n", b->retry_after);
	if (b->location[0])
		snprintf(more + strlen(more), sizeof(more) - strlen(more), "Location: %s\r\n",
			 b->location);
	size = snprintf(head, sizeof(head),
			"HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\n%s%s"
			"Content-Length: %" PRId64 "\r\n\r\n%s",
			status, more, b->close ? "Connection: close\r\n" : "", length,
			b->huge >= 0 ? "" : body);
	if (b->half) {
		wire_write_all(&c->in.wire, head, (size_t)size - strlen(body) / 2 - 1);
		return -1;
	}
	if (wire_write_all(&c->in.wire, head, (size_t)size) ||
	    (b->huge >= 0 && send_zeros(&c->in.wire, length)))
		return -1;
	return b->close ? -1 : 0;
}

static int answer_text(struct connection *c, const char *text)
{
	char head[128];
	int size = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			    strlen(text));

	return wire_write_all(&c->in.wire, head, (size_t)size) ||
			       wire_write_all(&c->in.wire, text, strlen(text))
		       ? -1
		       : 0;
}

static int answer_spoken(struct connection *c, const struct request *request)
{
	int cbor = speech == SPEECH_KINESIS && c->body_size && c->body[0] != '{';
	char head[160];
	size_t size = 0;
	char *data = speech_answer(speech, request->head, cbor, request->found.records, &size);
	int head_size = snprintf(head, sizeof(head),
				 "HTTP/1.1 200 OK\r\nContent-Type: application/%s\r\n"
				 "Content-Length: %zu\r\n\r\n",
				 cbor ? "x-amz-cbor-1.1" : "json", size);
	int failed = !data || wire_write_all(&c->in.wire, head, (size_t)head_size) ||
		     wire_write_all(&c->in.wire, data, size);

	free(data);
	return failed || request->close ? -1 : 0;
}

static int answer_stats(struct connection *c)
{
	char text[8192];
	struct totals t;
	int size;

	pthread_mutex_lock(&sink.lock);
	t = sink.totals;
	pthread_mutex_unlock(&sink.lock);
	size = snprintf(text, sizeof(text),
			"{\"connections\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"bytes\":%" PRIu64
			",\"in_flight\":%" PRIu64 ",\"in_flight_max\":%" PRIu64
			",\"accepted\":{\"requests\":%" PRIu64 ",\"bytes\":%" PRIu64
			",\"lines\":%" PRIu64 "},\"statuses\":{",
			t.connections, t.requests, t.bytes, t.in_flight, t.in_flight_max,
			t.accepted_requests, t.accepted_bytes, t.accepted_lines);
	for (int i = 0, any = 0; i < 600; i++)
		if (t.statuses[i])
			size += snprintf(text + size, sizeof(text) - (size_t)size,
					 "%s\"%d\":%" PRIu64, any++ ? "," : "", i, t.statuses[i]);
	snprintf(text + size, sizeof(text) - (size_t)size, "}}\n");
	return answer_text(c, text);
}

/* ---- one request ---- */

static int verdict(const struct connection *c, const struct request *request)
{
	const struct behaviour *b = &request->behaviour;
	int fails = 1;

	if (b->max >= 0 && request->length > (uint64_t)b->max)
		return 413;
	if (b->bad[0] && c->body_size && memmem(c->body, c->body_size, b->bad, strlen(b->bad)))
		return 400;
	if (b->fail >= 0) {
		pthread_mutex_lock(&sink.lock);
		fails = sink.failed < (uint64_t)b->fail;
		sink.failed += (uint64_t)fails;
		pthread_mutex_unlock(&sink.lock);
	}
	return fails ? b->status : 200;
}

static void count(const struct connection *c, const struct request *request, int status, int whole)
{
	int accepted = whole && status >= 200 && status < 300;

	pthread_mutex_lock(&sink.lock);
	sink.totals.in_flight--;
	sink.totals.requests++;
	sink.totals.bytes += request->length;
	sink.totals.statuses[status < 600 ? status : 0]++;
	memcpy(sink.last, request->head, sizeof(sink.last));
	if (accepted) {
		sink.totals.accepted_requests++;
		sink.totals.accepted_bytes += request->length;
		sink.totals.accepted_lines += request->found.lines;
		if (out_fd >= 0 && c->body_size &&
		    write(out_fd, c->body, c->body_size) != (ssize_t)c->body_size)
			perror("sink: write");
	}
	pthread_mutex_unlock(&sink.lock);
}

static void request_begins(void)
{
	pthread_mutex_lock(&sink.lock);
	sink.totals.in_flight++;
	if (sink.totals.in_flight > sink.totals.in_flight_max)
		sink.totals.in_flight_max = sink.totals.in_flight;
	pthread_mutex_unlock(&sink.lock);
}

static int serve_counted(struct connection *c, struct request *request)
{
	struct behaviour *b = &request->behaviour;
	int look = speech || out_fd >= 0 || b->bad[0] || (request->unpack && !discard);
	int status, whole, code;

	request_begins();
	if (request->expect)
		wire_write_all(&c->in.wire, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	if (read_body(c, request, look) || (look && request->unpack && unpack(c, request))) {
		count(c, request, 0, 0);
		return -1;
	}
	if (speech)
		request->found = speech_count(speech, c->body, c->body_size);
	else if (look)
		request->found.lines = count_lines(c->body, c->body_size);
	status = verdict(c, request);
	if (b->delay_ms)
		usleep((useconds_t)b->delay_ms * 1000);
	whole = !b->half && b->huge < 0;
	count(c, request, status, whole); /* before the answer: who has it sees itself counted */
	if (speech && status == 200)
		return answer_spoken(c, request);
	code = answer(c, b, status, b->garbage ? "}{ \xff not json" : "{\"ok\":true}");
	return request->close ? -1 : code;
}

static int serve_request(struct connection *c, struct request *request)
{
	char *query = strchr(request->target, '?');

	if (query)
		*query++ = '\0';
	if (strcmp(request->target, "/stats") == 0)
		return answer_stats(c);
	if (strcmp(request->target, "/last") == 0) {
		pthread_mutex_lock(&sink.lock);
		memcpy(request->head, sink.last, sizeof(sink.last));
		pthread_mutex_unlock(&sink.lock);
		return answer_text(c, request->head);
	}
	if (strcmp(request->target, "/reset") == 0 || strcmp(request->target, "/behave") == 0) {
		pthread_mutex_lock(&sink.lock);
		if (request->target[1] == 'r')
			sink.totals = (struct totals){.in_flight = sink.totals.in_flight,
						      .in_flight_max = sink.totals.in_flight};
		else
			sink.behaviour = query ? read_query(query, plain) : plain;
		sink.failed = 0;
		pthread_mutex_unlock(&sink.lock);
		return read_body(c, request, 0) ? -1 : answer(c, &plain, 200, "{}\n");
	}
	pthread_mutex_lock(&sink.lock);
	request->behaviour = sink.behaviour;
	pthread_mutex_unlock(&sink.lock);
	if (query)
		request->behaviour = read_query(query, request->behaviour);
	return serve_counted(c, request);
}

static void *serve(void *user)
{
	struct connection *c = user;
	struct request request;

	if (wire_open(&c->in.wire, c->in.wire.fd) == 0) {
		while (read_head(c, &request) && serve_request(c, &request) == 0)
			continue;
		wire_close(&c->in.wire);
	}
	free(c->piece);
	free(c->body);
	free(c);
	return NULL;
}

/* ---- connections ---- */

static void accept_one(int listener)
{
	int fd = accept_on(listener);
	struct connection *c;
	pthread_t thread;

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c || !(c->piece = malloc(PIECE))) {
		free(c);
		close(fd);
		return;
	}
	c->in.wire.fd = fd;
	pthread_mutex_lock(&sink.lock);
	sink.totals.connections++;
	pthread_mutex_unlock(&sink.lock);
	if (pthread_create(&thread, NULL, serve, c) == 0)
		pthread_detach(thread);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
						{"port-file", required_argument, NULL, 'f'},
						{"out", required_argument, NULL, 'o'},
						{"discard", no_argument, NULL, 'd'},
						{"speak", required_argument, NULL, 's'},
						{"tls", required_argument, NULL, 't'},
						{NULL, 0, NULL, 0}};
	const char *port_file = NULL;
	int port = 0, option, listener;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			port = atoi(optarg);
		else if (option == 'f')
			port_file = optarg;
		else if (option == 'd')
			discard = 1;
		else if (option == 's')
			speech = speech_named(optarg);
		else if (option == 't')
			wire_use_tls(optarg);
		else if (option == 'o')
			out_fd = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		else
			return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	sink.behaviour = plain;
	listener = listen_on(port);
	write_port(port_file, port_of(listener));
	for (;;)
		accept_one(listener);
}
