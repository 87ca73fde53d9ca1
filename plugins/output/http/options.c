// SPDX-License-Identifier: MIT
/* Everything that a request always has is made here, once: its headers above all. */
#include "options.h"

#include <stdlib.h>
#include <strings.h>

/* Content-Type, Authorization, and room for none of the user's. */
#define OWN_HEADERS 2

#define OPTION(n, t, d, text, ...)                                                   \
	{                                                                            \
		.struct_size = sizeof(struct weir_option), .type = (t), .name = (n), \
		.default_text = (d), .doc = (text), __VA_ARGS__                      \
	}

static const struct weir_option auth_members[] = {
	OPTION("user", WEIR_TYPE_STRING, NULL, "user name", .flags = WEIR_OPTION_REQUIRED),
	OPTION("password", WEIR_TYPE_SECRET, NULL, "password", .flags = WEIR_OPTION_REQUIRED),
	WEIR_OPTION_END};

static const struct weir_option tls_members[] = {
	OPTION("ca", WEIR_TYPE_STRING, NULL, "file of CA certificates to trust (PEM)"),
	OPTION("cert", WEIR_TYPE_STRING, NULL, "file of the client certificate (PEM)"),
	OPTION("key", WEIR_TYPE_STRING, NULL, "file of the client certificate's key (PEM)"),
	OPTION("verify", WEIR_TYPE_BOOL, "true", "verify the server's certificate and name"),
	WEIR_OPTION_END};

const struct weir_option http_option_list[] = {
	OPTION("url", WEIR_TYPE_STRING, NULL, "where to send: http:// or https://",
	       .flags = WEIR_OPTION_REQUIRED),
	OPTION("method", WEIR_TYPE_STRING, "POST", "request method", .values = "POST|PUT"),
	OPTION("format", WEIR_TYPE_STRING, "ndjson",
	       "ndjson: an object a line; json_array: one array a request; lines: the original "
	       "lines",
	       .values = "ndjson|json_array|lines"),
	ENCODING_OPTION_FIELDS,
	ENCODING_OPTION_METADATA,
	OPTION("headers", WEIR_TYPE_MAP, NULL, "headers to add to every request; not shown",
	       .element = WEIR_TYPE_SECRET),
	OPTION("basic_auth", WEIR_TYPE_MAP, NULL, "user and password for basic authentication",
	       .members = auth_members),
	OPTION("bearer_token", WEIR_TYPE_SECRET, NULL, "token for bearer authentication"),
	OPTION("gzip", WEIR_TYPE_BOOL, "false", "compress request bodies"),
	OPTION("batch_records", WEIR_TYPE_INT, "10000", "records in a request, at most", .min = 1,
	       .max = 1000000),
	OPTION("batch_bytes", WEIR_TYPE_SIZE, "1MiB",
	       "bytes in a request before compression, at most", .min = 1, .max = 1 << 30),
	OPTION("concurrency", WEIR_TYPE_INT, "16",
	       "requests in flight, at most; fewer while the server is slow or throttles", .min = 1,
	       .max = 1024),
	OPTION("timeout", WEIR_TYPE_DURATION, "60s", "time limit of a request", .min = 1000000,
	       .max = INT64_C(3600000000000)),
	OPTION("connect_timeout", WEIR_TYPE_DURATION, "10s", "time limit of connecting",
	       .min = 1000000, .max = INT64_C(3600000000000)),
	OPTION("tls", WEIR_TYPE_MAP, NULL, "certificates", .members = tls_members),
	OPTION("proxy", WEIR_TYPE_STRING, NULL,
	       "proxy URL; none given: http_proxy, https_proxy and no_proxy of the environment"),
	OPTION("http_version", WEIR_TYPE_STRING, "auto",
	       "auto: HTTP/2 where TLS offers it; 1.1: nothing else", .values = "auto|1.1"),
	WEIR_OPTION_END};

static int32_t fail_at(const struct weir_node *node, const char *text, struct weir_error *error)
{
	if (error) {
		error->line = node->line;
		error->column = node->column;
	}
	return weir_fail(error, WEIR_ERR_INVALID, "%s", text);
}

/* ---- headers ---- */

static int32_t add_header(struct http_options *o, const char *name, const char *before,
			  struct weir_slice value, struct weir_error *error)
{
	size_t size = strlen(name) + 2 + strlen(before) + value.size;
	char *text = malloc(size + 1);

	if (!text)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for headers");
	snprintf(text, size + 1, "%s: %s%.*s", name, before, (int)value.size,
		 value.data ? value.data : "");
	o->headers[o->header_count++] = (struct weir_slice){text, size};
	return WEIR_OK;
}

