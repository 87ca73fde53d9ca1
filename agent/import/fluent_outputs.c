// SPDX-License-Identifier: MIT
/* The names of outputs and of their keys that are compared here are Fluent Bit's own. */
#include "import/fluent.h"
#include "import/fluent_templates.h"

struct sending {
	struct fluent *fluent;
	struct import_pipeline *pipeline;
	struct fluent_section *output;
};

static void note(struct sending *s, int kind, const char *what, const char *more)
{
	import_note(s->fluent->import, s->pipeline, kind, s->output->line, "%s%s", what, more);
}

static void option(struct sending *s, const char *name, const char *key)
{
	fluent_option(&s->pipeline->outputs, name, fluent_get(s->output, key));
}

static void put_url(struct sending *s, const char *before, const char *path, const char *after)
{
	struct buffer *out = &s->pipeline->outputs;
	const char *host = fluent_get(s->output, "host"), *port = fluent_get(s->output, "port");
	int tls = fluent_is_on(fluent_get(s->output, "tls"));
	char *url =
		config_print(s->fluent->import->memory, "%s://%s%s%s%s%s", tls ? "https" : "http",
			     host ? host : "127.0.0.1", port ? ":" : "", port ? port : "",
			     path && path[0] != '/' ? "/" : "", path ? path : "");

	buffer_text(out, before);
	fluent_scalar(out, url ? url : "");
	buffer_text(out, after);
}

static void put_tls(struct sending *s)
{
	struct buffer *out = &s->pipeline->outputs;
	const char *verify = fluent_get(s->output, "tls.verify");
	const char *keys[][2] = {{"ca", fluent_get(s->output, "tls.ca_file")},
				 {"cert", fluent_get(s->output, "tls.crt_file")},
				 {"key", fluent_get(s->output, "tls.key_file")}};
	const char *separator = "      tls: { ";

	for (size_t i = 0; i < 3; i++) {
		if (!keys[i][1])
			continue;
		buffer_printf(out, "%s%s: ", separator, keys[i][0]);
		fluent_scalar(out, keys[i][1]);
		separator = ", ";
	}
	if (verify && !fluent_is_on(verify)) {
		buffer_printf(out, "%sverify: false", separator);
		separator = ", ";
	}
	if (separator[0] == ',')
		buffer_text(out, " }\n");
}

static void put_user(struct sending *s, const char *before, const char *after)
{
	struct buffer *out = &s->pipeline->outputs;
	const char *user = fluent_get(s->output, "http_user");
	const char *password = fluent_get(s->output, "http_passwd");

	if (!user)
		return;
	buffer_printf(out, "%s{ user: ", before);
	fluent_scalar(out, user);
	buffer_text(out, ", password: ");
	if (password && strncmp(password, "${", 2) == 0)
		fluent_scalar(out, password);
	else
		buffer_text(out, "\"${WEIR_PASSWORD}\"");
	buffer_printf(out, " }%s\n", after);
	if (!password || strncmp(password, "${", 2) != 0)
		note(s, IMPORT_DIFFERS,
		     "the password is not copied; set WEIR_PASSWORD in the "
		     "service's environment file",
		     "");
}

/* `zstd`: whether the output can do that, too. */
static void put_compression(struct sending *s, int zstd)
{
	const char *compress = fluent_get(s->output, "compress");

	if (compress && zstd && strcasecmp(compress, "zstd") == 0)
		buffer_text(&s->pipeline->outputs, "      compression: zstd\n");
	else if (compress && strcasecmp(compress, "gzip") == 0)
		buffer_text(&s->pipeline->outputs, "      gzip: true\n");
	else if (compress)
		note(s, IMPORT_LOST, "the compression ", compress);
}

/* ---- AWS ---- */

static void put_time_key(struct sending *s)
{
	const char *key = fluent_get(s->output, "time_key");

	fluent_get(s->output, "time_key_format");
	if (key && strcmp(key, "@timestamp") != 0)
		note(s, IMPORT_LOST, "the time is in @timestamp, not in ", key);
	if (!key)
		buffer_text(&s->pipeline->outputs, "      metadata: []\n");
}

