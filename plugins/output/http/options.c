// SPDX-License-Identifier: MIT
/* Everything that a request always has is made here, once: its headers above all. */
#include "options.h"

const struct weir_option http_option_list[] = {
	HTTP_OPTION("url", WEIR_TYPE_STRING, NULL, "where to send: http:// or https://",
		    .flags = WEIR_OPTION_REQUIRED),
	HTTP_OPTION("method", WEIR_TYPE_STRING, "POST", "request method", .values = "POST|PUT"),
	HTTP_OPTION("format", WEIR_TYPE_STRING, "ndjson",
		    "ndjson: an object a line; json_array: one array a request; lines: the "
		    "original lines",
		    .values = "ndjson|json_array|lines"),
	ENCODING_OPTION_FIELDS,
	ENCODING_OPTION_METADATA,
	HTTP_OPTION_HEADERS,
	HTTP_OPTION("basic_auth", WEIR_TYPE_MAP, NULL, "user and password for basic authentication",
		    .members = http_options_basic),
	HTTP_OPTION("bearer_token", WEIR_TYPE_SECRET, NULL, "token for bearer authentication"),
	HTTP_OPTION("gzip", WEIR_TYPE_BOOL, "false", "the same as `compression: gzip`"),
	HTTP_OPTION("compression", WEIR_TYPE_STRING, NULL,
		    "compress request bodies; zstd, where the server takes it, needs a third less "
		    "CPU than gzip",
		    .values = "gzip|zstd"),
	HTTP_OPTION("batch_records", WEIR_TYPE_INT, "10000", "records in a request, at most",
		    .min = 1, .max = 1000000),
	HTTP_OPTION("batch_bytes", WEIR_TYPE_SIZE, "1MiB",
		    "bytes in a request before compression, at most", .min = 1, .max = 1 << 30),
	HTTP_OPTION("concurrency", WEIR_TYPE_INT, "16",
		    "requests in flight, at most; fewer while the server is slow or throttles",
		    .min = 1, .max = 1024),
	HTTP_OPTION_RECORD_TTL,
	HTTP_OPTION_TIMEOUT,
	HTTP_OPTION_CONNECT_TIMEOUT,
	HTTP_OPTION_TLS,
	HTTP_OPTION_PROXY,
	HTTP_OPTION_VERSION,
	HTTP_OPTION_HEDGE,
	WEIR_OPTION_END};

static const char *content_type(const struct http_options *o)
{
	return o->lines ? "text/plain" : o->array ? "application/json" : "application/x-ndjson";
}

static int32_t make_headers(struct http_options *o, const struct weir_node *options,
			    struct weir_error *error)
{
	const struct weir_node *basic = weir_node_find(options, "basic_auth");
	const struct weir_node *token = weir_node_find(options, "bearer_token");
	int32_t code;

	if (basic && token)
		return http_options_fail_at(token, "basic_auth and bearer_token exclude each other",
					    error);
	code = http_headers_add_map(&o->headers, weir_node_find(options, "headers"), error);
	if (!code && !http_headers_have(&o->headers, "Content-Type"))
		code = http_headers_add(&o->headers, "Content-Type", "",
					weir_slice_of(content_type(o)), error);
	if (!code && token)
		code = http_headers_add_token(&o->headers, "Bearer ", token, error);
	if (!code && basic)
		code = http_headers_add_basic(&o->headers, basic, error);
	return code;
}

static int32_t read_url(const struct weir_node *options, struct http_options *o,
			struct weir_error *error)
{
	const struct weir_node *url = weir_node_find(options, "url");

	if (!url)
		return weir_fail(error, WEIR_ERR_INVALID, "url is missing");
	o->url = url->text;
	return http_options_check_url(url, error);
}

static int32_t read_compression(const struct weir_node *options, struct http_options *o,
				struct weir_error *error)
{
	const struct weir_node *compression = weir_node_find(options, "compression");

	o->compression = weir_node_int(options, "gzip", 0) ? WEIR_HTTP_GZIP : 0;
	if (!compression)
		return WEIR_OK;
	if (o->compression)
		return http_options_fail_at(compression, "gzip and compression exclude each other",
					    error);
	o->compression =
		weir_slice_equals(compression->text, "zstd") ? WEIR_HTTP_ZSTD : WEIR_HTTP_GZIP;
	return WEIR_OK;
}

int32_t http_options_read(const struct weir_node *options, struct http_options *ret_options,
			  struct weir_error *error)
{
	struct http_options *o = ret_options;
	const char *format = weir_node_text(options, "format");
	const char *method = weir_node_text(options, "method");
	int32_t code;

	memset(o, 0, sizeof(*o));
	o->lines = format && strcmp(format, "lines") == 0;
	o->array = format && strcmp(format, "json_array") == 0;
	o->method = weir_slice_of(method ? method : "POST");
	o->batch_records = (uint32_t)weir_node_int(options, "batch_records", 10000);
	o->batch_bytes = (uint64_t)weir_node_int(options, "batch_bytes", 1 << 20);
	o->ttl_ns = (uint64_t)weir_node_int(options, "record_ttl", 0);
	o->concurrency = (uint32_t)weir_node_int(options, "concurrency", 16);
	http_options_read_client(options, &o->client);
	code = read_url(options, o, error);
	if (!code)
		code = read_compression(options, o, error);
	if (!code)
		code = encoding_options_read(options, &o->encoding, error);
	if (!code)
		code = make_headers(o, options, error);
	if (code)
		http_options_done(o);
	return code;
}

void http_options_done(struct http_options *options)
{
	http_headers_done(&options->headers);
	encoding_options_done(&options->encoding);
}
