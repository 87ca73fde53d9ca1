// SPDX-License-Identifier: MIT
#include "support/aws_probe/aws_probe.h"

#include <stdlib.h>

#define JSON_TYPE "application/x-amz-json-1.1"

struct aws_probe {
	struct aws_probe_options options;
	struct aws_service *service;
	struct aws_operation operation;
	struct aws_call call;
	struct weir_http_request request;
	struct text text; /* the body */
	struct weir_slice body;
	int sent, again;
};

/* ---- findings ---- */

static void say(struct aws_probe *probe, struct weir_error *finding)
{
	finding->line = probe->options.stream->line;
	finding->column = probe->options.stream->column;
	probe->options.host->probe_done(probe->options.context, finding);
}

/* What the service turns down, with its own words. */
struct refusal {
	const char *code; /* as the service has it */
	const char *what; /* and what to do */
};

static const struct refusal refusals[] = {
	{"UnrecognizedClientException", "does not know the access key; check access_key_id, the "
					"profile, or whether the key was deleted"},
	{"InvalidClientTokenId",
	 "does not know the access key; check access_key_id, the profile, or "
	 "whether the key was deleted"},
	{"InvalidAccessKeyId", "does not know the access key; check access_key_id, the profile, or "
			       "whether the key was deleted"},
	{"InvalidSignatureException",
	 "refuses the signature; check secret_access_key, and the region"},
	{"SignatureDoesNotMatch", "refuses the signature; check secret_access_key, and the region"},
	{"InvalidToken", "refuses the session token; get new temporary keys"},
	{"ExpiredToken", "says that the keys have expired; get new ones"},
	{"ExpiredTokenException", "says that the keys have expired; get new ones"},
	{"RequestTimeTooSkewed", "refuses the time of the signature; set this host's clock"},
	{"IncompleteSignature", "refuses the signature as incomplete; check access_key_id"},
	{"IncompleteSignatureException",
	 "refuses the signature as incomplete; check access_key_id"},
	{"MissingAuthenticationToken", "got no signature; check the endpoint"},
	{"MissingAuthenticationTokenException", "got no signature; check the endpoint"},
	{"OptInRequired", "is not enabled for the account; subscribe to it"},
};

static const struct refusal *refusal_of(const char *code)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(code, refusals[i].code) == 0)
			return &refusals[i];
	return NULL;
}

/* They come after the signature was taken. */
static int proves_signature(const struct aws_error *failure)
{
	static const char *const codes[] = {"AccessDeniedException",    "AccessDenied",
					    "UnauthorizedOperation",    "NotAuthorized",
					    "ThrottlingException",      "LimitExceededException",
					    "UnknownOperationException"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(failure->code, codes[i]) == 0)
			return 1;
	return 0;
}

static int32_t judge(const struct aws_probe *probe, const struct weir_http_response *response,
		     const struct aws_error *failure, struct weir_error *ret_finding)
{
	const struct refusal *refusal = refusal_of(failure->code);
	const char *stream = probe->options.stream->text.data;

	if (refusal)
		return weir_fail(ret_finding, WEIR_ERR_REFUSED, "%s %s (%s)",
				 probe->options.service, refusal->what, failure->code);
	if (strcmp(failure->code, "ResourceNotFoundException") == 0)
		return weir_fail(ret_finding, WEIR_ERR_NOT_FOUND,
				 "there is no stream %.128s in %s for these credentials; create "
				 "it, or correct its name, the region or the account",
				 stream, aws_service_region(probe->service));
	if (*failure->code && response->advice != WEIR_HTTP_TRANSIENT)
		return weir_fail(ret_finding, WEIR_ERR_STATE, "%s answers %u %s: %.200s",
				 probe->options.service, response->status, failure->code,
				 failure->text);
	return http_probe_judge(&probe->request, response, ret_finding);
}

/* ---- steps ---- */

static int32_t send_call(struct aws_probe *probe)
{
	int32_t code = aws_service_send(probe->service, &probe->request, &probe->call);

	probe->sent = code == WEIR_OK;
	return code == WEIR_ERR_STATE ? WEIR_OK : code; /* the region will be known later */
}