static int is_printable(struct weir_slice text)
{
	for (uint64_t i = 0; i < text.size; i++)
		if ((uint8_t)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return 0;
	return 1;
}

static int32_t add_user_headers(struct http_options *o, const struct weir_node *headers,
				struct weir_error *error)
{
	for (uint32_t i = 0; headers && i < headers->count; i++) {
		const struct weir_node *value = headers->items[i];
		struct weir_slice name = headers->keys[i];
		char copy[256];
		int32_t code;

		if (name.size == 0 || name.size >= sizeof(copy) || !is_printable(name) ||
		    memchr(name.data, ':', name.size) || memchr(name.data, ' ', name.size))
			return fail_at(value, "not a header name", error);
		if (!is_printable(value->text))
			return fail_at(value, "a header cannot hold line breaks", error);
		memcpy(copy, name.data, name.size);
		copy[name.size] = '\0';
		code = add_header(o, copy, "", value->text, error);
		if (code)
			return code;
	}
	return WEIR_OK;
}

static int has_header(const struct http_options *o, const char *name)
{
	size_t size = strlen(name);

	for (uint32_t i = 0; i < o->header_count; i++)
		if (o->headers[i].size > size && o->headers[i].data[size] == ':' &&
		    strncasecmp(o->headers[i].data, name, size) == 0)
			return 1;
	return 0;
}

static const char *content_type(const struct http_options *o)
{
	return o->lines ? "text/plain" : o->array ? "application/json" : "application/x-ndjson";
}

static char *base64(const char *text, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = calloc(1, (size + 2) / 3 * 4 + 1), *end = out;

	for (size_t i = 0; out && i < size; i += 3) {
		uint32_t three = (uint32_t)(uint8_t)text[i] << 16;

		three |= i + 1 < size ? (uint32_t)(uint8_t)text[i + 1] << 8 : 0;
		three |= i + 2 < size ? (uint8_t)text[i + 2] : 0;
		*end++ = digits[three >> 18];
		*end++ = digits[three >> 12 & 63];
		*end++ = i + 1 < size ? digits[three >> 6 & 63] : '=';
		*end++ = i + 2 < size ? digits[three & 63] : '=';
	}
	return out;
}

static int32_t add_basic(struct http_options *o, const struct weir_node *auth,
			 struct weir_error *error)
{
	const char *user = weir_node_text(auth, "user"),
		   *password = weir_node_text(auth, "password");
	int32_t code = WEIR_ERR_MEMORY;
	char *plain = NULL, *encoded = NULL;
	int size;

	size = asprintf(&plain, "%s:%s", user ? user : "", password ? password : "");
	if (size >= 0)
		encoded = base64(plain, (size_t)size);
	if (encoded)
		code = add_header(o, "Authorization", "Basic ", weir_slice_of(encoded), error);
	else
		weir_fail(error, code, "no memory for headers");
	if (size >= 0)
		free(plain);
	free(encoded);
	return code;
}

static int32_t make_headers(struct http_options *o, const struct weir_node *options,
			    struct weir_error *error)
{
	const struct weir_node *headers = weir_node_find(options, "headers");
	const struct weir_node *basic = weir_node_find(options, "basic_auth");
	const struct weir_node *token = weir_node_find(options, "bearer_token");
	int32_t code;

	if (basic && token)
		return fail_at(token, "basic_auth and bearer_token exclude each other", error);
	if (token && !is_printable(token->text))
		return fail_at(token, "a token cannot hold line breaks", error);
	o->headers = calloc((headers ? headers->count : 0) + OWN_HEADERS, sizeof(*o->headers));
	if (!o->headers)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for headers");
	code = add_user_headers(o, headers, error);
	if (!code && !has_header(o, "Content-Type"))
		code = add_header(o, "Content-Type", "", weir_slice_of(content_type(o)), error);
	if (!code && token)
		code = add_header(o, "Authorization", "Bearer ", token->text, error);
	if (!code && basic)
		code = add_basic(o, basic, error);
	return code;
}

/* ---- the rest ---- */

static void read_client(const struct weir_node *options, struct weir_http_client_options *client)
{
	const struct weir_node *tls = weir_node_find(options, "tls");
	const char *version = weir_node_text(options, "http_version");

	client->struct_size = sizeof(*client);
	client->request_timeout_ns = (uint64_t)weir_node_int(options, "timeout", 0);
	client->connect_timeout_ns = (uint64_t)weir_node_int(options, "connect_timeout", 0);
	client->insecure = weir_node_int(tls, "verify", 1) == 0;
	client->ca_file = weir_node_text(tls, "ca");
	client->cert_file = weir_node_text(tls, "cert");
	client->key_file = weir_node_text(tls, "key");
	client->proxy = weir_node_text(options, "proxy");
	client->http_version = version && strcmp(version, "1.1") == 0;
}

static int32_t read_url(const struct weir_node *options, struct http_options *o,
			struct weir_error *error)
{
	const struct weir_node *url = weir_node_find(options, "url");

	if (!url)
		return weir_fail(error, WEIR_ERR_INVALID, "url is missing");
	o->url = url->text;
	if (strncasecmp(url->text.data, "http://", 7) != 0 &&
	    strncasecmp(url->text.data, "https://", 8) != 0)
		return fail_at(url, "url must begin with http:// or https://", error);
	if (!is_printable(url->text) || memchr(url->text.data, ' ', url->text.size))
		return fail_at(url, "url cannot hold spaces or line breaks", error);
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
	o->gzip = weir_node_int(options, "gzip", 0) != 0;
	o->batch_records = (uint32_t)weir_node_int(options, "batch_records", 10000);
	o->batch_bytes = (uint64_t)weir_node_int(options, "batch_bytes", 1 << 20);
	o->concurrency = (uint32_t)weir_node_int(options, "concurrency", 16);
	read_client(options, &o->client);
	code = read_url(options, o, error);
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
	for (uint32_t i = 0; i < options->header_count; i++)
		free((char *)(uintptr_t)options->headers[i].data);
	free(options->headers);
	options->headers = NULL;
	options->header_count = 0;
	encoding_options_done(&options->encoding);
}
