// SPDX-License-Identifier: MIT
/* HTTP/1.0: so the answer has no chunks and ends with the connection. */
#include "cli/local_http.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <weir/plugin.h>

#define TIMEOUT_S 10
#define HEAD_MAX 16384
#define PIECE 65536
/* Of what somebody says who refuses, with its NUL. */
#define REFUSAL_MAX 200
#define LINE_MAX_BYTES (64u << 20)

static int connect_to(const char *host, uint16_t port, int *ret_fd, struct weir_error *error)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	const struct timeval limit = {TIMEOUT_S, 0};
	struct addrinfo *address;
	char service[8];
	int fd, code;

	snprintf(service, sizeof(service), "%u", port);
	code = getaddrinfo(host, service, &hints, &address);
	if (code)
		return weir_fail(error, WEIR_ERR_INVALID, "%s is no address: %s", host,
				 gai_strerror(code));
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	}
	code = fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
	freeaddrinfo(address);
	if (code) {
		if (fd >= 0)
			close(fd);
		return weir_fail(error, code == ECONNREFUSED ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO,
				 "cannot connect to %s:%u: %s", host, port, strerror(code));
	}
	*ret_fd = fd;
	return 0;
}

static int request(const char *host, uint16_t port, const char *token, const char *path,
		   int *ret_fd, struct weir_error *error)
{
	int code = connect_to(host, port, ret_fd, error);

	if (code)
		return code;
	if (dprintf(*ret_fd, "GET %s HTTP/1.0\r\nHost: localhost\r\n%s%s%s\r\n", path,
		    token ? "Authorization: Bearer " : "", token ? token : "",
		    token ? "\r\n" : "") < 0)
		code = weir_fail(error, WEIR_ERR_IO, "cannot ask: %s", strerror(errno));
	if (code)
		close(*ret_fd);
	return code;
}

static int read_all(int fd, size_t max, struct buffer *out, struct weir_error *error)
{
	ssize_t got = 1;

	while (got > 0) {
		if (out->size > max + HEAD_MAX)
			return weir_fail(error, WEIR_ERR_REFUSED, "the answer is too long");
		if (!buffer_reserve(out, PIECE))
			return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the answer");
		got = read(fd, out->data + out->size, PIECE);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			out->size += (size_t)got;
	}
	return got < 0 ? weir_fail(error, WEIR_ERR_IO, "no answer: %s", strerror(errno)) : 0;
}

/* Of "HTTP/1.1 200 OK"; 0 when it is no such line. A CRLF ends it somewhere. */
static long status_of(const char *line)
{
	return strncmp(line, "HTTP/1.", 7) == 0 && line[7] && line[8] == ' '
		       ? strtol(line + 9, NULL, 10)
		       : 0;
}

/* With the first line of what it says, in characters that a terminal can take. */
static int refused(long status, struct weir_slice body, struct weir_error *error)
{
	char line[REFUSAL_MAX];
	size_t size = 0;

	if (status == 401)
		return weir_fail(
			error, WEIR_ERR_INVALID,
			"it asks for another admin_token; name the agent's own weir.yaml by "
			"-c");
	while (size < body.size && size < sizeof(line) - 1 && body.data[size] >= ' ' &&
	       body.data[size] <= '~') {
		line[size] = body.data[size];
		size++;
	}
	line[size] = '\0';
	if (size == 0)
		return weir_fail(error, WEIR_ERR_INVALID, "it answers %ld, which Weir would not",
				 status);
	return weir_fail(error, WEIR_ERR_INVALID, "%s", line);
}

/* Leaves the body in the buffer. */
static int take_body(struct buffer *answer, struct weir_error *error)
{
	const char *end = answer->size ? memmem(answer->data, answer->size, "\r\n\r\n", 4) : NULL;
	const char *length;
	size_t head;
	long status = 0;

	if (!end || (status = status_of(answer->data)) == 0)
		return weir_fail(error, WEIR_ERR_INVALID, "what answers there is not Weir");
	head = (size_t)(end - answer->data) + 4;
	answer->data[head - 1] = '\0';
	length = strcasestr(answer->data, "\r\nContent-Length:");
	if (status != 200)
		return refused(status,
			       (struct weir_slice){answer->data + head, answer->size - head},
			       error);
	if (length && strtoull(length + 17, NULL, 10) != answer->size - head)
		return weir_fail(error, WEIR_ERR_IO, "the answer was cut off");
	answer->size -= head;
	memmove(answer->data, answer->data + head, answer->size);
	return 0;
}