static void put_aws(struct sending *s)
{
	struct buffer *out = &s->pipeline->outputs;
	const char *role = fluent_get(s->output, "role_arn");
	const char *external = fluent_get(s->output, "external_id");
	const char *field = fluent_get(s->output, "log_key");

	option(s, "region", "region");
	option(s, "endpoint", "endpoint");
	option(s, "profile", "profile");
	if (role) {
		buffer_text(out, "      assume_role: { arn: ");
		fluent_scalar(out, role);
		if (external) {
			buffer_text(out, ", external_id: ");
			fluent_scalar(out, external);
		}
		buffer_text(out, " }\n");
		option(s, "sts_endpoint", "sts_endpoint");
	}
	if (field) {
		buffer_text(out, "      format: text\n      fields: [");
		fluent_scalar(out, field);
		buffer_text(out, "]\n");
	} else {
		put_time_key(s);
	}
}

static void kinesis(struct sending *s)
{
	option(s, "stream", "stream");
	put_aws(s);
	buffer_text(&s->pipeline->outputs, "      newline: true\n");
}

static void firehose(struct sending *s)
{
	option(s, "delivery_stream", "delivery_stream");
	put_aws(s);
	if (fluent_is_on(fluent_get(s->output, "simple_aggregation")))
		buffer_text(&s->pipeline->outputs, "      pack: 1000KiB\n");
}

/* ---- search ---- */

static void put_index(struct sending *s)
{
	const char *prefix = fluent_get(s->output, "logstash_prefix");
	const char *date = fluent_get(s->output, "logstash_dateformat");
	const char *separator = fluent_get(s->output, "logstash_prefix_separator");
	const char *index = fluent_get(s->output, "index");

	if (fluent_is_on(fluent_get(s->output, "logstash_format")))
		index = config_print(s->fluent->import->memory, "%s%s%s",
				     prefix ? prefix : "logstash", separator ? separator : "-",
				     date ? date : "%Y.%m.%d");
	fluent_option(&s->pipeline->outputs, "index", index ? index : "fluent-bit");
}

static void search(struct sending *s)
{
	static const char *const ignored[] = {"type",          "suppress_type_name",
					      "generate_id",   "replace_dots",
					      "trace_error",   "buffer_size",
					      "trace_output",  "current_time_index",
					      "net.keepalive", NULL};
	struct buffer *out = &s->pipeline->outputs;
	const char *time_key = fluent_get(s->output, "time_key");

	fluent_ignore(s->output, ignored);
	if (!fluent_get(s->output, "port")) /* its default is not that of HTTP */
		fluent_set(s->fluent, s->output, weir_slice_of("port"), weir_slice_of("9200"), 0);
	put_url(s, "      urls: [", fluent_get(s->output, "path"), "]\n");
	put_index(s);
	if (fluent_is_on(fluent_get(s->output, "aws_auth"))) {
		const char *region = fluent_get(s->output, "aws_region");

		buffer_text(out, "      auth: { aws: { region: ");
		fluent_scalar(out, region ? region : "us-east-1");
		buffer_text(out, " } }\n");
	} else {
		put_user(s, "      auth: { basic: ", " }");
	}
	put_tls(s);
	put_compression(s, 0);
	if (time_key && strcmp(time_key, "@timestamp") != 0)
		note(s, IMPORT_LOST, "the time is in @timestamp, not in ", time_key);
	note(s, IMPORT_DIFFERS,
	     "documents have the _id of their place in the source, so that a "
	     "repetition is stored once",
	     "");
}

/* ---- HTTP, files ---- */

/* Whether a header of this name comes before the pair. */
static int is_again(struct sending *s, const struct fluent_pair *pair, const char *name)
{
	static const char *const keys[] = {"header", NULL};
	struct fluent_pair *before = NULL;

	while ((before = fluent_next(s->output, before, keys)) != NULL && before != pair) {
		const char *words[2] = {"", ""};

		if (fluent_words(s->fluent, before->value, words, 2) == 2 &&
		    strcmp(words[0], name) == 0)
			return 1;
	}
	return 0;
}

