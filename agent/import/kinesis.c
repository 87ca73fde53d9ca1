// SPDX-License-Identifier: MIT
/*
 * Amazon Kinesis Agent's agent.json and the flows of agent.d beside it. Every flow becomes a pipeline.
 *
 * Keys, defaults and behaviour are those of version 2.0.13.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>

#include "import/kinesis_steps.h"
#include "import/kinesis_templates.h"

#define DEFAULT_CHECKPOINTS "/var/run/aws-kinesis-agent/checkpoints"
/* Bounds of options here; values beyond them are brought in. */
#define PACK_MIN (32 * 1024)
#define PACK_MAX 1024000

/* A key of theirs. NULL as what is said of it: it is carried over. */
struct known_key {
	const char *name;
	int kind;
	const char *note;
};

static const struct known_key agent_keys[] = {
	{"flows", 0, NULL},
	{"checkpointFile", 0, NULL},
	{"kinesis.endpoint", 0, NULL},
	{"kinesis.region", 0, NULL},
	{"firehose.endpoint", 0, NULL},
	{"sts.endpoint", 0, NULL},
	{"awsAccessKeyId", 0, NULL},
	{"awsSecretAccessKey", 0, NULL},
	{"assumeRoleARN", 0, NULL},
	{"assumeRoleExternalId", 0, NULL},
	{"connectionTimeoutMillis", 0, NULL},
	{"socketTimeoutMillis", 0, NULL},
	{"maxSendingThreads", 0, NULL},
	{"cloudwatch.emitMetrics", 0, NULL},
	{"cloudwatch.namespace", 0, NULL},
	{"cloudwatch.tagInstance", 0, NULL},
	{"cloudwatch.endpoint", 0, NULL},
	{"cloudwatch.metricsBufferTimeMillis", 0, NULL},
	{"cloudwatch.metricsQueueSize", IMPORT_DIFFERS,
	 "not needed: metrics gather until CloudWatch takes them"},
	{"checkpointTimeToLiveDays", IMPORT_DIFFERS,
	 "positions of files that are gone are kept for 30 days"},
	{"shutdownTimeoutMillis", IMPORT_DIFFERS,
	 "it is `shutdown_timeout` of weir.yaml, for all pipelines"},
	{"maxSendingThreadsPerCore", IMPORT_DIFFERS,
	 "not needed: requests take no threads, and their number follows the destination"},
	{"sendingThreadsMaxQueueSize", IMPORT_DIFFERS,
	 "not needed: `memory_limit` of weir.yaml bounds what waits"},
	{"sendingThreadsKeepAliveMillis", IMPORT_DIFFERS, "not needed: there are no such threads"},
	{"maxConnections", IMPORT_DIFFERS,
	 "not needed: connections are shared by requests; `concurrency` bounds these"},
	{"connectionTTLMillis", IMPORT_DIFFERS, "not needed"},
	{"useTcpKeepAlive", IMPORT_DIFFERS, "not needed: it is always on"},
	{"useHttpGzip", IMPORT_DIFFERS, "not needed: the services do not take compressed requests"},
	{"userDefinedCredentialsProvider.classname", IMPORT_LOST,
	 "a Java class; a `credential_process` of a profile in ~/.aws/config can take its place"},
	{"userDefinedCredentialsProvider.location", IMPORT_LOST,
	 "a Java class; a `credential_process` of a profile in ~/.aws/config can take its place"},
	{"userAgent", IMPORT_DIFFERS, "requests name Weir"},
	{"userAgentOverride", IMPORT_DIFFERS, "requests name Weir"},
	{"log.level", IMPORT_DIFFERS, "it is `log` of weir.yaml"},
	{"log.file", IMPORT_DIFFERS, "the agent logs to the journal"},
	{"log.maxBackupIndex", IMPORT_DIFFERS, "the agent logs to the journal"},
	{"log.maxFileSize", IMPORT_DIFFERS, "the agent logs to the journal"},
	{"log.emitMetrics", IMPORT_DIFFERS, "metrics are at /metrics of the `admin` address"},
	{"log.emitInternalMetrics", IMPORT_DIFFERS,
	 "metrics are at /metrics of the `admin` address"},
	{"log.statusReportingPeriodSeconds", IMPORT_DIFFERS,
	 "`weir status` tells at any time how the agent is"},
	{"checkpoints.queryTimeoutSeconds", IMPORT_DIFFERS, "not needed"},
	{"checkpoints.connectionTimeoutSeconds", IMPORT_DIFFERS, "not needed"},
};

