// SPDX-License-Identifier: MIT
/*
 *   canonical request ──SHA-256──▶ string to sign ──HMAC with the day's key──▶ signature
 *
 * Source: "Create a signed AWS API request", AWS IAM User Guide.
 */
#include "support/aws/sign.h"

#include <time.h>

#include "support/aws/canonical.h"
#include "support/aws/digest.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
/* 20150830T123600Z, and its first 8 characters are the day. */
#define STAMP_SIZE 16
#define DAY_SIZE 8

static int32_t make_stamp(int64_t time_s, char ret_stamp[STAMP_SIZE + 1])
{
	time_t at = (time_t)time_s;
	struct tm parts;

	if (!gmtime_r(&at, &parts) ||
	    strftime(ret_stamp, STAMP_SIZE + 1, "%Y%m%dT%H%M%SZ", &parts) != STAMP_SIZE)
		return WEIR_ERR_INVALID;
	return 0;
}

static void add_header(struct text *text, const char *name, struct weir_slice value,
		       size_t offsets[], uint32_t *count)
{
	offsets[(*count)++] = text->size;
	text_add_string(text, name);
	text_add_slice(text, value);
	text_add(text, "", 1); /* a NUL between them */
}

/* The headers that are signed along, and points `ret_signed` to them. */
static void add_own_headers(const struct aws_signing *s, const char *stamp, struct text *text,
			    size_t offsets[], uint32_t *count)
{
	add_header(text, "X-Amz-Date: ", weir_slice_of(stamp), offsets, count);
	if (s->keys->token.size)
		add_header(text, "X-Amz-Security-Token: ", s->keys->token, offsets, count);
	if (s->flags & AWS_SIGN_CONTENT_SHA256)
		add_header(text, "X-Amz-Content-SHA256: ", s->body_sha256, offsets, count);
}

static void add_scope(struct text *text, const struct aws_signing *s, const char *stamp)
{
	text_add(text, stamp, DAY_SIZE);
	text_add(text, "/", 1);
	text_add_slice(text, s->region);
	text_add(text, "/", 1);
	text_add_slice(text, s->service);
	text_add_string(text, "/aws4_request");
}

static void add_canonical(struct text *text, struct text *names, const struct aws_signing *s,
			  const struct weir_slice *headers, uint32_t count)
{
	struct url_parts url;

	if (url_split(s->url, &url)) {
		text->failed = 1;
		return;
	}
	text_add_slice(text, s->method.size ? s->method : weir_slice_of("POST"));
	text_add(text, "\n", 1);
	canonical_path(text, url.path, s->flags);
	text_add(text, "\n", 1);
	canonical_query(text, url.query);
	text_add(text, "\n", 1);
	canonical_headers(text, names, headers, count, url.host);
	text_add(text, "\n", 1);
	text_add_slice(text, text_slice(names));
	text_add(text, "\n", 1);
	text_add_slice(text, s->body_sha256);
	text->failed |= names->failed;
}

static int32_t day_key(const struct aws_signing *s, const char *stamp,
		       uint8_t ret_key[DIGEST_BYTES])
{
	const struct weir_slice day = {stamp, DAY_SIZE};
	struct text secret = {0};
	int32_t code = WEIR_ERR_MEMORY;

	text_add_string(&secret, "AWS4");
	text_add_slice(&secret, s->keys->secret_key);
	if (!secret.failed)
		code = digest_hmac(secret.data, secret.size, day, ret_key);
	text_done(&secret);
	if (!code)
		code = digest_hmac(ret_key, DIGEST_BYTES, s->region, ret_key);
	if (!code)
		code = digest_hmac(ret_key, DIGEST_BYTES, s->service, ret_key);
	if (!code)
		code = digest_hmac(ret_key, DIGEST_BYTES, weir_slice_of("aws4_request"), ret_key);
	return code;
}

