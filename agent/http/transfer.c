// SPDX-License-Identifier: MIT
/*
 * The body goes from the caller's slices into libcurl's upload buffer: one copy, and none before
 * it. libcurl may rewind (a connection that was kept alive turned out to be closed): the seek
 * function answers that.
 *
 * A small one is handed over as a whole instead, and goes out with its head in one write: two system
 * calls fewer, and the server is woken once.
 */
#include "http/transfer.h"

#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "http/cork.h"

/* Of all the headers of an answer. */
#define TRANSFER_HEADERS_MAX (256u << 10)
/* A larger buffer is given back after the answer. */
#define TRANSFER_KEEP (64u << 10)
/* A small body; with its head it stays below the 16 KiB that libcurl writes at once over TLS. */
#define TRANSFER_SMALL (14u << 10)

static uint32_t body_count(const struct job *job)
{
	return job->packed.size ? 1 : job->request->body_count;
}

static struct weir_slice body_slice(const struct job *job, uint32_t at)
{
	return job->packed.size ? job->packed : job->request->body[at];
}

static size_t read_body(char *to, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;
	size_t room = size * count, done = 0;

	while (done < room && transfer->slice < body_count(transfer->job)) {
		struct weir_slice slice = body_slice(transfer->job, transfer->slice);
		size_t take = slice.size - transfer->offset;

		if (take > room - done)
			take = room - done;
		if (take)
			memcpy(to + done, slice.data + transfer->offset, take);
		done += take;
		transfer->offset += take;
		if (transfer->offset == slice.size) {
			transfer->slice++;
			transfer->offset = 0;
		}
	}
	transfer->handed += done;
	return done;
}

static int seek_body(void *user, curl_off_t to, int origin)
{
	struct transfer *transfer = user;
	uint64_t left = (uint64_t)to;

	if (origin != SEEK_SET || to < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	transfer->slice = 0;
	while (transfer->slice < body_count(transfer->job) &&
	       left >= body_slice(transfer->job, transfer->slice).size)
		left -= body_slice(transfer->job, transfer->slice++).size;
	transfer->offset = left;
	return CURL_SEEKFUNC_OK;
}

/* Less than given makes libcurl give up with CURLE_WRITE_ERROR. */
static size_t keep_answer(char *data, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;

	if (size * count > TRANSFER_ANSWER_MAX - transfer->answer.size ||
	    buffer_append(&transfer->answer, data, size * count))
		return 0;
	return size * count;
}

static size_t keep_header(char *data, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;
	size_t length = size * count;

	if (length >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		buffer_clear(&transfer->headers); /* the one before was interim */
		return length;
	}
	if (length > 2 && length <= TRANSFER_HEADERS_MAX - transfer->headers.size &&
	    buffer_append(&transfer->headers, data, length))
		return 0;
	return length;
}

static int new_socket(void *user, curl_socket_t fd, curlsocktype purpose)
{
	const struct transfer *transfer = user;

	(void)purpose;
	if (strncasecmp(transfer->job->url, "https:", 6) == 0)
		cork_socket(fd);
	return CURL_SOCKOPT_OK;
}

static CURLcode allow_http_only(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

static int set_callbacks(struct transfer *t)
{
	CURL *e = t->easy;

	return curl_easy_setopt(e, CURLOPT_PRIVATE, t) ||
	       curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error) ||
	       curl_easy_setopt(e, CURLOPT_READFUNCTION, read_body) ||
	       curl_easy_setopt(e, CURLOPT_READDATA, t) ||
	       curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, new_socket) ||
	       curl_easy_setopt(e, CURLOPT_SOCKOPTDATA, t) ||
	       curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, seek_body) ||
	       curl_easy_setopt(e, CURLOPT_SEEKDATA, t) ||
	       curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, keep_answer) ||
	       curl_easy_setopt(e, CURLOPT_WRITEDATA, t) ||
	       curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, keep_header) ||
	       curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
}

