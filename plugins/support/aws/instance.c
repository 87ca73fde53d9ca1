// SPDX-License-Identifier: MIT
/* Source: "Use the Instance Metadata Service", EC2 User Guide. */
#include "support/aws/instance.h"

#include <stdlib.h>

#include "support/aws/sts.h"

#define IMDS_BASE "http://169.254.169.254"
#define IMDS_KEYS "/latest/meta-data/iam/security-credentials/"
#define IMDS_TOKEN_SECONDS "21600" /* the longest there is */

static void begin(struct exchange *exchange, const char *method, const char *path,
		  struct weir_slice rest)
{
	const char *base = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	size_t size;

	if (!base || !*base)
		base = IMDS_BASE;
	size = strlen(base);
	exchange_begin(exchange, method);
	text_add(&exchange->url, base, size - (base[size - 1] == '/'));
	text_add_string(&exchange->url, path);
	text_add_encoded(&exchange->url, rest, "");
}

static int32_t get(struct exchange *exchange, const char *path, struct weir_slice rest,
		   struct weir_slice token)
{
	begin(exchange, "GET", path, rest);
	exchange_header(exchange, "X-aws-ec2-metadata-token", token);
	return exchange_send(exchange, EXCHANGE_NEARBY);
}

int32_t instance_ask_token(struct exchange *exchange)
{
	const struct weir_slice none = {NULL, 0};

	begin(exchange, "PUT", "/latest/api/token", none);
	exchange_header(exchange, "X-aws-ec2-metadata-token-ttl-seconds",
			weir_slice_of(IMDS_TOKEN_SECONDS));
	return exchange_send(exchange, EXCHANGE_NEARBY);
}

int32_t instance_ask_role(struct exchange *exchange, struct weir_slice token)
{
	const struct weir_slice none = {NULL, 0};

	return get(exchange, IMDS_KEYS, none, token);
}

int32_t instance_ask_keys(struct exchange *exchange, struct weir_slice token,
			  struct weir_slice role)
{
	return get(exchange, IMDS_KEYS, role, token);
}

int32_t instance_ask_region(struct exchange *exchange, struct weir_slice token)
{
	const struct weir_slice none = {NULL, 0};

	return get(exchange, "/latest/meta-data/placement/region", none, token);
}

int32_t container_ask_keys(struct exchange *exchange, const struct chain *chain,
			   struct weir_error *error)
{
	struct text token = {0};
	int32_t code = 0;

	exchange_begin(exchange, "GET");
	text_add_string(&exchange->url, chain->url);
	exchange_header(exchange, "Accept", weir_slice_of("application/json"));
	if (chain->token_file)
		code = token_file_read(chain->token_file, &token, error);
	else if (chain->authorization)
		text_add_string(&token, chain->authorization);
	if (!code && token.size)
		exchange_header(exchange, "Authorization", text_slice(&token));
	text_done(&token);
	if (code)
		return code;
	code = exchange_send(exchange, EXCHANGE_NEARBY);
	return code ? weir_fail(error, code, "no memory to ask the container's endpoint") : 0;
}
