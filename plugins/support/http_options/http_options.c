// SPDX-License-Identifier: MIT
/* The options of a connection, declared and read once for all outputs that talk HTTP. */
#include "support/http_options/http_options.h"

#include <strings.h>

const struct weir_option http_options_basic[] = {
	HTTP_OPTION("user", WEIR_TYPE_STRING, NULL, "user name", .flags = WEIR_OPTION_REQUIRED),
	HTTP_OPTION("password", WEIR_TYPE_SECRET, NULL, "password", .flags = WEIR_OPTION_REQUIRED),
	WEIR_OPTION_END};

const struct weir_option http_options_tls[] = {
	HTTP_OPTION("ca", WEIR_TYPE_STRING, NULL, "file of CA certificates to trust (PEM)"),
	HTTP_OPTION("cert", WEIR_TYPE_STRING, NULL, "file of the client certificate (PEM)"),
	HTTP_OPTION("key", WEIR_TYPE_STRING, NULL, "file of the client certificate's key (PEM)"),
	HTTP_OPTION("verify", WEIR_TYPE_BOOL, "true", "verify the server's certificate and name"),
	WEIR_OPTION_END};

int32_t http_options_fail_at(const struct weir_node *node, const char *text,
			     struct weir_error *error)
{
	if (error) {
		error->line = node->line;
		error->column = node->column;
	}
	return weir_fail(error, WEIR_ERR_INVALID, "%s", text);
}

void http_options_read_client(const struct weir_node *options,
			      struct weir_http_client_options *ret_client)
{
	const struct weir_node *tls = weir_node_find(options, "tls");
	const char *version = weir_node_text(options, "http_version");

	ret_client->struct_size = sizeof(*ret_client);
	ret_client->request_timeout_ns = (uint64_t)weir_node_int(options, "timeout", 0);
	ret_client->connect_timeout_ns = (uint64_t)weir_node_int(options, "connect_timeout", 0);
	ret_client->insecure = weir_node_int(tls, "verify", 1) == 0;
	ret_client->ca_file = weir_node_text(tls, "ca");
	ret_client->cert_file = weir_node_text(tls, "cert");
	ret_client->key_file = weir_node_text(tls, "key");
	ret_client->proxy = weir_node_text(options, "proxy");
	ret_client->hedge = weir_node_int(options, "hedge", 0) != 0;
	ret_client->http_version = version && strcmp(version, "1.1") == 0;
}

static int is_url_text(struct weir_slice text)
{
	for (uint64_t i = 0; i < text.size; i++)
		if ((uint8_t)text.data[i] <= 0x20 || text.data[i] == 0x7f)
			return 0;
	return 1;
}

int32_t http_options_check_url(const struct weir_node *url, struct weir_error *error)
{
	if (strncasecmp(url->text.data, "http://", 7) != 0 &&
	    strncasecmp(url->text.data, "https://", 8) != 0)
		return http_options_fail_at(url, "url must begin with http:// or https://", error);
	if (!is_url_text(url->text))
		return http_options_fail_at(url, "url cannot hold spaces or line breaks", error);
	return WEIR_OK;
}