static const struct known_key flow_keys[] = {
	{"kinesisStream", 0, NULL},
	{"deliveryStream", 0, NULL},
	{"filePattern", 0, NULL},
	{"initialPosition", 0, NULL},
	{"partitionKeyOption", 0, NULL},
	{"maxBufferAgeMillis", 0, NULL},
	{"maxBufferSizeRecords", 0, NULL},
	{"maxBufferSizeBytes", 0, NULL},
	{"retryInitialBackoffMillis", 0, NULL},
	{"retryMaxBackoffMillis", 0, NULL},
	{"skipHeaderLines", 0, NULL},
	{"multiLineStartPattern", 0, NULL},
	{"aggregatedRecordSizeBytes", 0, NULL},
	{"dataProcessingOptions", 0, NULL},
	{"minTimeBetweenFilePollsMillis", IMPORT_DIFFERS,
	 "not needed: the kernel tells when a file grows"},
	{"maxTimeBetweenFileTrackerRefreshMillis", IMPORT_DIFFERS,
	 "not needed: the kernel tells when a file appears"},
	{"waitOnFullPublishQueueMillis", IMPORT_DIFFERS, "not needed"},
	{"waitOnEmptyPublishQueueMillis", IMPORT_DIFFERS, "not needed"},
	{"waitOnFullRetryQueueMillis", IMPORT_DIFFERS, "not needed"},
	{"publishQueueCapacity", IMPORT_DIFFERS,
	 "not needed: `memory_limit` of weir.yaml bounds what waits"},
	{"truncatedRecordTerminator", IMPORT_DIFFERS,
	 "not needed: a record that is too long is not cut, but goes to the dead letter"},
	{"log.emitInternalMetrics", IMPORT_DIFFERS,
	 "metrics are at /metrics of the `admin` address"},
	{"fileFooterPattern", IMPORT_LOST,
	 "a file is read to its end, whatever line comes; a `where` filter can drop footers"},
};

static void check_keys(struct import *import, struct import_pipeline *pipeline,
		       const struct tree_node *map, const struct known_key *keys, size_t count)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct tree_node *key = map->keys[i];
		size_t k = 0;

		while (k < count && !weir_slice_equals(key->text, keys[k].name))
			k++;
		if (k == count)
			import_note(import, pipeline, IMPORT_LOST, key->line,
				    "%s: the key is not known", key->text.data);
		else if (keys[k].note && !tree_is_null(map->items[i]))
			import_note(import, pipeline, keys[k].kind, key->line, "%s: %s",
				    keys[k].name, keys[k].note);
	}
}

/* ---- where to ---- */

/* The region in the name of one of AWS's own hosts, such as kinesis.us-west-2.amazonaws.com. */
static const char *region_of(struct import *import, const char *endpoint)
{
	const char *at = endpoint ? strstr(endpoint, ".amazonaws.com") : NULL;
	const char *from = at;

	while (from && from > endpoint && (isalnum((unsigned char)from[-1]) || from[-1] == '-'))
		from--;
	if (!from || from == at || from == endpoint || from[-1] != '.')
		return NULL;
	return config_copy(import->memory, from, (size_t)(at - from));
}

/* AWS's usual host follows from the region. */
static int is_usual(const char *endpoint, const char *service, const char *region)
{
	char usual[256];
	const char *host = strstr(endpoint, "://");

	host = host ? host + 3 : endpoint;
	snprintf(usual, sizeof(usual), "%s.%s.amazonaws.com", service, region ? region : "");
	return strncmp(host, usual, strlen(usual)) == 0 &&
	       strspn(host + strlen(usual), "/") == strlen(host + strlen(usual));
}

static void put_endpoint(struct import *import, struct buffer *out, const char *name,
			 const char *endpoint)
{
	const char *scheme = strstr(endpoint, "://") ? "" : "https://";

	import_option(out, name, config_print(import->memory, "%s%s", scheme, endpoint));
}

static const char *given(const struct tree_node *root, const char *name)
{
	const char *text = import_find_text(root, name);

	return text && text[0] ? text : NULL;
}

static void put_service(struct import *import, struct import_pipeline *pipeline,
			const struct tree_node *root, const struct kinesis_destination *to)
{
	struct buffer *out = &pipeline->outputs;
	const char *endpoint = given(root, to->endpoint_key);
	const char *region = to->region_key ? given(root, to->region_key) : NULL;

	if (!region)
		region = region_of(import, endpoint);
	/* The SDK that the agent is built with takes this one when nothing says another. */
	if (!region && (!to->region_key || endpoint)) {
		region = "us-east-1";
		import_note(import, pipeline, IMPORT_DIFFERS, 0,
			    "the region is us-east-1 because nothing there names one; change it if "
			    "it is another");
	}
	import_option(out, "region", region);
	if (endpoint && !is_usual(endpoint, to->service, region))
		put_endpoint(import, out, "endpoint", endpoint);
}