static int32_t make_signature(const struct aws_signing *s, const char *stamp,
			      const struct text *canonical, char ret_hex[DIGEST_HEX + 1])
{
	const struct weir_slice whole = text_slice(canonical);
	uint8_t key[DIGEST_BYTES], mac[DIGEST_BYTES];
	struct text to_sign = {0};
	int32_t code = digest_slices(&whole, 1, ret_hex);

	text_add_string(&to_sign, ALGORITHM "\n");
	text_add_string(&to_sign, stamp);
	text_add(&to_sign, "\n", 1);
	add_scope(&to_sign, s, stamp);
	text_add(&to_sign, "\n", 1);
	text_add(&to_sign, ret_hex, DIGEST_HEX);
	if (!code)
		code = to_sign.failed ? WEIR_ERR_MEMORY : day_key(s, stamp, key);
	if (!code)
		code = digest_hmac(key, sizeof(key), text_slice(&to_sign), mac);
	if (!code)
		digest_hex(mac, sizeof(mac), ret_hex);
	explicit_bzero(key, sizeof(key));
	text_done(&to_sign);
	return code;
}

static void add_authorization(struct text *text, const struct aws_signing *s, const char *stamp,
			      const struct text *names, const char *signature)
{
	text_add_string(text, "Authorization: " ALGORITHM " Credential=");
	text_add_slice(text, s->keys->access_key);
	text_add(text, "/", 1);
	add_scope(text, s, stamp);
	text_add_string(text, ", SignedHeaders=");
	text_add_slice(text, text_slice(names));
	text_add_string(text, ", Signature=");
	text_add_string(text, signature);
	text_add(text, "", 1);
}

static void point_to(struct aws_signed *ret_signed, struct text *text, const size_t *offsets,
		     uint32_t count)
{
	ret_signed->count = count;
	ret_signed->memory = text->data;
	ret_signed->memory_size = text->capacity;
	for (uint32_t i = 0; i < count; i++)
		ret_signed->headers[i] = weir_slice_of(text->data + offsets[i]);
}

/* The caller's headers and our own, for signing only. */
static int32_t sign_all(const struct aws_signing *s, const char *stamp, struct text *own,
			size_t *offsets, uint32_t *count)
{
	struct weir_slice all[AWS_SIGNED_HEADERS + AWS_HEADERS_MAX];
	struct text canonical = {0}, names = {0};
	char signature[DIGEST_HEX + 1];
	uint32_t all_count = s->header_count;
	int32_t code;

	if (own->failed)
		return WEIR_ERR_MEMORY;
	if (s->header_count)
		memcpy(all, s->headers, s->header_count * sizeof(*all));
	for (uint32_t i = 0; i < *count; i++)
		all[all_count++] = weir_slice_of(own->data + offsets[i]);
	add_canonical(&canonical, &names, s, all, all_count);
	code = canonical.failed ? WEIR_ERR_INVALID
				: make_signature(s, stamp, &canonical, signature);
	if (!code) {
		offsets[(*count)++] = own->size;
		add_authorization(own, s, stamp, &names, signature);
		code = own->failed ? WEIR_ERR_MEMORY : 0;
	}
	text_done(&canonical);
	text_done(&names);
	return code;
}

int32_t aws_sign(const struct aws_signing *signing, struct aws_signed *ret_signed,
		 struct weir_error *error)
{
	size_t offsets[AWS_SIGNED_HEADERS];
	char stamp[STAMP_SIZE + 1];
	struct text own = {0};
	uint32_t count = 0;
	int32_t code;

	memset(ret_signed, 0, sizeof(*ret_signed));
	if (make_stamp(signing->time_s, stamp) || signing->header_count > AWS_HEADERS_MAX)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "cannot sign: no such time, or too many headers");
	add_own_headers(signing, stamp, &own, offsets, &count);
	code = sign_all(signing, stamp, &own, offsets, &count);
	if (code) {
		text_done(&own);
		return weir_fail(error, code, "cannot sign the request: %s",
				 code == WEIR_ERR_INVALID ? "its URL is no URL" : "no memory");
	}
	point_to(ret_signed, &own, offsets, count);
	return 0;
}

void aws_signed_done(struct aws_signed *signed_headers)
{
	struct text text = {.data = signed_headers->memory,
			    .capacity = signed_headers->memory_size};

	text_done(&text);
	memset(signed_headers, 0, sizeof(*signed_headers));
}
