// SPDX-License-Identifier: MIT
/* GET over a plain socket, for commands that ask a running agent. */
#ifndef CLI_LOCAL_HTTP_H
#define CLI_LOCAL_HTTP_H

#include <stdint.h>
#include <weir/abi.h>

#include "base/buffer.h"

/* The answer's body, if the answer is a whole 200 of at most `max` bytes. `token` is what the admin address
 * wants; NULL = nothing. WEIR_ERR_NOT_FOUND: nobody listens there. */
int local_http_get(const char *host, uint16_t port, const char *token, const char *path, size_t max,
		   struct buffer *ret_body, struct weir_error *error);

/* Begins an answer that has no end of its own: lines, which local_http_line() gives out one by one. */
struct local_http_lines {
	int fd;
	struct buffer buffer;
	size_t at; /* of the first line that has not been given out */
};
int local_http_open(const char *host, uint16_t port, const char *token, const char *path,
		    struct local_http_lines *ret_lines, struct weir_error *error);
/* 1 and the line without its end, which lives until the next call; 0 at the end; WEIR_ERR_STATE when a
 * signal came first. */
int local_http_line(struct local_http_lines *lines, struct weir_slice *ret_line,
		    struct weir_error *error);
void local_http_close(struct local_http_lines *lines);

#endif