static void put_credentials(struct import *import, struct import_pipeline *pipeline,
			    const struct tree_node *root)
{
	struct buffer *out = &pipeline->outputs;
	const char *role = given(root, "assumeRoleARN");
	const char *sts = given(root, "sts.endpoint");

	if (given(root, "awsAccessKeyId") && given(root, "awsSecretAccessKey")) {
		import_option(out, "access_key_id", given(root, "awsAccessKeyId"));
		buffer_text(out, "      secret_access_key: \"${WEIR_SECRET_ACCESS_KEY}\"\n");
		import_note(import, pipeline, IMPORT_DIFFERS, 0,
			    "awsSecretAccessKey: the secret is not copied; set "
			    "WEIR_SECRET_ACCESS_KEY in the service's environment file, or take it "
			    "from a file by ${file:PATH}");
	}
	if (!role)
		return;
	buffer_text(out, "      assume_role: { arn: ");
	import_scalar(out, weir_slice_of(role));
	if (given(root, "assumeRoleExternalId")) {
		buffer_text(out, ", external_id: ");
		import_scalar(out, weir_slice_of(given(root, "assumeRoleExternalId")));
	}
	buffer_text(out, ", session_name: AWSKinesisAgent }\n");
	if (sts)
		put_endpoint(import, out, "sts_endpoint", sts);
}

/* A number that is given, within bounds, with its unit. */
static void put_number(struct buffer *out, const struct tree_node *map, const char *key,
		       const char *name, int64_t min, int64_t max, const char *unit)
{
	int64_t number = import_find_int(map, key, -1);

	if (number < 0)
		return;
	number = number < min ? min : number > max ? max : number;
	buffer_printf(out, "      %s: %lld%s\n", name, (long long)number, unit);
}

static void put_retry(struct buffer *out, const struct tree_node *flow)
{
	int64_t first = import_find_int(flow, "retryInitialBackoffMillis", -1);
	int64_t longest = import_find_int(flow, "retryMaxBackoffMillis", -1);
	const char *separator = "";

	if (first < 1 && longest < 1)
		return;
	buffer_text(out, "      retry: { ");
	if (first >= 1) {
		buffer_printf(out, "backoff_min: %lldms", (long long)first);
		separator = ", ";
	}
	if (longest >= 1)
		buffer_printf(out, "%sbackoff_max: %lldms", separator, (long long)longest);
	buffer_text(out, " }\n");
}

/* It emits unless told otherwise, and alarms go by its namespace. */
static int emits(const struct tree_node *root)
{
	const char *emit = given(root, "cloudwatch.emitMetrics");

	return !emit || strcasecmp(emit, "false") != 0;
}

static void put_metrics(struct import *import, struct import_pipeline *pipeline,
			const struct tree_node *root)
{
	struct buffer *out = &pipeline->outputs;
	const char *name = given(root, "cloudwatch.namespace");
	const char *endpoint = given(root, "cloudwatch.endpoint");

	if (!emits(root))
		return;
	buffer_text(out, KINESIS_METRICS);
	import_option(out, "  namespace", name ? name : KINESIS_METRICS_NAMESPACE);
	if (endpoint)
		put_endpoint(import, out, "  endpoint", endpoint);
	put_number(out, root, "cloudwatch.metricsBufferTimeMillis", "  interval", 1000, 3600000,
		   "ms");
}

static void put_pack(struct import *import, struct import_pipeline *pipeline,
		     const struct tree_node *flow)
{
	int64_t pack = import_find_int(flow, "aggregatedRecordSizeBytes", 0);

	if (pack <= 0)
		return;
	buffer_printf(&pipeline->outputs, "      pack: %lld\n",
		      (long long)(pack < PACK_MIN   ? PACK_MIN
				  : pack > PACK_MAX ? PACK_MAX
						    : pack));
	if (pack < PACK_MIN)
		import_note(import, pipeline, IMPORT_DIFFERS, 0,
			    "aggregatedRecordSizeBytes: records are packed up to 32 KiB, which "
			    "costs less");
}

static void put_format(struct import_pipeline *pipeline, const struct kinesis_shape *shape,
		       const struct kinesis_destination *to)
{
	struct buffer *out = &pipeline->outputs;

	if (shape->is_fields)
		buffer_text(out, "      metadata: []\n");
	else if (shape->is_changed)
		buffer_text(out, "      format: text\n      fields: [message]\n");
	else
		buffer_text(out, "      format: line\n");
	if (!to->ends_records || shape->no_newline)
		buffer_printf(out, "      newline: %s\n", shape->no_newline ? "false" : "true");
}

