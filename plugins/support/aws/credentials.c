// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "support/aws/credentials_internal.h"
#include "support/aws/date.h"
#include "support/aws/endpoint.h"

#define SECOND_NS 1000000000
/* Services accept signatures that are up to 5 min off; from here on the clock is to blame. */
#define CLOCK_TOLERANCE_S 120
/* Keys are not got again at once when those that were got for a refusal are refused as well. */
#define REFRESH_PAUSE_NS (UINT64_C(10) * SECOND_NS)

const struct weir_option aws_assume_role_members[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "arn",
	 .flags = WEIR_OPTION_REQUIRED,
	 .doc = "the role's ARN"},
	WEIR_OPTION("external_id", WEIR_TYPE_STRING, NULL, "external id that the role asks for"),
	WEIR_OPTION("session_name", WEIR_TYPE_STRING, "weir",
		    "name of the session, for CloudTrail"),
	WEIR_OPTION_END};

/* ---- create ---- */

static void read_settings(struct aws_credentials *c, const struct weir_node *node)
{
	const struct weir_node *role = weir_node_find(node, "assume_role");

	c->settings.access_key = weir_node_text(node, "access_key_id");
	c->settings.secret_key = weir_node_text(node, "secret_access_key");
	c->settings.token = weir_node_text(node, "session_token");
	c->settings.profile = weir_node_text(node, "profile");
	c->settings.role.arn = weir_node_text(role, "arn");
	c->settings.role.external_id = weir_node_text(role, "external_id");
	c->settings.role.session_name = weir_node_text(role, "session_name");
	c->sts_endpoint = weir_node_text(node, "sts_endpoint");
}

static int32_t read_region(struct aws_credentials *c, const struct weir_node *node,
			   struct weir_error *error)
{
	const struct weir_node *option = weir_node_find(node, "region");
	const char *region = option ? option->text.data : getenv("AWS_REGION");

	if (!region || !*region)
		region = getenv("AWS_DEFAULT_REGION");
	if (!region || !*region)
		return 0;
	if (!endpoint_is_region(weir_slice_of(region))) {
		if (error && option) {
			error->line = option->line;
			error->column = option->column;
		}
		return weir_fail(error, WEIR_ERR_INVALID, "%s is not the name of a region", region);
	}
	snprintf(c->region, sizeof(c->region), "%s", region);
	return 0;
}

int32_t aws_credentials_create(const struct aws_credentials_options *options,
			       struct aws_credentials **ret_credentials, struct weir_error *error)
{
	struct aws_credentials *c = calloc(1, sizeof(*c));
	int32_t code;

	if (!c)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for credentials");
	pthread_mutex_init(&c->lock, NULL);
	c->host = options->host;
	c->context = options->context;
	c->timer = options->timer;
	read_settings(c, options->node);
	code = read_region(c, options->node, error);
	if (!code)
		code = refresh_at_once(c, error);
	if (!code && !*c->region && options->fallback_region) {
		snprintf(c->region, sizeof(c->region), "%s", options->fallback_region);
		code = refresh_at_once(c, error);
	}
	if (!code)
		code = exchange_create(&c->exchange, c->host, c->context, error);
	if (code) {
		aws_credentials_destroy(c);
		return code;
	}
	*ret_credentials = c;
	return 0;
}

int32_t aws_credentials_start(struct aws_credentials *c, struct weir_error *error)
{
	if (c->told) /* they were at hand */
		return 0;
	if (c->host->timer_set(c->context, c->timer, 0))
		return weir_fail(error, WEIR_ERR_MEMORY, "no timer for credentials");
	return 0;
}

void aws_credentials_stop(struct aws_credentials *c)
{
	if (!c)
		return;
	exchange_stop(&c->exchange);
	process_free(c->process);
	c->process = NULL;
}

