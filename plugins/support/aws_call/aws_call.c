// SPDX-License-Identifier: MIT
#include "support/aws_call/aws_call.h"

#include <pthread.h>
#include <stdlib.h>

#include "support/aws/endpoint.h"

/* With an endpoint of one's own the region is a matter of form. */
#define FORMAL_REGION "us-east-1"

struct aws_service {
	struct aws_service_options options;
	const struct weir_services *host;
	struct aws_credentials *credentials;
	struct weir_http_client *client;
	struct text url; /* made when the region is known, on whatever thread sends first */
	pthread_mutex_t url_lock;
};

/* ---- operations and calls ---- */

int32_t aws_operation_make(struct aws_operation *operation, const char *target,
			   const char *content_type, struct weir_error *error)
{
	const char *names[AWS_OPERATION_HEADERS] = {"Content-Type: ", "X-Amz-Target: "};
	const char *values[AWS_OPERATION_HEADERS] = {content_type, target};

	for (int i = 0; i < AWS_OPERATION_HEADERS; i++) {
		text_add_string(&operation->text[i], names[i]);
		text_add_string(&operation->text[i], values[i]);
		if (operation->text[i].failed)
			return weir_fail(error, WEIR_ERR_MEMORY, "no memory for headers");
		operation->headers[i] = text_slice(&operation->text[i]);
	}
	return 0;
}

void aws_operation_done(struct aws_operation *operation)
{
	for (int i = 0; i < AWS_OPERATION_HEADERS; i++)
		text_done(&operation->text[i]);
}

int32_t aws_call_digest(struct aws_call *call, const struct weir_slice *body, uint32_t count)
{
	return digest_slices(body, count, call->sha256);
}

void aws_call_done(struct aws_call *call)
{
	aws_signed_done(&call->signed_headers);
}

/* ---- sending ---- */

/* WEIR_ERR_STATE while the region is not known. */
static int32_t make_url(struct aws_service *service)
{
	const char *endpoint = service->options.credentials_of
				       ? service->options.endpoint
				       : weir_node_text(service->options.node, "endpoint");
	struct weir_slice region = aws_credentials_region(service->credentials);
	int32_t code = 0;

	pthread_mutex_lock(&service->url_lock);
	if (service->url.size == 0 && region.size)
		endpoint_url(endpoint, service->options.name, region, &service->url);
	if (service->url.failed)
		code = WEIR_ERR_MEMORY;
	else if (service->url.size == 0)
		code = WEIR_ERR_STATE;
	pthread_mutex_unlock(&service->url_lock);
	return code;
}

int32_t aws_service_send(struct aws_service *service, struct weir_http_request *http,
			 struct aws_call *call)
{
	int32_t code = make_url(service);

	if (code)
		return code;
	http->url = text_slice(&service->url);
	http->headers = call->operation->headers;
	http->header_count = AWS_OPERATION_HEADERS;
	return service->host->http_send(service->client, http);
}

int32_t aws_service_recall(struct aws_service *service, struct weir_http_request *http)
{
	return service->host->http_recall(service->client, http);
}

int32_t aws_service_begin(struct aws_service *service, struct weir_http_request *http,
			  struct aws_call *call)
{
	struct aws_signing signing = {.method = {"POST", 4},
				      .url = http->url,
				      .headers = call->operation->headers,
				      .header_count = AWS_OPERATION_HEADERS,
				      .service = weir_slice_of(service->options.name)};
	int32_t code;

	aws_signed_done(&call->signed_headers);
	signing.body_sha256 = weir_slice_of(call->sha256);
	code = aws_credentials_sign(service->credentials, &signing, &call->signed_headers, NULL);
	if (code)
		return code;
	memcpy(call->headers, call->operation->headers, sizeof(call->operation->headers));
	for (uint32_t i = 0; i < call->signed_headers.count; i++)
		call->headers[AWS_OPERATION_HEADERS + i] = call->signed_headers.headers[i];
	http->headers = call->headers;
	http->header_count = AWS_OPERATION_HEADERS + call->signed_headers.count;
	return 0;
}

int aws_service_owns(const struct aws_service *service, const struct weir_http_request *http)
{
	return aws_credentials_owns(service->credentials, http);
}

uint32_t aws_service_done(struct aws_service *service, struct weir_http_request *http,
			  const struct weir_http_response *response)
{
	return aws_credentials_done(service->credentials, http, response);
}

uint32_t aws_service_refused(struct aws_service *service, const struct weir_http_response *response,
			     const struct aws_error *failure)
{
	return aws_credentials_refused(service->credentials, response, failure);
}

const char *aws_service_trouble(const struct aws_service *service)
{
	return aws_credentials_trouble(service->credentials);
}

const char *aws_service_region(const struct aws_service *service)
{
	return aws_credentials_region(service->credentials).data;
}

/* ---- life ---- */

int32_t aws_service_start(struct aws_service *service, struct weir_error *error)
{
	return aws_credentials_start(service->credentials, error);
}

void aws_service_timer(struct aws_service *service, uint32_t id)
{
	aws_credentials_timer(service->credentials, id);
}

void aws_service_stop(struct aws_service *service)
{
	if (!service)
		return;
	if (!service->options.credentials_of)
		aws_credentials_stop(service->credentials);
	if (service->client)
		service->host->http_client_free(service->client);
	service->client = NULL;
}

void aws_service_destroy(struct aws_service *service)
{
	if (!service)
		return;
	aws_service_stop(service);
	if (!service->options.credentials_of)
		aws_credentials_destroy(service->credentials);
	text_done(&service->url);
	pthread_mutex_destroy(&service->url_lock);
	free(service);
}

static int32_t create_client(struct aws_service *service, struct weir_error *error)
{
	const struct aws_service_options *o = &service->options;
	struct weir_http_client_options options = {0};

	http_options_read_client(o->node, &options);
	options.concurrency_max = o->concurrency_max;
	options.awaited = o->awaited;
	return o->host->http_client(o->context, &options, &service->client, error);
}

static int32_t create_credentials(struct aws_service *service, struct weir_error *error)
{
	const struct aws_service_options *o = &service->options;
	int overridden = endpoint_is_overridden(weir_node_text(o->node, "endpoint"), o->name);
	const struct aws_credentials_options options = {.host = o->host,
							.context = o->context,
							.node = o->node,
							.timer = o->timer,
							.fallback_region =
								overridden ? FORMAL_REGION : NULL};

	return aws_credentials_create(&options, &service->credentials, error);
}

static int32_t check_endpoint(const struct weir_node *node, struct weir_error *error)
{
	const struct weir_node *endpoint = weir_node_find(node, "endpoint");

	return endpoint && endpoint->text.size ? http_options_check_url(endpoint, error) : 0;
}

int32_t aws_service_create(const struct aws_service_options *options,
			   struct aws_service **ret_service, struct weir_error *error)
{
	struct aws_service *service = calloc(1, sizeof(*service));
	int32_t code;

	if (!service)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	service->options = *options;
	service->host = options->host;
	pthread_mutex_init(&service->url_lock, NULL);
	if (options->credentials_of) {
		service->credentials = options->credentials_of->credentials;
		code = 0;
	} else {
		code = check_endpoint(options->node, error);
		if (!code)
			code = create_credentials(service, error);
	}
	if (!code)
		code = create_client(service, error);
	if (code) {
		aws_service_destroy(service);
		return code;
	}
	*ret_service = service;
	return 0;
}