static void put_headers(struct sending *s)
{
	static const char *const keys[] = {"header", NULL};
	struct fluent_pair *pair = NULL;
	const char *separator = "      headers: { ";

	while ((pair = fluent_next(s->output, pair, keys)) != NULL) {
		const char *words[2] = {"", ""};

		if (fluent_words(s->fluent, pair->value, words, 2) < 2)
			continue;
		if (is_again(s, pair, words[0])) {
			note(s, IMPORT_LOST, "a second header ", words[0]);
			continue;
		}
		buffer_text(&s->pipeline->outputs, separator);
		fluent_key(&s->pipeline->outputs, words[0]);
		fluent_scalar(&s->pipeline->outputs, words[1]);
		separator = ", ";
	}
	if (separator[0] == ',')
		buffer_text(&s->pipeline->outputs, " }\n");
}

static void put_format(struct sending *s)
{
	const char *format = fluent_get(s->output, "format");
	const char *date = fluent_get(s->output, "json_date_key");

	fluent_get(s->output, "json_date_format");
	if (!format || strcasecmp(format, "msgpack") == 0 || strcasecmp(format, "gelf") == 0)
		note(s, IMPORT_LOST, "JSON is sent, a record a line, not ",
		     format ? format : "msgpack");
	else if (strcasecmp(format, "json") == 0)
		buffer_text(&s->pipeline->outputs, "      format: json_array\n");
	if (date && strcasecmp(date, "false") == 0)
		buffer_text(&s->pipeline->outputs, "      metadata: []\n");
	else
		note(s, IMPORT_DIFFERS, "the time is in @timestamp, as RFC 3339, not in ",
		     date ? date : "date");
}

static void http(struct sending *s)
{
	static const char *const ignored[] = {"allow_duplicated_headers", "log_response_payload",
					      "net.keepalive", NULL};

	fluent_ignore(s->output, ignored);
	if (!fluent_get(s->output, "port"))
		fluent_set(s->fluent, s->output, weir_slice_of("port"), weir_slice_of("80"), 0);
	put_url(s, "      url: ", fluent_get(s->output, "uri"), "\n");
	put_headers(s);
	put_user(s, "      basic_auth: ", "");
	put_tls(s);
	put_compression(s, 1);
	put_format(s);
}

static void file(struct sending *s)
{
	const char *folder = fluent_get(s->output, "path"), *name = fluent_get(s->output, "file");

	fluent_option(&s->pipeline->outputs, "path",
		      config_print(s->fluent->import->memory, "%s/%s", folder ? folder : "/tmp",
				   name ? name : s->pipeline->name));
	fluent_get(s->output, "format");
	note(s, IMPORT_DIFFERS, "the file has an object a line, without the tag before it", "");
}

/* Nothing but what it is written as. */
static void plain(struct sending *s)
{
	fluent_get(s->output, "format");
}

static const struct {
	const char *name;
	const char *stage; /* what it is written as; the rest comes behind */
	void (*write)(struct sending *sending);
} outputs[] = {
	{"kinesis_streams", FLUENT_AS_KINESIS, kinesis},
	{"kinesis", FLUENT_AS_KINESIS, kinesis},
	{"kinesis_firehose", FLUENT_AS_FIREHOSE, firehose},
	{"firehose", FLUENT_AS_FIREHOSE, firehose},
	{"es", FLUENT_AS_SEARCH, search},
	{"opensearch", FLUENT_AS_SEARCH, search},
	{"http", FLUENT_AS_HTTP, http},
	{"file", FLUENT_AS_FILE, file},
	{"stdout", FLUENT_AS_STDOUT, plain},
	{"null", FLUENT_AS_NOTHING, plain},
};

int fluent_output(struct fluent *fluent, struct import_pipeline *pipeline,
		  struct fluent_section *output)
{
	static const char *const ignored[] = {"name",
					      "match",
					      "match_regex",
					      "alias",
					      "log_level",
					      "workers",
					      "auto_retry_requests",
					      "tls",
					      "storage.total_limit_size",
					      NULL};
	struct sending sending = {fluent, pipeline, output};
	const char *name = fluent_name(output);

	output->is_used = 1;
	fluent_ignore(output, ignored);
	if (fluent_get(output, "retry_limit"))
		note(&sending, IMPORT_DIFFERS,
		     "Retry_Limit: a record is tried until it is "
		     "delivered or refused for good",
		     "");
	for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
		if (strcasecmp(name, outputs[i].name) != 0)
			continue;
		buffer_text(&pipeline->outputs, outputs[i].stage);
		outputs[i].write(&sending);
		return 1;
	}
	note(&sending, IMPORT_LOST, "the output ", name);
	return 0;
}
