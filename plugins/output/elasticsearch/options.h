// SPDX-License-Identifier: MIT
/* The options of the elasticsearch output, and what they come to. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <weir/plugin.h>

#include "action.h"
#include "signature.h"
#include "support/encoding_options/encoding_options.h"
#include "support/http_options/http_options.h"

struct options {
	const struct weir_node *nodes; /* all of them */
	const struct weir_node *urls;
	const struct weir_node *aws; /* NULL = not signed */
	char *path;                  /* of _bulk, with its query; owned */
	struct action_style action;
	uint32_t gzip, batch_records, concurrency;
	uint64_t batch_bytes, ttl_ns;
	struct encoding_options encoding;
	struct http_headers headers;
	struct weir_http_client_options client;
};

extern const struct weir_option elasticsearch_options[];

/* ret_options must stay where it is. Borrows from the nodes. */
int32_t options_read(const struct weir_services *host, const struct weir_node *nodes,
		     struct options *ret_options, struct weir_error *error);
/* Says which fields they read. */
void options_fields(const struct options *options, struct weir_fields *fields);
void options_done(struct options *options);

#endif
