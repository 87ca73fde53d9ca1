// SPDX-License-Identifier: MIT
/*
 * The one request that credentials have under way: to STS, a container's endpoint or the instance.
 *
 * Two clients: metadata answers at once or not at all, and never through a proxy. Requests are not
 * retried here; who asks decides.
 */
#ifndef AWS_EXCHANGE_H
#define AWS_EXCHANGE_H

#include "support/aws/text.h"

#define EXCHANGE_HEADERS_MAX 8
#define EXCHANGE_REMOTE 0
#define EXCHANGE_NEARBY 1

struct exchange {
	const struct weir_services *host;
	struct weir_http_client *clients[2]; /* EXCHANGE_* */
	struct weir_http_request request;
	struct text url, body, header_text;
	size_t header_at[EXCHANGE_HEADERS_MAX];
	struct weir_slice headers[EXCHANGE_HEADERS_MAX], body_slice;
	uint32_t header_count;
	int under_way;
};

int32_t exchange_create(struct exchange *exchange, const struct weir_services *host,
			struct weir_context *context, struct weir_error *error);
/* Gives up what is under way. */
void exchange_stop(struct exchange *exchange);
void exchange_destroy(struct exchange *exchange);

/* A new request: afterwards url and body are added to, and headers with exchange_header(). */
void exchange_begin(struct exchange *exchange, const char *method);
void exchange_header(struct exchange *exchange, const char *name, struct weir_slice value);
/* Headers as they are now, to be signed. */
const struct weir_slice *exchange_headers(struct exchange *exchange);
int32_t exchange_send(struct exchange *exchange, uint32_t where);

#endif
