// SPDX-License-Identifier: MIT
#include "probe.h"

#include <stdlib.h>

#include "elasticsearch.h"

/* A line break alone: no action, so nothing is done. */
static const struct weir_slice nothing = {"\n", 1};

int es_probe_owns(const struct es_probe *probe, const struct weir_http_request *request)
{
	for (uint32_t i = 0; i < probe->count; i++)
		if (request == &probe->nodes[i].request)
			return 1;
	return 0;
}

static int32_t send_to(struct output *output, struct probe_node *node, const struct node *to)
{
	node->place = to->place;
	node->request = (struct weir_http_request){.struct_size = sizeof(node->request),
						   .method = weir_slice_of("POST"),
						   .url = to->url,
						   .headers = output->options.headers.items,
						   .header_count = output->options.headers.count,
						   .body = &nothing,
						   .body_count = 1,
						   .body_size = nothing.size,
						   .user = node};
	if (output->signer.credentials && signature_hash(&node->signature, &node->request))
		return WEIR_ERR_INTERNAL;
	return output->host->http_send(output->client, &node->request);
}

int32_t es_probe_begin(struct output *output, struct weir_error *error)
{
	struct es_probe *probe = &output->probe;
	int32_t code = WEIR_OK;

	probe->nodes = calloc(output->nodes.count, sizeof(*probe->nodes));
	if (!probe->nodes)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for requests");
	probe->count = probe->waiting = output->nodes.count;
	if (output->signer.credentials)
		code = aws_credentials_start(output->signer.credentials, error);
	for (uint32_t i = 0; i < probe->count && !code; i++)
		if (send_to(output, &probe->nodes[i], &output->nodes.list[i]))
			code = weir_fail(error, WEIR_ERR_MEMORY, "no memory for requests");
	return code;
}

int32_t es_probe_http_begin(struct output *output, struct weir_http_request *request)
{
	struct probe_node *node = request->user;

	return output->signer.credentials
		       ? signature_make(&node->signature, &output->signer, request)
		       : WEIR_OK;
}

/* An error counts for more than a warning. */
static void note(struct es_probe *probe, const struct weir_error *finding)
{
	int had_error = probe->finding.code && probe->finding.code != WEIR_ERR_IO;

	if (!had_error)
		probe->finding = *finding;
}

static void tell(struct output *output)
{
	struct es_probe *probe = &output->probe;
	int is_fine = probe->fine && (!probe->finding.code || probe->finding.code == WEIR_ERR_IO);

	output->host->probe_done(output->context,
				 is_fine || !probe->finding.code ? NULL : &probe->finding);
}

/* ---- the right to write ---- */

#define RIGHT_PATH "/_security/user/_has_privileges"
#define RIGHT_BODY "{\"index\":[{\"names\":[\"%.*s\"],\"privileges\":[\"create_doc\"]}]}"

static int has_question(const struct output *output)
{
	return output->options.action.index_in_url && !output->signer.credentials &&
	       http_headers_have(&output->options.headers, "Authorization");
}

/* Names of indices have no characters that JSON would escape. WEIR_OK: an answer will come. */
static int32_t ask_for_right(struct output *output, struct probe_node *node)
{
	struct weir_slice index = weir_node_find(output->options.nodes, "index")->text;
	int slash = node->place.size && node->place.data[node->place.size - 1] == '/';
	char *text;
	int url = snprintf(NULL, 0, "%.*s" RIGHT_PATH, (int)node->place.size - slash,
			   node->place.data);
	int size = asprintf(&text, "%.*s" RIGHT_PATH RIGHT_BODY, (int)node->place.size - slash,
			    node->place.data, (int)index.size, index.data);

	if (size < 0)
		return WEIR_ERR_MEMORY;
	node->asks_for_right = 1;
	node->text = (struct weir_slice){text, (uint64_t)size};
	node->body = (struct weir_slice){text + url, (uint64_t)(size - url)};
	node->request.url = (struct weir_slice){text, (uint64_t)url};
	node->request.body = &node->body;
	node->request.body_size = node->body.size;
	return WEIR_OK;
}

/* Whoever does not know the question says anything but this. */
static int is_denied(const struct weir_http_response *response)
{
	static const char denied[] = "\"has_all_requested\":false";

	return response->status == 200 && response->body.size &&
	       memmem(response->body.data, response->body.size, denied, sizeof(denied) - 1) != NULL;
}

static int32_t judge(const struct output *output, const struct probe_node *node,
		     const struct weir_http_response *response, struct weir_error *ret_finding)
{
	const struct weir_node *index = weir_node_find(output->options.nodes, "index");

	if (!node->asks_for_right)
		return http_probe_judge(&node->request, response, ret_finding);
	if (!is_denied(response))
		return WEIR_OK;
	ret_finding->line = index->line;
	ret_finding->column = index->column;
	return weir_fail(
		ret_finding, WEIR_ERR_REFUSED,
		"the credentials may not create documents in %.*s; give them the privilege "
		"create_doc on it",
		(int)index->text.size, index->text.data);
}

/* WEIR_HTTP_*. */
uint32_t es_probe_http_done(struct output *output, struct weir_http_request *request,
			    const struct weir_http_response *response)
{
	struct es_probe *probe = &output->probe;
	struct probe_node *node = request->user;
	struct weir_error finding = {0};
	int32_t code = judge(output, node, response, &finding);

	if (code)
		note(probe, &finding);
	else if (!node->asks_for_right && has_question(output) &&
		 ask_for_right(output, node) == WEIR_OK)
		return WEIR_HTTP_TRY_AGAIN;
	else
		probe->fine++;
	if (--probe->waiting == 0)
		tell(output);
	return WEIR_HTTP_FINISHED;
}

/* Why there are no keys, or WEIR_OK. */
static int32_t judge_keys(const struct output *output, struct weir_error *ret_finding)
{
	const char *trouble = aws_credentials_trouble(output->signer.credentials);

	return trouble ? weir_fail(ret_finding, WEIR_ERR_REFUSED,
				   "there are no AWS credentials: %s", trouble)
		       : WEIR_OK;
}

void es_probe_go_on(struct output *output)
{
	struct weir_error finding = {0};

	if (output->probe.count && judge_keys(output, &finding))
		output->host->probe_done(output->context, &finding);
}

void es_probe_done(struct es_probe *probe)
{
	for (uint32_t i = 0; i < probe->count; i++) {
		signature_done(&probe->nodes[i].signature);
		free((char *)(uintptr_t)probe->nodes[i].text.data);
	}
	free(probe->nodes);
	probe->nodes = NULL;
	probe->count = 0;
}
