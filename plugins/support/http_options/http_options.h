// SPDX-License-Identifier: MIT
/*
 * What outputs that talk HTTP have in common: options of the connection, headers, URLs, and which
 * statuses speak of the endpoint rather than of the records.
 *
 * An output lists the options that it offers among its own:
 *
 *     HTTP_OPTION_TIMEOUT, HTTP_OPTION_CONNECT_TIMEOUT, HTTP_OPTION_TLS, HTTP_OPTION_PROXY,
 *     HTTP_OPTION_VERSION, HTTP_OPTION_HEDGE, HTTP_OPTION_RECORD_TTL
 */
#ifndef HTTP_OPTIONS_SUPPORT_H
#define HTTP_OPTIONS_SUPPORT_H

#include <weir/plugin.h>

#define HTTP_OPTION(n, t, d, text, ...)                                              \
	{                                                                            \
		.struct_size = sizeof(struct weir_option), .type = (t), .name = (n), \
		.default_text = (d), .doc = (text), __VA_ARGS__                      \
	}
#define HTTP_OPTION_HOUR INT64_C(3600000000000)
#define HTTP_OPTION_TIMEOUT                                                          \
	HTTP_OPTION("timeout", WEIR_TYPE_DURATION, "60s", "time limit of a request", \
		    .min = 1000000, .max = HTTP_OPTION_HOUR)
#define HTTP_OPTION_CONNECT_TIMEOUT                                                           \
	HTTP_OPTION("connect_timeout", WEIR_TYPE_DURATION, "10s", "time limit of connecting", \
		    .min = 1000000, .max = HTTP_OPTION_HOUR)
#define HTTP_OPTION_TLS \
	HTTP_OPTION("tls", WEIR_TYPE_MAP, NULL, "certificates", .members = http_options_tls)
#define HTTP_OPTION_PROXY                                                                 \
	HTTP_OPTION("proxy", WEIR_TYPE_STRING, NULL,                                      \
		    "proxy URL; none given: http_proxy, https_proxy and no_proxy of the " \
		    "environment")
#define HTTP_OPTION_VERSION                                   \
	HTTP_OPTION("http_version", WEIR_TYPE_STRING, "auto", \
		    "auto: HTTP/2 where TLS offers it; 1.1: nothing else", .values = "auto|1.1")
#define HTTP_OPTION_HEDGE                                                                       \
	HTTP_OPTION("hedge", WEIR_TYPE_BOOL, "false",                                           \
		    "send a request that is later than 99 percent once more, by another "       \
		    "connection; the first answer counts. Both may land: such records are "     \
		    "counted as repeated. At most one request of fifty; concurrency must be 2 " \
		    "or more, and ordering not strict")
#define HTTP_OPTION_RECORD_TTL                                                                    \
	HTTP_OPTION("record_ttl", WEIR_TYPE_DURATION, NULL,                                       \
		    "a record that can't be delivered for so long goes to the dead letter; none " \
		    "given: it is tried for ever",                                                \
		    .min = 1000000, .max = 720 * HTTP_OPTION_HOUR)
#define HTTP_OPTION_HEADERS                                                                       \
	HTTP_OPTION("headers", WEIR_TYPE_MAP, NULL, "headers to add to every request; not shown", \
		    .element = WEIR_TYPE_SECRET)

extern const struct weir_option http_options_tls[];
extern const struct weir_option http_options_basic[]; /* user and password */

/* Reads what is there of the options above, but for headers. Borrows from the nodes. */
void http_options_read_client(const struct weir_node *options,
			      struct weir_http_client_options *ret_client);
/* http:// or https://, without spaces and control characters. */
int32_t http_options_check_url(const struct weir_node *url, struct weir_error *error);
/* For `weir check`: an error whose text says that nobody answers at the URL's host and port. Blocks
 * for a few seconds at most. Where there is a proxy nothing is asked. */
int32_t http_options_answers(const char *url, const struct weir_http_client_options *client,
			     struct weir_error *ret_warning);
/* For probe(): what an answer says of the endpoint and the credentials; WEIR_OK when nothing is wrong. To
 * a HEAD most refusals are warnings only. Shows of the URL its scheme, host and port. */
int32_t http_probe_judge(const struct weir_http_request *request,
			 const struct weir_http_response *response, struct weir_error *ret_finding);
/* An error at the place where the node is written. */
int32_t http_options_fail_at(const struct weir_node *node, const char *text,
			     struct weir_error *error);

/* "Name: value" each, owned. Zeroed memory is an empty list. */
struct http_headers {
	struct weir_slice *items;
	uint32_t count;
};

/* The value is the two texts, one after the other. */
int32_t http_headers_add(struct http_headers *headers, const char *name, const char *before,
			 struct weir_slice value, struct weir_error *error);
/* The user's own, from a map of texts; NULL will do. */
int32_t http_headers_add_map(struct http_headers *headers, const struct weir_node *map,
			     struct weir_error *error);
int32_t http_headers_add_basic(struct http_headers *headers, const struct weir_node *basic,
			       struct weir_error *error);
/* `scheme` and a token that must be one line. */
int32_t http_headers_add_token(struct http_headers *headers, const char *scheme,
			       const struct weir_node *token, struct weir_error *error);
int http_headers_have(const struct http_headers *headers, const char *name);
/* Wipes them: there are secrets among them. */
void http_headers_done(struct http_headers *headers);

/* What was in the request may have landed more often than once, or will, since it is sent again. */
static inline int http_may_repeat(const struct weir_http_response *response)
{
	return response->may_have_landed || response->copies > 1;
}

/* Statuses that no other choice of records would change, redirects among them. */
int http_status_is_about_the_endpoint(uint32_t status);

#endif
