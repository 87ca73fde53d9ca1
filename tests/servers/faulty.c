// SPDX-License-Identifier: MIT
/*
 * A Kinesis stream on loopback that makes faults, and knows of each line whether it was stored.
 *
 *     faulty --lines COUNT --write FILE
 *     faulty --lines COUNT --port N --port-file FILE [--seed N] [--percent N]
 *
 * The first writes the numbered lines of tally.h, for an agent to ship. The second takes them in
 * PutRecords in JSON, one a record or in aggregates, and says ShardIds as a stream of PUTS_SHARDS
 * shards does. That percentage of the requests has one of the faults of faults.h.
 *
 *     GET /stats    what happened and what was stored, as JSON
 *
 * A thread per connection.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aggregate.h"
#include "faults.h"
#include "inlet.h"
#include "listen.h"
#include "puts.h"
#include "tally.h"

#define PARTIAL_PERCENT 30
#define DROPS 20
#define DROP_US 500
#define TEXT_MAX 8192

struct connection {
	struct inlet in;
	char *body;
	size_t body_size, body_capacity;
};

/* What becomes of one PutRecords. */
struct storing {
	enum fault fault;
	int untold;
	FILE *answer;
	uint64_t records, failed;
};

/* ---- storing ---- */

static void store_line(void *user, const uint8_t *line, size_t size)
{
	const struct storing *storing = user;

	tally_take(line, size, storing->untold);
}

static void store(void *user, const struct put *put)
{
	struct storing *storing = user;

	storing->records++;
	if (storing->records > 1)
		fputc(',', storing->answer);
	if (storing->fault == FAULT_PARTIAL && faults_chance(PARTIAL_PERCENT)) {
		storing->failed++;
		fputs("{\"ErrorCode\":\"ProvisionedThroughputExceededException\","
		      "\"ErrorMessage\":\"Rate exceeded\"}",
		      storing->answer);
		return;
	}
	fprintf(storing->answer,
		"{\"SequenceNumber\":\"%" PRIu64 "\",\"ShardId\":\"shardId-%012u\"}",
		storing->records, put->shard);
	if (!aggregate_is(put->data, put->size))
		store_line(user, put->data, put->size);
	else if (aggregate_is_whole(put->data, put->size))
		aggregate_each(put->data, put->size, store_line, user);
	else
		tally_damage();
}

/* ---- answers ---- */

static int answer(struct connection *c, int status, const char *body, size_t size, int slow)
{
	size_t piece = slow ? size / DROPS + 1 : size;
	time_t now = time(NULL) + faults_skew_s();
	char head[256], date[64];
	struct tm tm;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	snprintf(head, sizeof(head),
		 "HTTP/1.1 %d Answer\r\nDate: %s\r\nContent-Type: application/x-amz-json-1.1\r\n"
		 "Content-Length: %zu\r\n\r\n",
		 status, date, size);
	if (wire_write_all(&c->in.wire, head, strlen(head)))
		return -1;
	for (size_t at = 0; at < size; at += piece) {
		if (wire_write_all(&c->in.wire, body + at, size - at < piece ? size - at : piece))
			return -1;
		if (slow)
			usleep(DROP_US);
	}
	return 0;
}

static int refuse(struct connection *c, enum fault fault)
{
	static const struct {
		int status;
		const char *code;
	} errors[FAULT_COUNT] = {
		[FAULT_THROTTLE] = {400, "ProvisionedThroughputExceededException"},
		[FAULT_BROKEN] = {500, "InternalFailure"},
		[FAULT_EXPIRED] = {400, "ExpiredTokenException"},
		[FAULT_SKEW] = {400, "InvalidSignatureException"},
	};
	char text[256];

	snprintf(text, sizeof(text), "{\"__type\":\"%s\",\"message\":\"made up\"}",
		 errors[fault].code);
	return answer(c, errors[fault].status, text, strlen(text), 0);
}

/* The answer, shortened by its last record. */
static size_t miscounted(char *text, size_t size)
{
	char *last = memrchr(text, '{', size);

	while (last > text && *last != ',' && *last != '[')
		last--;
	return (size_t)(stpcpy(*last == ',' ? last : last + 1, "]}") - text);
}

static int put(struct connection *c, enum fault fault)
{
	struct storing storing = {
		.fault = fault,
		.untold = fault == FAULT_RESET_AFTER || fault == FAULT_MISCOUNT,
	};
	char *text = NULL;
	size_t size = 0;
	int code = -1;

	storing.answer = open_memstream(&text, &size);
	if (!storing.answer)
		return -1;
	fputs("{\"Records\":[", storing.answer);
	if (puts_each(c->body, c->body_size, store, &storing))
		tally_damage();
	fprintf(storing.answer, "],\"FailedRecordCount\":%" PRIu64 "}", storing.failed);
	if (fclose(storing.answer) != 0)
		goto out;
	if (fault == FAULT_RESET_AFTER)
		wire_cut(&c->in.wire);
	else
		code = answer(c, 200, text, fault == FAULT_MISCOUNT ? miscounted(text, size) : size,
			      fault == FAULT_SLOW);
out:
	free(text);
	return code;
}

