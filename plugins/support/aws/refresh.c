// SPDX-License-Identifier: MIT
/* The steps from a chain to keys; see the diagram in credentials.h. */
#include <stdlib.h>

#include "support/aws/credentials_internal.h"
#include "support/aws/endpoint.h"
#include "support/aws/instance.h"
#include "support/aws/sts.h"

#define SECOND_NS UINT64_C(1000000000)
/* Keys are renewed so long before they end, as the SDKs do; short-lived ones at half their time. */
#define REFRESH_EARLY_S 300
#define FAILURE_WAIT_MAX_S 60

static void next_step(struct aws_credentials *c);

/* ---- ends ---- */

static void set_timer(struct aws_credentials *c, uint64_t delay_ns)
{
	uint16_t random;

	c->host->random(&random, sizeof(random));
	c->host->timer_set(c->context, c->timer, delay_ns - delay_ns / 10 * random / 65536);
}

static void reset(struct aws_credentials *c)
{
	c->phase = PHASE_IDLE;
	aws_secret_keys_done(&c->working);
	process_free(c->process);
	c->process = NULL;
}

static int has_good_keys(struct aws_credentials *c)
{
	int64_t now = credentials_now_s(c);
	int good;

	pthread_mutex_lock(&c->lock);
	good = c->vault.keys.access_key.size && !c->doubted &&
	       (c->expires_s == 0 || now < c->expires_s);
	pthread_mutex_unlock(&c->lock);
	return good;
}

static void failed(struct aws_credentials *c, const char *why)
{
	uint64_t wait_s = c->failures < 6 ? UINT64_C(1) << c->failures : FAILURE_WAIT_MAX_S;

	reset(c);
	c->failures++;
	snprintf(c->why, sizeof(c->why), "%s", why);
	weir_logf(c->host, c->context, WEIR_LOG_WARNING, "aws_credentials",
		  "no new AWS credentials: %s; asked again in %u s", why, (unsigned)wait_s);
	if (!has_good_keys(c)) {
		c->stalled = 1;
		c->host->output_stalled(c->context, weir_slice_of(why));
	}
	set_timer(c, wait_s * SECOND_NS);
}

static void publish(struct aws_credentials *c)
{
	int64_t expires_s = c->working.expires_s, left_s;
	int32_t code;

	pthread_mutex_lock(&c->lock);
	code = vault_set(&c->vault, &c->working);
	c->expires_s = code ? c->expires_s : expires_s;
	c->doubted = code ? c->doubted : 0;
	pthread_mutex_unlock(&c->lock);
	if (code) {
		failed(c, "no memory");
		return;
	}
	reset(c);
	if (c->failures || !c->told)
		weir_logf(c->host, c->context, WEIR_LOG_INFO, "aws_credentials_ready",
			  "AWS credentials from %s", c->chain.origin);
	if (c->stalled)
		c->host->output_stalled(c->context, weir_slice_of(""));
	c->told = 1;
	c->failures = 0;
	c->stalled = 0;
	if (!expires_s)
		return;
	left_s = expires_s - credentials_now_s(c);
	left_s = left_s > 2 * REFRESH_EARLY_S ? left_s - REFRESH_EARLY_S : left_s / 2;
	set_timer(c, (left_s > 1 ? (uint64_t)left_s : 1) * SECOND_NS);
}

/* ---- steps ---- */

static int has_region(struct aws_credentials *c)
{
	return aws_credentials_region(c).size > 0;
}

static void set_region(struct aws_credentials *c, const char *region)
{
	pthread_mutex_lock(&c->lock);
	if (!*c->region)
		snprintf(c->region, sizeof(c->region), "%s", region);
	pthread_mutex_unlock(&c->lock);
}

static void copy_chain_keys(struct aws_credentials *c)
{
	text_add_string(&c->working.access_key, c->chain.access_key);
	text_add_string(&c->working.secret_key, c->chain.secret_key);
	if (c->chain.token)
		text_add_string(&c->working.token, c->chain.token);
}

