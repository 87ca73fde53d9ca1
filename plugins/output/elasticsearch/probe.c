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

static int32_t send_to(struct output *output, struct probe_node *node, struct weir_slice url)
{
	node->request = (struct weir_http_request){.struct_size = sizeof(node->request),
						   .method = weir_slice_of("POST"),
						   .url = url,
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
		if (send_to(output, &probe->nodes[i], output->nodes.list[i].url))
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

void es_probe_http_done(struct output *output, const struct weir_http_request *request,
			const struct weir_http_response *response)
{
	struct es_probe *probe = &output->probe;
	struct weir_error finding = {0};

	if (http_probe_judge(request, response, &finding))
		note(probe, &finding);
	else
		probe->fine++;
	if (--probe->waiting == 0)
		tell(output);
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
	for (uint32_t i = 0; i < probe->count; i++)
		signature_done(&probe->nodes[i].signature);
	free(probe->nodes);
	probe->nodes = NULL;
	probe->count = 0;
}