static int tell(struct connection *c)
{
	struct tally_verdict v = tally_verdict();
	char text[TEXT_MAX], happened[TEXT_MAX / 2];

	faults_tell(happened, sizeof(happened));
	snprintf(text, sizeof(text),
		 "{\"stored\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"repeated\":%" PRIu64
		 ",\"needless\":%" PRIu64 ",\"untold\":%" PRIu64 ",\"damaged\":%" PRIu64
		 ",\"happened\":%s}",
		 v.stored, v.missing, v.repeated, v.needless, v.untold, v.damaged, happened);
	return answer(c, 200, text, strlen(text), 0);
}

/* Calls that are no puts. */
static int describe(struct connection *c, const char *head)
{
	char text[TEXT_MAX];

	if (strstr(head, ".ListShards"))
		puts_shards(text, sizeof(text));
	else
		snprintf(text, sizeof(text),
			 "{\"StreamDescriptionSummary\":{\"StreamName\":\"s\",\"StreamStatus\":"
			 "\"ACTIVE\"}}");
	return answer(c, 200, text, strlen(text), 0);
}

/* ---- requests ---- */

static int read_body(struct connection *c, const char *head)
{
	const char *length = strcasestr(head, "\r\nContent-Length: ");
	size_t size = length ? strtoull(length + strlen("\r\nContent-Length: "), NULL, 10) : 0;

	if (size >= c->body_capacity) {
		free(c->body);
		c->body_capacity = size + 1;
		c->body = malloc(c->body_capacity);
		if (!c->body)
			return -1;
	}
	for (c->body_size = 0; c->body_size < size;) {
		ssize_t got = inlet_read(&c->in, c->body + c->body_size, size - c->body_size);

		if (got <= 0)
			return -1;
		c->body_size += (size_t)got;
	}
	c->body[size] = '\0';
	return 0;
}

static int serve_request(struct connection *c, const char *head)
{
	int is_put = strstr(head, ".PutRecords") != NULL;
	enum fault fault = is_put ? faults_next() : FAULT_NONE;

	if (fault == FAULT_RESET_BEFORE) {
		wire_cut(&c->in.wire);
		return -1;
	}
	if (read_body(c, head))
		return -1;
	if (!is_put)
		return strncmp(head, "GET /stats", 10) == 0 ? tell(c) : describe(c, head);
	fault = faults_of_head(fault, head);
	if (fault == FAULT_THROTTLE || fault == FAULT_BROKEN || fault == FAULT_EXPIRED ||
	    fault == FAULT_SKEW)
		return refuse(c, fault);
	return put(c, fault);
}

static void *serve(void *user)
{
	struct connection *c = user;
	int code = wire_open(&c->in.wire, c->in.wire.fd);

	while (code == 0) {
		size_t size = inlet_head(&c->in);
		char *head = size ? strdup(c->in.head) : NULL;

		inlet_drop(&c->in, size);
		code = head ? serve_request(c, head) : -1;
		free(head);
	}
	wire_close(&c->in.wire);
	free(c->body);
	free(c);
	return NULL;
}

static void accept_one(int listener)
{
	int fd = accept_on(listener);
	struct connection *c = fd >= 0 ? calloc(1, sizeof(*c)) : NULL;
	pthread_t thread;

	if (!c) {
		if (fd >= 0)
			close(fd);
		return;
	}
	c->in.wire.fd = fd;
	if (pthread_create(&thread, NULL, serve, c) == 0) {
		pthread_detach(thread);
		return;
	}
	close(fd);
	free(c);
}

static int write_lines(const char *path, uint64_t count)
{
	FILE *file = fopen(path, "w");
	char line[TALLY_LINE_MAX + 1];

	for (uint64_t i = 0; file && i < count; i++) {
		size_t size = tally_line(i, line);

		line[size] = '\n';
		fwrite(line, 1, size + 1, file);
	}
	if (file && fclose(file) == 0)
		return 0;
	fprintf(stderr, "faulty: %s: %s\n", path, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"lines", required_argument, NULL, 'l'},
						{"write", required_argument, NULL, 'w'},
						{"port", required_argument, NULL, 'p'},
						{"port-file", required_argument, NULL, 'f'},
						{"seed", required_argument, NULL, 's'},
						{"percent", required_argument, NULL, '%'},
						{NULL, 0, NULL, 0}};
	const char *port_file = NULL, *write_path = NULL;
	int port = 0, percent = 0, option, listener;
	uint64_t lines = 0, seed = 1;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'l')
			lines = strtoull(optarg, NULL, 10);
		else if (option == 'w')
			write_path = optarg;
		else if (option == 'p')
			port = atoi(optarg);
		else if (option == 'f')
			port_file = optarg;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == '%')
			percent = atoi(optarg);
		else
			return 2;
	}
	if (write_path)
		return write_lines(write_path, lines);
	signal(SIGPIPE, SIG_IGN);
	if (tally_create(lines) != 0)
		return 1;
	faults_create(seed, percent);
	listener = listen_on(port);
	write_port(port_file, port_of(listener));
	for (;;)
		accept_one(listener);
}
