// SPDX-License-Identifier: MIT
#include "support/aws/exchange.h"

/* Source: the SDKs' default for instance metadata, 1 s a try. */
#define NEARBY_TIMEOUT_NS UINT64_C(1000000000)
#define REMOTE_TIMEOUT_NS UINT64_C(15000000000)
#define BACKOFF_MAX_NS UINT64_C(1000000000)

int32_t exchange_create(struct exchange *exchange, const struct weir_services *host,
			struct weir_context *context, struct weir_error *error)
{
	struct weir_http_client_options options = {.struct_size = sizeof(options),
						   .concurrency_max = 1,
						   .connect_timeout_ns = REMOTE_TIMEOUT_NS,
						   .request_timeout_ns = REMOTE_TIMEOUT_NS,
						   .backoff_max_ns = BACKOFF_MAX_NS};
	int32_t code;

	memset(exchange, 0, sizeof(*exchange));
	exchange->host = host;
	code = host->http_client(context, &options, &exchange->clients[EXCHANGE_REMOTE], error);
	if (code)
		return code;
	options.connect_timeout_ns = NEARBY_TIMEOUT_NS;
	options.request_timeout_ns = NEARBY_TIMEOUT_NS;
	options.proxy = "";
	return host->http_client(context, &options, &exchange->clients[EXCHANGE_NEARBY], error);
}

void exchange_stop(struct exchange *exchange)
{
	for (int i = 0; i < 2; i++) {
		if (exchange->clients[i])
			exchange->host->http_client_free(exchange->clients[i]);
		exchange->clients[i] = NULL;
	}
	exchange->under_way = 0;
}

void exchange_destroy(struct exchange *exchange)
{
	exchange_stop(exchange);
	text_done(&exchange->url);
	text_done(&exchange->body);
	text_done(&exchange->header_text);
}

void exchange_begin(struct exchange *exchange, const char *method)
{
	exchange->url.size = exchange->body.size = exchange->header_text.size = 0;
	exchange->header_count = 0;
	memset(&exchange->request, 0, sizeof(exchange->request));
	exchange->request.struct_size = sizeof(exchange->request);
	exchange->request.method = weir_slice_of(method);
	text_add(&exchange->body, "", 0);
}

void exchange_header(struct exchange *exchange, const char *name, struct weir_slice value)
{
	if (exchange->header_count == EXCHANGE_HEADERS_MAX) {
		exchange->header_text.failed = 1;
		return;
	}
	exchange->header_at[exchange->header_count++] = exchange->header_text.size;
	text_add_string(&exchange->header_text, name);
	text_add(&exchange->header_text, ": ", 2);
	text_add_slice(&exchange->header_text, value);
	text_add(&exchange->header_text, "", 1);
}

const struct weir_slice *exchange_headers(struct exchange *exchange)
{
	for (uint32_t i = 0; i < exchange->header_count && !exchange->header_text.failed; i++)
		exchange->headers[i] =
			weir_slice_of(exchange->header_text.data + exchange->header_at[i]);
	return exchange->headers;
}

int32_t exchange_send(struct exchange *exchange, uint32_t where)
{
	struct weir_http_request *request = &exchange->request;
	int32_t code;

	if (exchange->url.failed || exchange->body.failed || exchange->header_text.failed)
		return WEIR_ERR_MEMORY;
	exchange->body_slice = text_slice(&exchange->body);
	request->url = text_slice(&exchange->url);
	request->headers = exchange_headers(exchange);
	request->header_count = exchange->header_count;
	request->body = &exchange->body_slice;
	request->body_count = exchange->body.size ? 1 : 0;
	request->body_size = exchange->body.size;
	exchange->under_way = 1;
	code = exchange->host->http_send(exchange->clients[where], request);
	if (code)
		exchange->under_way = 0;
	return code;
}
