// SPDX-License-Identifier: MIT
#include "options.h"

#include <stdlib.h>

/* What of the answer is wanted: a quarter of what it would be. */
#define FILTER_PATH "filter_path=errors%2Citems.%2A._id%2Citems.%2A.status%2Citems.%2A.error"

static const struct weir_option auth_members[] = {
	HTTP_OPTION("basic", WEIR_TYPE_MAP, NULL, "user and password",
		    .members = http_options_basic),
	HTTP_OPTION("api_key", WEIR_TYPE_SECRET, NULL,
		    "an API key as Elasticsearch gives it (encoded)"),
	HTTP_OPTION("aws", WEIR_TYPE_MAP, NULL, "sign for Amazon OpenSearch Service",
		    .members = signature_options),
	WEIR_OPTION_END};

const struct weir_option elasticsearch_options[] = {
	HTTP_OPTION("urls", WEIR_TYPE_LIST, NULL,
		    "the nodes, as http:// or https:// URLs: used in turn, without those that fail",
		    .element = WEIR_TYPE_STRING, .flags = WEIR_OPTION_REQUIRED),
	HTTP_OPTION("index", WEIR_TYPE_STRING, NULL,
		    "name of the index or data stream; %Y, %m, %d and %H are parts of the record's "
		    "@timestamp (UTC), {expression} a value of the record",
		    .flags = WEIR_OPTION_REQUIRED),
	HTTP_OPTION("data_stream", WEIR_TYPE_BOOL, "false",
		    "index names a data stream: it needs @timestamp and no date"),
	HTTP_OPTION("pipeline", WEIR_TYPE_STRING, NULL, "ingest pipeline"),
	HTTP_OPTION("routing", WEIR_TYPE_EXPR, NULL, "routing value of the record"),
	HTTP_OPTION(
		"id", WEIR_TYPE_EXPR, "record",
		"_id of the record. record: made of its source and position, so that sending it "
		"twice does not store it twice; none: the server makes one; or an expression, of "
		"which the first record with a value wins"),
	ENCODING_OPTION_FIELDS,
	ENCODING_OPTION_METADATA,
	HTTP_OPTION("auth", WEIR_TYPE_MAP, NULL, "how to sign in: basic, api_key or aws",
		    .members = auth_members),
	HTTP_OPTION_HEADERS,
	HTTP_OPTION("gzip", WEIR_TYPE_BOOL, "false", "compress request bodies"),
	HTTP_OPTION("batch_records", WEIR_TYPE_INT, "5000", "records in a request, at most",
		    .min = 1, .max = 1000000),
	HTTP_OPTION("batch_bytes", WEIR_TYPE_SIZE, "5MiB",
		    "bytes in a request before compression, at most; a larger record travels alone",
		    .min = 1, .max = 1 << 30),
	HTTP_OPTION("concurrency", WEIR_TYPE_INT, "8",
		    "requests in flight, at most; fewer while the cluster is slow or throttles",
		    .min = 1, .max = 1024),
	HTTP_OPTION_RECORD_TTL,
	HTTP_OPTION_TIMEOUT,
	HTTP_OPTION_CONNECT_TIMEOUT,
	HTTP_OPTION_TLS,
	HTTP_OPTION_PROXY,
	HTTP_OPTION_VERSION,
	HTTP_OPTION_HEDGE,
	WEIR_OPTION_END};

/* ---- where to ---- */

static int32_t check_urls(const struct weir_node *urls, struct weir_error *error)
{
	if (urls->count == 0)
		return http_options_fail_at(urls, "urls: at least one is needed", error);
	for (uint32_t i = 0; i < urls->count; i++) {
		const struct weir_node *url = urls->items[i];
		int32_t code = http_options_check_url(url, error);

		if (code)
			return code;
		if (strpbrk(url->text.data, "?#"))
			return http_options_fail_at(
				url, "urls: a URL ends with its path, without ? or #", error);
		if (strchr(url->text.data, '@'))
			return http_options_fail_at(
				url, "urls: put the user and password under auth: {basic: ...}",
				error);
	}
	return WEIR_OK;
}

/* A name in a URL: letters, digits and -._~ stay. 0 when there is no room. */
static size_t encode_name(struct weir_slice name, char *to, size_t room)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t size = 0;

	for (uint64_t i = 0; i < name.size; i++) {
		uint8_t letter = (uint8_t)name.data[i];

		if (size + 4 > room)
			return 0;
		if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
		    (letter >= '0' && letter <= '9') || (letter && strchr("-._~", letter))) {
			to[size++] = (char)letter;
		} else {
			to[size++] = '%';
			to[size++] = hex[letter >> 4];
			to[size++] = hex[letter & 15];
		}
	}
	to[size] = '\0';
	return size;
}

static int32_t make_path(const struct weir_node *nodes, struct options *o, struct weir_error *error)
{
	const struct weir_node *pipeline = weir_node_find(nodes, "pipeline");
	char index[3 * INDEX_NAME_MAX + 4] = "", pipe[1024] = "";

	o->action.index_in_url = !o->action.index.has_date && !o->action.index.has_expr;
	if (o->action.index_in_url &&
	    !encode_name(weir_node_find(nodes, "index")->text, index, sizeof(index)))
		return weir_fail(error, WEIR_ERR_INVALID, "index: the name is too long");
	if (pipeline && !encode_name(pipeline->text, pipe, sizeof(pipe)))
		return http_options_fail_at(pipeline, "pipeline: the name is empty or too long",
					    error);
	if (asprintf(&o->path, "%s%s/_bulk?%s%s%s", *index ? "/" : "", index, FILTER_PATH,
		     *pipe ? "&pipeline=" : "", pipe) < 0) {
		o->path = NULL;
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the URL");
	}
	return WEIR_OK;
}