static void put_output(struct import *import, struct import_pipeline *pipeline,
		       const struct tree_node *root, const struct tree_node *flow,
		       const struct kinesis_destination *to, const struct kinesis_shape *shape)
{
	struct buffer *out = &pipeline->outputs;
	const char *key = import_find_text(flow, "partitionKeyOption");

	buffer_text(out, to->output);
	import_option(out, to->stream_option, given(flow, to->key));
	put_service(import, pipeline, root, to);
	put_credentials(import, pipeline, root);
	if (to->has_partition_key && key && strcmp(key, "DETERMINISTIC") == 0)
		buffer_text(out, "      partition_key: hash\n");
	put_format(pipeline, shape, to);
	if (to->is_packed)
		put_pack(import, pipeline, flow);
	put_number(out, flow, "maxBufferSizeRecords", "batch_records", 1, 500, "");
	put_number(out, flow, "maxBufferSizeBytes", "batch_bytes", 1, to->batch_bytes_max, "");
	put_number(out, flow, "maxBufferAgeMillis", "linger", 0, 900000, "ms");
	put_retry(out, flow);
	put_number(out, root, "maxSendingThreads", "concurrency", 1, 1024, "");
	put_number(out, root, "connectionTimeoutMillis", "connect_timeout", 1, 3600000, "ms");
	put_number(out, root, "socketTimeoutMillis", "timeout", 1, 3600000, "ms");
	put_metrics(import, pipeline, root);
}

/* ---- where from ---- */

/* The folder is literal there, and the last component a pattern. */
static void put_paths(struct import *import, struct import_pipeline *pipeline, const char *pattern,
		      size_t folder_size)
{
	struct buffer path = {0};
	const char *name = pattern + folder_size;

	for (size_t i = 0; i < folder_size; i++) {
		if (strchr("*?[{\\", pattern[i]))
			buffer_text(&path, "\\");
		buffer_append(&path, pattern + i, 1);
	}
	while (*name) { /* ** is as * there, and any folders here */
		buffer_append(&path, name, 1);
		name += *name == '*' ? strspn(name, "*") : 1;
	}
	buffer_text(&pipeline->inputs, "      paths: [");
	import_scalar(&pipeline->inputs, weir_slice_of(buffer_cstr(&path)));
	buffer_text(&pipeline->inputs, "]\n");
	buffer_done(&path);
	if (strchr("*?[", pattern[folder_size]))
		import_note(import, pipeline, IMPORT_DIFFERS, 0,
			    "files whose name begins with a dot are left out");
}

static void put_multiline(struct import_pipeline *pipeline, const char *pattern)
{
	struct buffer start = {0};

	if (!pattern || !pattern[0])
		return;
	/* There it has to match from the beginning of the line. */
	buffer_printf(&start, "\\A(?:%s)", pattern);
	buffer_text(&pipeline->inputs, "      multiline: { start: ");
	import_scalar(&pipeline->inputs, weir_slice_of(buffer_cstr(&start)));
	buffer_text(&pipeline->inputs, " }\n");
	buffer_done(&start);
}

static void put_input(struct import *import, struct import_pipeline *pipeline,
		      const struct tree_node *flow, const struct kinesis_shape *shape,
		      const char *pattern, size_t folder_size)
{
	struct buffer *out = &pipeline->inputs;
	const char *start = import_find_text(flow, "initialPosition");
	int beginning = start && strcmp(start, "START_OF_FILE") == 0;

	buffer_text(out, KINESIS_INPUT);
	put_paths(import, pipeline, pattern, folder_size);
	buffer_printf(out, "      start: %s\n", beginning ? "beginning" : "end");
	put_multiline(pipeline, import_find_text(flow, "multiLineStartPattern"));
	if (import_find_int(flow, "skipHeaderLines", 0) > 0)
		put_number(out, flow, "skipHeaderLines", "skip_header_lines", 0, 100000, "");
	if (shape->keep_empty && !import_find_text(flow, "multiLineStartPattern"))
		buffer_text(out, "      empty_lines: keep\n");
	import_note(import, pipeline, IMPORT_DIFFERS, 0,
		    "every file that matches is followed, not only the one that was written to "
		    "last");
}

/* ---- flows ---- */