void aws_credentials_destroy(struct aws_credentials *c)
{
	if (!c)
		return;
	aws_credentials_stop(c);
	if (c->exchange.host)
		exchange_destroy(&c->exchange);
	chain_done(&c->chain);
	aws_secret_keys_done(&c->working);
	text_done(&c->token);
	vault_clear(&c->vault);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- what the host calls ---- */

int aws_credentials_owns(const struct aws_credentials *c, const struct weir_http_request *request)
{
	return request == &c->exchange.request;
}

uint32_t aws_credentials_done(struct aws_credentials *c, struct weir_http_request *request,
			      const struct weir_http_response *response)
{
	(void)request;
	c->exchange.under_way = 0;
	refresh_answer(c, response);
	return WEIR_HTTP_FINISHED;
}

void aws_credentials_timer(struct aws_credentials *c, uint32_t id)
{
	int process_done;

	if (id != c->timer)
		return;
	pthread_mutex_lock(&c->lock);
	process_done = c->process_done;
	pthread_mutex_unlock(&c->lock);
	if (process_done && c->phase == PHASE_PROCESS)
		refresh_process_done(c);
	else
		refresh_begin(c);
}

/* ---- signing ---- */

int64_t credentials_now_s(struct aws_credentials *c)
{
	int64_t offset_s;

	pthread_mutex_lock(&c->lock);
	offset_s = c->clock_offset_s;
	pthread_mutex_unlock(&c->lock);
	return c->host->wall_ns() / SECOND_NS + offset_s;
}

struct weir_slice aws_credentials_region(struct aws_credentials *c)
{
	struct weir_slice region;

	pthread_mutex_lock(&c->lock); /* it is written once, from empty */
	region = weir_slice_of(c->region);
	pthread_mutex_unlock(&c->lock);
	return region;
}

int32_t aws_credentials_sign(struct aws_credentials *c, struct aws_signing *signing,
			     struct aws_signed *ret_signed, struct weir_error *error)
{
	int64_t now_s = credentials_now_s(c);
	int32_t code;

	pthread_mutex_lock(&c->lock);
	if (!c->vault.keys.access_key.size || c->doubted ||
	    (c->expires_s && now_s >= c->expires_s)) {
		code = weir_fail(error, WEIR_ERR_STATE, "there are no AWS credentials yet");
	} else {
		signing->keys = &c->vault.keys;
		signing->region = weir_slice_of(c->region);
		signing->time_s = now_s;
		code = aws_sign(signing, ret_signed, error);
		signing->keys = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	return code;
}

const char *aws_credentials_trouble(const struct aws_credentials *c)
{
	return c->failures ? c->why : NULL;
}

/* ---- refusals ---- */

/* 1 when the clock was off and is now set. */
static int set_clock(struct aws_credentials *c, const struct weir_http_response *response)
{
	int64_t date_s = date_read_http(aws_answer_header(response, "date")), off_s;

	if (date_s < 0)
		return 0;
	off_s = date_s - credentials_now_s(c);
	if (off_s > -CLOCK_TOLERANCE_S && off_s < CLOCK_TOLERANCE_S)
		return 0;
	pthread_mutex_lock(&c->lock);
	c->clock_offset_s += off_s;
	pthread_mutex_unlock(&c->lock);
	weir_logf(c->host, c->context, WEIR_LOG_WARNING, "aws_clock",
		  "this host's clock is %lld s %s the service's; signatures follow the service's",
		  (long long)(off_s < 0 ? -off_s : off_s), off_s < 0 ? "ahead of" : "behind");
	return 1;
}

static int is_about_keys(const struct aws_error *failure)
{
	static const char *const codes[] = {
		"UnrecognizedClientException", "InvalidClientTokenId",
		"InvalidAccessKeyId",          "InvalidSignatureException",
		"SignatureDoesNotMatch",       "InvalidToken",
		"IncompleteSignature",         "IncompleteSignatureException",
		"MissingAuthenticationToken",  "MissingAuthenticationTokenException"};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(failure->code, codes[i]) == 0)
			return 1;
	return 0;
}

/* Static keys in a file may have been changed there; others are got anew. */
static uint32_t renew(struct aws_credentials *c, int expired)
{
	int is_static = c->chain.kind == CHAIN_KEYS && c->chain.role_count == 0;
	uint64_t now_ns = c->host->monotonic_ns();

	if (c->renewed_ns && now_ns - c->renewed_ns < REFRESH_PAUSE_NS)
		return WEIR_HTTP_TRY_SLOWLY;
	c->renewed_ns = now_ns;
	if (expired && !is_static) {
		pthread_mutex_lock(&c->lock);
		c->doubted = 1;
		pthread_mutex_unlock(&c->lock);
	}
	refresh_begin(c);
	return is_static || !expired ? WEIR_HTTP_TRY_SLOWLY : WEIR_HTTP_TRY_AGAIN;
}

uint32_t aws_credentials_refused(struct aws_credentials *c,
				 const struct weir_http_response *response,
				 const struct aws_error *failure)
{
	switch (failure->class) {
	case AWS_ERROR_RETRY:
		return WEIR_HTTP_TRY_AGAIN;
	case AWS_ERROR_KEYS:
		return renew(c, 1);
	case AWS_ERROR_CLOCK:
		return set_clock(c, response) ? WEIR_HTTP_TRY_AGAIN : WEIR_HTTP_TRY_SLOWLY;
	}
	if (!is_about_keys(failure))
		return WEIR_HTTP_TRY_SLOWLY;
	return set_clock(c, response) ? WEIR_HTTP_TRY_AGAIN : renew(c, 0);
}
