// SPDX-License-Identifier: MIT
/* One GET over a plain socket, for commands that ask a running agent. */
#ifndef CLI_LOCAL_HTTP_H
#define CLI_LOCAL_HTTP_H

#include <stdint.h>
#include <weir/abi.h>

#include "base/buffer.h"

/* The answer's body, if the answer is a whole 200 of at most `max` bytes. WEIR_ERR_NOT_FOUND: nobody
 * listens there. */
int local_http_get(const char *host, uint16_t port, const char *path, size_t max,
		   struct buffer *ret_body, struct weir_error *error);
/* The same with the token that the admin address wants; NULL = none. */
int local_http_get_as(const char *host, uint16_t port, const char *token, const char *path,
		      size_t max, struct buffer *ret_body, struct weir_error *error);

#endif