static const struct kinesis_destination *destination_of(const struct tree_node *flow)
{
	for (size_t i = 0; i < sizeof(kinesis_destinations) / sizeof(kinesis_destinations[0]); i++)
		if (given(flow, kinesis_destinations[i].key))
			return &kinesis_destinations[i];
	return NULL;
}

static void take_flow(struct import *import, const struct tree_node *root,
		      const struct tree_node *flow)
{
	const struct kinesis_destination *to = destination_of(flow);
	const char *stream = to ? given(flow, to->key) : NULL;
	const char *pattern = given(flow, "filePattern");
	const char *positions = given(root, "checkpointFile");
	const char *slash = pattern ? strrchr(pattern, '/') : NULL;
	struct import_pipeline *pipeline;
	struct kinesis_shape shape;

	if (!to || !slash || !slash[1]) {
		import_note(import, NULL, IMPORT_LOST, flow->line,
			    "a flow without %s, which that agent refuses",
			    to ? "a filePattern with a folder and a name" : "a destination");
		return;
	}
	pipeline =
		import_add(import, stream,
			   config_print(import->memory, "%s to %s %s", pattern, to->about, stream));
	if (!pipeline)
		return;
	pipeline->positions =
		config_print(import->memory, "%s", positions ? positions : DEFAULT_CHECKPOINTS);
	pipeline->folder =
		slash == pattern ? "/"
				 : config_copy(import->memory, pattern, (size_t)(slash - pattern));
	/* The agent joins folder and name by a slash, the root folder's as well. */
	pipeline->positions_key = config_print(import->memory, "%s:%s:%s/%s", to->positions, stream,
					       pipeline->folder, slash + 1);
	check_keys(import, pipeline, flow, flow_keys, sizeof(flow_keys) / sizeof(flow_keys[0]));
	kinesis_steps(import, pipeline, import_find(flow, "dataProcessingOptions"), &shape);
	put_input(import, pipeline, flow, &shape, pattern, (size_t)(slash + 1 - pattern));
	put_output(import, pipeline, root, flow, to, &shape);
}

static void take_flows(struct import *import, const struct tree_node *root,
		       const struct tree_node *flows)
{
	for (uint32_t i = 0; flows && flows->kind == TREE_LIST && i < flows->count; i++)
		take_flow(import, root, flows->items[i]);
}

static void check_agent(struct import *import, const struct tree_node *root)
{
	const char *tag = given(root, "cloudwatch.tagInstance");

	check_keys(import, NULL, root, agent_keys, sizeof(agent_keys) / sizeof(agent_keys[0]));
	if (emits(root) && tag && strcasecmp(tag, "true") == 0)
		import_note(import, NULL, IMPORT_LOST, 0,
			    "cloudwatch.tagInstance: add the dimension by hand, as `dimensions: { "
			    "InstanceId: ... }` of `cloudwatch`");
}

/* Of the files beside it only the flows count. */
static void take_folder(struct import *import, const struct tree_node *root)
{
	const char *slash = strrchr(import->path, '/');
	char folder[PATH_MAX];
	struct dirent **names;
	int count;

	snprintf(folder, sizeof(folder), "%.*sagent.d", slash ? (int)(slash + 1 - import->path) : 0,
		 import->path);
	count = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char *path = config_print(import->memory, "%s/%s", folder, names[i]->d_name);
		struct config_file file;
		struct tree_node *more;

		if (path && names[i]->d_name[0] != '.') {
			if (import_read_json(&file, import->config, path, &more) == 0)
				take_flows(import, root, import_find(more, "flows"));
			config_file_done(&file);
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

static int take_root(struct import *import, struct config_file *file, const struct tree_node *root,
		     int status)
{
	if (status == 0 && (!root || root->kind != TREE_MAP)) {
		config_file_error(file, 1, 1, "expected an object in braces");
		return WEIR_ERR_INVALID;
	}
	if (status < 0)
		return status;
	check_agent(import, root);
	take_flows(import, root, import_find(root, "flows"));
	return 0;
}

int import_kinesis(struct import *import)
{
	struct config_file file;
	struct tree_node *root;
	int status = import_read_json(&file, import->config, import->path, &root);

	status = take_root(import, &file, root, status);
	if (status == 0)
		take_folder(import, root);
	config_file_done(&file);
	return config_errors(import->config) ? WEIR_ERR_INVALID : status;
}

int import_kinesis_text(struct import *import, struct weir_slice text)
{
	struct config_file file;
	struct tree_node *root;
	int status = import_parse_json(&file, import->config, import->path, text, &root);

	status = take_root(import, &file, root, status);
	config_file_done(&file);
	return config_errors(import->config) ? WEIR_ERR_INVALID : status;
}
