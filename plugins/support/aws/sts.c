// SPDX-License-Identifier: MIT
/* Source: the STS API reference, 2011-06-15. */
#include "support/aws/sts.h"

#include <ctype.h>

#include "support/aws/digest.h"
#include "support/aws/endpoint.h"
#include "support/aws/sign.h"

/* Where no region is known; also what the global endpoint is signed for. */
#define GLOBAL_REGION "us-east-1"
#define TOKEN_FILE_MAX (64 << 10)

static void add_parameter(struct text *body, const char *name, struct weir_slice value)
{
	text_add(body, "&", 1);
	text_add_string(body, name);
	text_add(body, "=", 1);
	text_add_encoded(body, value, "");
}

static void add_role(struct exchange *exchange, const struct chain_role *role)
{
	const char *session = role->session_name ? role->session_name : "weir";
	char duration[24];

	add_parameter(&exchange->body, "RoleArn", weir_slice_of(role->arn));
	add_parameter(&exchange->body, "RoleSessionName", weir_slice_of(session));
	if (role->external_id)
		add_parameter(&exchange->body, "ExternalId", weir_slice_of(role->external_id));
	if (role->duration_s <= 0)
		return;
	snprintf(duration, sizeof(duration), "%lld", (long long)role->duration_s);
	add_parameter(&exchange->body, "DurationSeconds", weir_slice_of(duration));
}

static void begin(struct exchange *exchange, const char *endpoint, struct weir_slice region,
		  const char *action)
{
	exchange_begin(exchange, "POST");
	endpoint_url(endpoint, "sts", region, &exchange->url);
	text_add_string(&exchange->body, "Action=");
	text_add_string(&exchange->body, action);
	text_add_string(&exchange->body, "&Version=2011-06-15");
	exchange_header(exchange, "Content-Type",
			weir_slice_of("application/x-www-form-urlencoded; charset=utf-8"));
}

static int32_t sign(struct exchange *exchange, struct weir_slice region,
		    const struct aws_secret_keys *keys, int64_t time_s)
{
	const struct aws_keys view = {text_slice(&keys->access_key), text_slice(&keys->secret_key),
				      text_slice(&keys->token)};
	struct aws_signing signing = {.method = {"POST", 4},
				      .url = text_slice(&exchange->url),
				      .headers = exchange_headers(exchange),
				      .header_count = exchange->header_count,
				      .region = region.size ? region : weir_slice_of(GLOBAL_REGION),
				      .service = {"sts", 3},
				      .time_s = time_s,
				      .keys = &view};
	const struct weir_slice body = text_slice(&exchange->body);
	struct aws_signed made;
	char sha256[DIGEST_HEX + 1];
	int32_t code = digest_slices(&body, 1, sha256);

	signing.body_sha256 = weir_slice_of(sha256);
	if (!code)
		code = aws_sign(&signing, &made, NULL);
	if (code)
		return code;
	for (uint32_t i = 0; i < made.count; i++) {
		char *colon = strchr(made.headers[i].data, ':');

		*colon = '\0'; /* within made.memory */
		exchange_header(exchange, made.headers[i].data, weir_slice_of(colon + 2));
	}
	aws_signed_done(&made);
	return 0;
}

int32_t sts_assume_role(struct exchange *exchange, const char *endpoint, struct weir_slice region,
			const struct chain_role *role, const struct aws_secret_keys *keys,
			int64_t time_s)
{
	int32_t code;

	begin(exchange, endpoint, region, "AssumeRole");
	add_role(exchange, role);
	code = sign(exchange, region, keys, time_s);
	return code ? code : exchange_send(exchange, EXCHANGE_REMOTE);
}

int32_t token_file_read(const char *path, struct text *ret_token, struct weir_error *error)
{
	FILE *file = fopen(path, "re");
	char buffer[4096];
	size_t size;

	if (!file)
		return weir_fail(error, WEIR_ERR_IO, "cannot read the token file %s: %m", path);
	while ((size = fread(buffer, 1, sizeof(buffer), file)) > 0 &&
	       ret_token->size < TOKEN_FILE_MAX)
		text_add(ret_token, buffer, size);
	fclose(file);
	while (ret_token->size && isspace((unsigned char)ret_token->data[ret_token->size - 1]))
		ret_token->size--;
	if (ret_token->size == 0 || ret_token->failed)
		return weir_fail(error, WEIR_ERR_INVALID, "the token file %s is empty", path);
	return 0;
}

int32_t sts_assume_role_with_web_identity(struct exchange *exchange, const char *endpoint,
					  struct weir_slice region, const struct chain_role *role,
					  const char *token_file, struct weir_error *error)
{
	struct text token = {0};
	int32_t code = token_file_read(token_file, &token, error);

	if (!code) {
		begin(exchange, endpoint, region, "AssumeRoleWithWebIdentity");
		add_role(exchange, role);
		add_parameter(&exchange->body, "WebIdentityToken", text_slice(&token));
		code = exchange_send(exchange, EXCHANGE_REMOTE);
		if (code)
			weir_fail(error, code, "no memory to ask STS");
	}
	text_done(&token);
	return code;
}