static int32_t check_data_stream(const struct weir_node *nodes, const struct options *o,
				 struct weir_error *error)
{
	if (!weir_node_int(nodes, "data_stream", 0))
		return WEIR_OK;
	if (o->action.index.has_date)
		return http_options_fail_at(
			weir_node_find(nodes, "index"),
			"index: a data stream rolls over by itself: leave out %Y, %m, %d and %H",
			error);
	if (!(o->encoding.spec.meta & WEIR_META_TIMESTAMP))
		return http_options_fail_at(weir_node_find(nodes, "metadata"),
					    "metadata: a data stream needs timestamp", error);
	return WEIR_OK;
}

/* ---- what of the record ---- */

static int32_t compile(const struct weir_services *host, const struct weir_node *node,
		       struct weir_expr **ret_expr, struct weir_error *error)
{
	int32_t code = node ? host->expr_compile(node->text, ret_expr, error) : WEIR_OK;

	if (code && error) {
		error->line = node->line;
		error->column = node->column;
	}
	return code;
}

static int32_t read_action(const struct weir_services *host, const struct weir_node *nodes,
			   struct action_style *action, struct weir_error *error)
{
	const struct weir_node *id = weir_node_find(nodes, "id");
	int32_t code;

	action->host = host;
	pthread_mutex_init(&action->lock, NULL);
	code = index_name_compile(host, weir_node_find(nodes, "index"), &action->index, error);
	if (!code)
		code = compile(host, weir_node_find(nodes, "routing"), &action->routing, error);
	if (id && weir_slice_equals(id->text, "none"))
		action->no_id = 1;
	else if (!code && id && !weir_slice_equals(id->text, "record"))
		code = compile(host, id, &action->id, error);
	return code;
}

/* ---- headers ---- */

static int32_t read_auth(const struct weir_node *auth, struct http_headers *headers,
			 struct weir_error *error)
{
	const struct weir_node *basic = weir_node_find(auth, "basic");
	const struct weir_node *key = weir_node_find(auth, "api_key");

	if (!!basic + !!key + !!weir_node_find(auth, "aws") > 1)
		return http_options_fail_at(auth, "auth: basic, api_key and aws exclude each other",
					    error);
	if (basic)
		return http_headers_add_basic(headers, basic, error);
	return key ? http_headers_add_token(headers, "ApiKey ", key, error) : WEIR_OK;
}

static int32_t read_headers(const struct weir_node *nodes, struct options *o,
			    struct weir_error *error)
{
	int32_t code = http_headers_add_map(&o->headers, weir_node_find(nodes, "headers"), error);

	if (!code)
		code = http_headers_add(&o->headers, "Content-Type", "",
					weir_slice_of("application/x-ndjson"), error);
	if (!code && o->gzip)
		code = http_headers_add(&o->headers, "Content-Encoding", "", weir_slice_of("gzip"),
					error);
	return code ? code : read_auth(weir_node_find(nodes, "auth"), &o->headers, error);
}

int32_t options_read(const struct weir_services *host, const struct weir_node *nodes,
		     struct options *ret_options, struct weir_error *error)
{
	struct options *o = ret_options;
	int32_t code;

	o->nodes = nodes;
	o->urls = weir_node_find(nodes, "urls");
	o->gzip = weir_node_int(nodes, "gzip", 0) != 0;
	o->batch_records = (uint32_t)weir_node_int(nodes, "batch_records", 5000);
	o->batch_bytes = (uint64_t)weir_node_int(nodes, "batch_bytes", 5 << 20);
	o->ttl_ns = (uint64_t)weir_node_int(nodes, "record_ttl", 0);
	o->concurrency = (uint32_t)weir_node_int(nodes, "concurrency", 8);
	o->aws = weir_node_find(weir_node_find(nodes, "auth"), "aws");
	http_options_read_client(nodes, &o->client);
	code = read_action(host, nodes, &o->action, error);
	if (!code)
		code = check_urls(o->urls, error);
	if (!code)
		code = encoding_options_read(nodes, &o->encoding, error);
	if (!code)
		code = check_data_stream(nodes, o, error);
	if (!code)
		code = make_path(nodes, o, error);
	return code ? code : read_headers(nodes, o, error);
}

void options_fields(const struct options *options, struct weir_fields *fields)
{
	index_name_fields(&options->action.index, fields);
	fields->reads_expr(fields, options->action.routing,
			   weir_node_find(options->nodes, "routing"), 0);
	fields->reads_expr(fields, options->action.id, weir_node_find(options->nodes, "id"), 0);
	encoding_options_fields(&options->encoding, fields);
}

void options_done(struct options *options)
{
	if (!options->action.host)
		return;
	index_name_done(&options->action.index);
	if (options->action.id)
		options->action.host->expr_free(options->action.id);
	if (options->action.routing)
		options->action.host->expr_free(options->action.routing);
	pthread_mutex_destroy(&options->action.lock);
	http_headers_done(&options->headers);
	encoding_options_done(&options->encoding);
	free(options->path);
}