int local_http_get(const char *host, uint16_t port, const char *token, const char *path, size_t max,
		   struct buffer *ret_body, struct weir_error *error)
{
	struct buffer answer = {0};
	int fd, code;

	code = request(host, port, token, path, &fd, error);
	if (code)
		return code;
	code = read_all(fd, max, &answer, error);
	if (!code)
		code = take_body(&answer, error);
	close(fd);
	if (code)
		buffer_done(&answer);
	else
		*ret_body = answer;
	return code;
}

/* ---- answers without end ---- */

/* More of the answer: 1, 0 at its end, or an error. */
static int read_more(struct local_http_lines *lines, struct weir_error *error)
{
	struct buffer *buffer = &lines->buffer;
	ssize_t got;

	if (lines->at) {
		memmove(buffer->data, buffer->data + lines->at, buffer->size - lines->at);
		buffer->size -= lines->at;
		lines->at = 0;
	}
	if (buffer->size > LINE_MAX_BYTES || !buffer_reserve(buffer, PIECE))
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the answer");
	got = read(lines->fd, buffer->data + buffer->size, PIECE);
	if (got < 0 && errno == EINTR)
		return weir_fail(error, WEIR_ERR_STATE, "interrupted");
	if (got < 0)
		return weir_fail(error, WEIR_ERR_IO, "no answer: %s", strerror(errno));
	buffer->size += (size_t)got;
	return got > 0;
}

/* Past the head, or why not: the sentence that the agent gave. */
static int take_head(struct local_http_lines *lines, struct weir_error *error)
{
	struct buffer *buffer = &lines->buffer;
	const char *end;
	long status;
	int more = 1;

	while (more > 0 &&
	       !(end = buffer->size ? memmem(buffer->data, buffer->size, "\r\n\r\n", 4) : NULL))
		more = read_more(lines, error);
	if (more < 0)
		return more;
	status = more ? status_of(buffer->data) : 0;
	if (status == 0)
		return weir_fail(error, WEIR_ERR_INVALID, "what answers there is not Weir");
	lines->at = (size_t)(end - buffer->data) + 4;
	if (status == 200)
		return 0;
	while (buffer->size - lines->at < REFUSAL_MAX && read_more(lines, error) > 0)
		;
	return refused(status,
		       (struct weir_slice){buffer->data + lines->at, buffer->size - lines->at},
		       error);
}

int local_http_open(const char *host, uint16_t port, const char *token, const char *path,
		    struct local_http_lines *ret_lines, struct weir_error *error)
{
	int fd, code;

	*ret_lines = (struct local_http_lines){.fd = -1};
	code = request(host, port, token, path, &fd, error);
	if (code)
		return code;
	ret_lines->fd = fd;
	code = take_head(ret_lines, error);
	if (code)
		local_http_close(ret_lines);
	return code;
}

int local_http_line(struct local_http_lines *lines, struct weir_slice *ret_line,
		    struct weir_error *error)
{
	for (;;) {
		const char *data = lines->buffer.data + lines->at;
		size_t size = lines->buffer.size - lines->at;
		const char *newline = size ? memchr(data, '\n', size) : NULL;
		int more;

		if (newline) {
			*ret_line = (struct weir_slice){data, (uint64_t)(newline - data)};
			lines->at += ret_line->size + 1;
			return 1;
		}
		more = read_more(lines, error);
		if (more <= 0)
			return more;
	}
}

void local_http_close(struct local_http_lines *lines)
{
	if (lines->fd >= 0)
		close(lines->fd);
	lines->fd = -1;
	buffer_done(&lines->buffer);
}