static int set_options(CURL *e, const struct transfer_options *o)
{
	long version = o->http1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;

	return allow_http_only(e) || curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) ||
	       curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) ||
	       curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L) ||
	       curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) ||
	       curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, o->upload_buffer) ||
	       curl_easy_setopt(e, CURLOPT_HTTP_VERSION, version) ||
	       curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms) ||
	       curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)o->request_timeout_ms) ||
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L) ||
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L) ||
	       curl_easy_setopt(e, CURLOPT_USERAGENT, o->user_agent) ||
	       (o->proxy && curl_easy_setopt(e, CURLOPT_PROXY, o->proxy)) ||
	       (o->ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file)) ||
	       (o->cert_file && curl_easy_setopt(e, CURLOPT_SSLCERT, o->cert_file)) ||
	       (o->key_file && curl_easy_setopt(e, CURLOPT_SSLKEY, o->key_file));
}

int transfer_create(const struct transfer_options *options, struct transfer **ret_transfer)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		return WEIR_ERR_MEMORY;
	transfer->easy = curl_easy_init();
	if (!transfer->easy || set_options(transfer->easy, options) || set_callbacks(transfer)) {
		transfer_free(transfer);
		return WEIR_ERR_MEMORY;
	}
	*ret_transfer = transfer;
	return 0;
}

void transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return;
	curl_easy_cleanup(transfer->easy);
	buffer_done(&transfer->answer);
	buffer_done(&transfer->headers);
	buffer_done(&transfer->whole);
	free(transfer);
}

/* A small body in one piece, or NULL; the transfer's until its end. */
static const char *small_body(struct transfer *transfer, const struct job *job)
{
	struct buffer *whole = &transfer->whole;

	if (job->body_size == 0 || job->body_size > TRANSFER_SMALL)
		return NULL;
	if (body_count(job) == 1)
		return body_slice(job, 0).data;
	if (!buffer_reserve(whole, job->body_size))
		return NULL;
	read_body(whole->data, 1, job->body_size, transfer);
	return whole->data;
}

static int set_method(CURL *easy, const struct job *job, const char *small)
{
	int get = job->body_size == 0 && strcmp(job->method, "GET") == 0;
	int head = job->body_size == 0 && strcmp(job->method, "HEAD") == 0;

	if (head) /* the others put an end to it */
		return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) ||
		       curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (get)
		return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) ||
		       curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	return curl_easy_setopt(easy, CURLOPT_POST, 1L) ||
	       curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
				strcmp(job->method, "POST") == 0 ? NULL : job->method) ||
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDS, small) ||
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->body_size);
}

int transfer_begin(struct transfer *transfer, struct job *job, int is_fresh)
{
	const char *small;

	transfer->job = job;
	transfer->slice = 0;
	transfer->offset = 0;
	small = small_body(transfer, job);
	transfer->is_small = small != NULL;
	transfer->handed = 0;
	transfer->error[0] = '\0';
	transfer->started_ns = transfer->began_ns = clock_monotonic_ns();
	transfer->twin = NULL;
	transfer->copies = 1;
	transfer->has_landed = transfer->is_asked = 0;
	if (curl_easy_setopt(transfer->easy, CURLOPT_URL, job->url) ||
	    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, job->headers) ||
	    curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, (long)is_fresh) ||
	    set_method(transfer->easy, job, small))
		return WEIR_ERR_MEMORY;
	return 0;
}

static void empty(struct buffer *buffer)
{
	if (buffer->capacity > TRANSFER_KEEP)
		buffer_done(buffer);
	buffer_clear(buffer);
}

void transfer_end(struct transfer *transfer)
{
	transfer->job = NULL;
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
	empty(&transfer->answer);
	empty(&transfer->headers);
}

/* A small body is sent with its head, which libcurl counts (a CONNECT too: one that was refused has
 * nothing behind it). */
static void count_small(struct transfer *transfer, const struct verdict_facts *facts)
{
	long written = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &written);
	if (transfer->is_small && written > 0 && facts->proxy_status < 300)
		transfer->handed = transfer->job->body_size;
}

void transfer_facts(struct transfer *transfer, CURLcode code, struct verdict_facts *ret_facts)
{
	char *location = NULL;

	memset(ret_facts, 0, sizeof(*ret_facts));
	ret_facts->code = code;
	ret_facts->error = transfer->error;
	ret_facts->answer = (struct weir_slice){transfer->answer.data, transfer->answer.size};
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &ret_facts->status);
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &ret_facts->proxy_status);
	curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &location);
	ret_facts->location = location;
	count_small(transfer, ret_facts);
	ret_facts->sent = transfer->handed;
}

uint64_t transfer_retry_after(struct transfer *transfer)
{
	curl_off_t seconds = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds > 0 ? (uint64_t)seconds : 0;
}