static void on_process_end(void *user)
{
	struct aws_credentials *c = user;

	pthread_mutex_lock(&c->lock);
	c->process_done = 1;
	pthread_mutex_unlock(&c->lock);
	c->host->timer_set(c->context, c->timer, 0);
}

static int32_t ask_base(struct aws_credentials *c, struct weir_error *error)
{
	switch (c->chain.kind) {
	case CHAIN_PROCESS:
		c->phase = PHASE_PROCESS;
		return process_start(c->chain.command, on_process_end, c, &c->process, error);
	case CHAIN_WEB_IDENTITY:
		c->phase = PHASE_WEB_IDENTITY;
		return sts_assume_role_with_web_identity(&c->exchange, c->sts_endpoint,
							 aws_credentials_region(c), &c->chain.web,
							 c->chain.token_file, error);
	case CHAIN_CONTAINER:
		c->phase = PHASE_CONTAINER;
		return container_ask_keys(&c->exchange, &c->chain, error);
	default:
		c->phase = PHASE_INSTANCE_TOKEN;
		return instance_ask_token(&c->exchange);
	}
}

static int32_t ask_role(struct aws_credentials *c)
{
	c->phase = PHASE_ROLE;
	return sts_assume_role(&c->exchange, c->sts_endpoint, aws_credentials_region(c),
			       &c->chain.roles[c->next_role++], &c->working, credentials_now_s(c));
}

/* With base keys at hand. */
static void next_step(struct aws_credentials *c)
{
	int32_t code;

	if (c->next_role < c->chain.role_count) {
		code = ask_role(c);
	} else if (!has_region(c)) {
		c->phase = PHASE_REGION_TOKEN;
		code = instance_ask_token(&c->exchange);
	} else {
		publish(c);
		return;
	}
	if (code)
		failed(c, "no memory to ask for them");
}

static int32_t resolve(struct aws_credentials *c, struct weir_error *error)
{
	int32_t code;

	chain_done(&c->chain);
	code = chain_resolve(&c->settings, &c->chain, error);
	if (code)
		return code;
	c->next_role = 0;
	if (c->chain.region && endpoint_is_region(weir_slice_of(c->chain.region)))
		set_region(c, c->chain.region);
	return 0;
}

int32_t refresh_at_once(struct aws_credentials *c, struct weir_error *error)
{
	int32_t code = resolve(c, error);

	if (code || c->chain.kind != CHAIN_KEYS || c->chain.role_count || !has_region(c))
		return code;
	copy_chain_keys(c);
	publish(c);
	return 0;
}

void refresh_begin(struct aws_credentials *c)
{
	struct weir_error error = {0};

	if (c->phase != PHASE_IDLE)
		return;
	if (resolve(c, &error)) {
		failed(c, error.text);
		return;
	}
	if (c->chain.kind == CHAIN_KEYS) {
		copy_chain_keys(c);
		next_step(c);
	} else if (ask_base(c, &error)) {
		failed(c, *error.text ? error.text : "no memory to ask for them");
	}
}

/* ---- answers ---- */

void refresh_process_done(struct aws_credentials *c)
{
	struct weir_error error = {0};
	struct weir_slice output;
	int32_t code;

	pthread_mutex_lock(&c->lock);
	c->process_done = 0;
	pthread_mutex_unlock(&c->lock);
	code = process_output(c->process, &output, &error);
	if (!code)
		code = answer_read_json(output, "credential_process", &c->working, &error);
	process_free(c->process);
	c->process = NULL;
	if (code)
		failed(c, error.text);
	else
		next_step(c);
}

static const char *name_of(enum phase phase)
{
	switch (phase) {
	case PHASE_WEB_IDENTITY:
	case PHASE_ROLE:
		return "STS";
	case PHASE_CONTAINER:
		return "the container's endpoint";
	default:
		return "the instance's metadata (IMDSv2)";
	}
}