/* After every event: the keys may have come, or never will. WEIR_ERR_* and why. */
static int32_t try_to_send(struct aws_probe *probe, struct weir_error *ret_finding)
{
	const char *trouble = aws_service_trouble(probe->service);

	if (trouble)
		return weir_fail(ret_finding, WEIR_ERR_REFUSED, "there are no AWS credentials: %s",
				 trouble);
	if (!probe->sent && send_call(probe) < 0)
		return weir_fail(ret_finding, WEIR_ERR_MEMORY, "no memory for a request");
	return WEIR_OK;
}

static void go_on(struct aws_probe *probe)
{
	struct weir_error finding = {0};

	if (try_to_send(probe, &finding) < 0)
		say(probe, &finding);
}

void aws_probe_timer(struct aws_probe *probe, uint32_t id)
{
	if (id != probe->options.timer)
		return;
	aws_service_timer(probe->service, id);
	go_on(probe);
}

int32_t aws_probe_http_begin(struct aws_probe *probe, struct weir_http_request *request)
{
	if (aws_service_owns(probe->service, request))
		return WEIR_OK;
	return aws_service_begin(probe->service, request, &probe->call);
}

/* Once, for a clock that was set or keys that were renewed. */
static int tries_again(struct aws_probe *probe, const struct weir_http_response *response,
		       const struct aws_error *failure)
{
	if (probe->again || failure->class == AWS_ERROR_RETRY ||
	    failure->class == AWS_ERROR_INVALID)
		return 0;
	probe->again = 1;
	return aws_service_refused(probe->service, response, failure) == WEIR_HTTP_TRY_AGAIN;
}

uint32_t aws_probe_http_done(struct aws_probe *probe, struct weir_http_request *request,
			     const struct weir_http_response *response)
{
	struct weir_error finding = {0};
	struct aws_error failure;
	uint32_t next;

	if (aws_service_owns(probe->service, request)) {
		next = aws_service_done(probe->service, request, response);
		go_on(probe);
		return next;
	}
	aws_error_read(response, &failure);
	if (failure.class != AWS_ERROR_NONE && tries_again(probe, response, &failure))
		return WEIR_HTTP_TRY_AGAIN;
	if (failure.class != AWS_ERROR_NONE && !proves_signature(&failure) &&
	    judge(probe, response, &failure, &finding))
		say(probe, &finding);
	else
		probe->options.host->probe_done(probe->options.context, NULL);
	return WEIR_HTTP_FINISHED;
}

/* ---- life ---- */

static int32_t make_request(struct aws_probe *probe, struct weir_error *error)
{
	int32_t code;

	text_add_string(&probe->text, "{\"");
	text_add_string(&probe->text, probe->options.member);
	text_add_string(&probe->text, "\":\"");
	text_add_slice(&probe->text, probe->options.stream->text);
	text_add_string(&probe->text, "\"}");
	if (probe->text.failed)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a request");
	probe->body = text_slice(&probe->text);
	probe->request = (struct weir_http_request){.struct_size = sizeof(probe->request),
						    .method = weir_slice_of("POST"),
						    .body = &probe->body,
						    .body_count = 1,
						    .body_size = probe->body.size};
	probe->call.operation = &probe->operation;
	code = aws_operation_make(&probe->operation, probe->options.target, JSON_TYPE, error);
	if (!code && aws_call_digest(&probe->call, &probe->body, 1))
		code = weir_fail(error, WEIR_ERR_INTERNAL, "SHA-256 is not to be had");
	return code;
}

int32_t aws_probe_begin(const struct aws_probe_options *options, struct aws_probe **ret_probe,
			struct weir_error *error)
{
	const struct aws_service_options service = {.host = options->host,
						    .context = options->context,
						    .node = options->node,
						    .name = options->service,
						    .concurrency_max = 1,
						    .timer = options->timer};
	struct aws_probe *probe = calloc(1, sizeof(*probe));
	int32_t code;

	if (!probe)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a request");
	*ret_probe = probe; /* calls come as soon as something is under way */
	probe->options = *options;
	code = aws_service_create(&service, &probe->service, error);
	if (!code)
		code = make_request(probe, error);
	if (!code)
		code = aws_service_start(probe->service, error);
	if (!code && send_call(probe) < 0)
		code = weir_fail(error, WEIR_ERR_MEMORY, "no memory for a request");
	return code;
}

void aws_probe_destroy(struct aws_probe *probe)
{
	if (!probe)
		return;
	aws_service_destroy(probe->service);
	aws_call_done(&probe->call);
	aws_operation_done(&probe->operation);
	text_done(&probe->text);
	free(probe);
}
