// SPDX-License-Identifier: MIT
/* The options of the http output, and what they come to. */
#ifndef HTTP_OPTIONS_H
#define HTTP_OPTIONS_H

#include <weir/plugin.h>

#include "support/encoding_options/encoding_options.h"
#include "support/http_options/http_options.h"

struct http_options {
	struct weir_slice url, method;
	struct http_headers headers;
	uint32_t compression; /* WEIR_HTTP_GZIP, WEIR_HTTP_ZSTD or 0 */
	uint32_t lines;       /* the raw lines, not an encoding */
	uint32_t array;       /* one JSON array a request */
	uint32_t batch_records, concurrency;
	uint64_t batch_bytes, ttl_ns;
	struct encoding_options encoding;
	struct weir_http_client_options client;
};

extern const struct weir_option http_option_list[];

/* ret_options must stay where it is. Borrows from the nodes. */
int32_t http_options_read(const struct weir_node *options, struct http_options *ret_options,
			  struct weir_error *error);
void http_options_done(struct http_options *options);

#endif