static void failed_answer(struct aws_credentials *c, const struct weir_http_response *response)
{
	struct aws_error failure;
	char why[512];

	aws_error_read(response, &failure);
	if (response->status == 0)
		snprintf(why, sizeof(why), "%s does not answer: %s%s", name_of(c->phase),
			 failure.text,
			 c->phase == PHASE_INSTANCE_TOKEN || c->phase == PHASE_REGION_TOKEN
				 ? " (not on EC2? then set AWS_ACCESS_KEY_ID and "
				   "AWS_SECRET_ACCESS_KEY, or a profile; in a container, its hop "
				   "limit must be 2)"
				 : "");
	else if (response->status == 404 && c->phase == PHASE_INSTANCE_ROLE)
		snprintf(why, sizeof(why), "the instance has no role");
	else
		snprintf(why, sizeof(why), "%s answered %u %s %s", name_of(c->phase),
			 response->status, failure.code, failure.text);
	failed(c, why);
}

/* The first line of an answer that is plain text; 0 when there is none. */
static int first_line(struct weir_slice body, struct weir_slice *ret_line)
{
	const char *end = body.size ? memchr(body.data, '\n', body.size) : NULL;

	*ret_line = (struct weir_slice){body.data, end ? (uint64_t)(end - body.data) : body.size};
	return ret_line->size > 0;
}

static void instance_answer(struct aws_credentials *c, struct weir_slice body)
{
	struct weir_slice line;
	char region[REGION_MAX];
	int32_t code = 0;

	if (!first_line(body, &line)) {
		failed(c, "the instance's metadata gave an empty answer");
		return;
	}
	if (c->phase == PHASE_INSTANCE_TOKEN || c->phase == PHASE_REGION_TOKEN) {
		c->token.size = 0;
		text_add_slice(&c->token, line);
	}
	switch (c->phase) {
	case PHASE_INSTANCE_TOKEN:
		c->phase = PHASE_INSTANCE_ROLE;
		code = instance_ask_role(&c->exchange, text_slice(&c->token));
		break;
	case PHASE_INSTANCE_ROLE:
		c->phase = PHASE_INSTANCE_KEYS;
		code = instance_ask_keys(&c->exchange, text_slice(&c->token), line);
		break;
	case PHASE_REGION_TOKEN:
		c->phase = PHASE_REGION;
		code = instance_ask_region(&c->exchange, text_slice(&c->token));
		break;
	default:
		if (!endpoint_is_region(line)) {
			failed(c, "the instance's metadata gave a region that is none");
			return;
		}
		snprintf(region, sizeof(region), "%.*s", (int)line.size, line.data);
		set_region(c, region);
		next_step(c);
	}
	if (code)
		failed(c, "no memory to ask for them");
}

static void keys_answer(struct aws_credentials *c, struct weir_slice body)
{
	int is_xml = c->phase == PHASE_WEB_IDENTITY || c->phase == PHASE_ROLE;
	struct weir_error error = {0};
	int32_t code;

	aws_secret_keys_done(&c->working);
	code = is_xml ? answer_read_xml(body, name_of(c->phase), &c->working, &error)
		      : answer_read_json(body, name_of(c->phase), &c->working, &error);
	if (code)
		failed(c, error.text);
	else
		next_step(c);
}

void refresh_answer(struct aws_credentials *c, const struct weir_http_response *response)
{
	if (response->advice != WEIR_HTTP_OK) {
		failed_answer(c, response);
		return;
	}
	switch (c->phase) {
	case PHASE_INSTANCE_TOKEN:
	case PHASE_INSTANCE_ROLE:
	case PHASE_REGION_TOKEN:
	case PHASE_REGION:
		instance_answer(c, response->body);
		break;
	default:
		keys_answer(c, response->body);
	}
}
