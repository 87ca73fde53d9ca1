// SPDX-License-Identifier: MIT
/*
 * Requests to be signed, as text: one `word value` a line, ended by a line `sign`.
 *
 *     case get-vanilla            a name, for people
 *     method GET
 *     url https://example.amazonaws.com/
 *     header My-Header1: value1   any number
 *     body 506172616d              hex, any number: slices of the body
 *     flags 1                     AWS_SIGN_*
 *     region, service, access, secret, token, time (seconds)   stay for the requests that follow
 *     expect 5fa00f...            the signature
 *     sign
 */
#ifndef SIGN_CASE_H
#define SIGN_CASE_H

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/aws/digest.h"
#include "support/aws/sign.h"

struct sign_case {
	char *name, *method, *url, *expect; /* of this request */
	char *region, *service, *access, *secret, *token;
	struct weir_slice headers[AWS_HEADERS_MAX], body[AWS_HEADERS_MAX];
	uint32_t header_count, body_count, flags;
	int64_t time_s;
};

static inline void sign_case_set(char **to, const char *value)
{
	free(*to);
	*to = value ? strdup(value) : NULL;
}

static inline struct weir_slice sign_case_bytes(const char *hex)
{
	size_t size = strlen(hex) / 2;
	char *bytes = malloc(size + 1);

	for (size_t i = 0; i < size; i++) {
		unsigned int byte;

		assert(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		bytes[i] = (char)byte;
	}
	return (struct weir_slice){bytes, size};
}

/* Back to no request; what stays, stays. */
static inline void sign_case_next(struct sign_case *c)
{
	for (uint32_t i = 0; i < c->header_count; i++)
		free((char *)(uintptr_t)c->headers[i].data);
	for (uint32_t i = 0; i < c->body_count; i++)
		free((char *)(uintptr_t)c->body[i].data);
	c->header_count = c->body_count = c->flags = 0;
	sign_case_set(&c->name, NULL);
	sign_case_set(&c->method, NULL);
	sign_case_set(&c->url, NULL);
	sign_case_set(&c->expect, NULL);
}

static inline void sign_case_done(struct sign_case *c)
{
	sign_case_next(c);
	sign_case_set(&c->region, NULL);
	sign_case_set(&c->service, NULL);
	sign_case_set(&c->access, NULL);
	sign_case_set(&c->secret, NULL);
	sign_case_set(&c->token, NULL);
}

static inline char **sign_case_text(struct sign_case *c, const char *word)
{
	const struct {
		const char *word;
		char **text;
	} all[] = {{"case", &c->name},     {"method", &c->method}, {"url", &c->url},
		   {"expect", &c->expect}, {"region", &c->region}, {"service", &c->service},
		   {"access", &c->access}, {"secret", &c->secret}, {"token", &c->token}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].word, word) == 0)
			return all[i].text;
	return NULL;
}

static inline void sign_case_word(struct sign_case *c, const char *word, const char *value)
{
	char **text = sign_case_text(c, word);

	if (text)
		sign_case_set(text, value);
	else if (strcmp(word, "header") == 0)
		c->headers[c->header_count++] = weir_slice_of(strdup(value));
	else if (strcmp(word, "body") == 0)
		c->body[c->body_count++] = sign_case_bytes(value);
	else if (strcmp(word, "flags") == 0)
		c->flags = (uint32_t)atoi(value);
	else if (strcmp(word, "time") == 0)
		c->time_s = atoll(value);
	else
		assert(!"a known word");
}

/* Reads up to `sign`; 0 at the end of the file. */
static inline int sign_case_read(FILE *file, struct sign_case *c)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	int found = 0;

	sign_case_next(c);
	while (!found && (size = getline(&line, &capacity, file)) > 0) {
		char *space;

		if (line[size - 1] == '\n')
			line[--size] = '\0';
		if (size == 0 || line[0] == '#')
			continue;
		found = strcmp(line, "sign") == 0;
		space = strchr(line, ' ');
		if (space)
			*space++ = '\0';
		if (!found)
			sign_case_word(c, line, space ? space : "");
	}
	free(line);
	return found;
}

static inline int32_t sign_case_sign(const struct sign_case *c, struct aws_signed *ret_signed,
				     struct weir_error *error)
{
	const struct aws_keys keys = {weir_slice_of(c->access), weir_slice_of(c->secret),
				      weir_slice_of(c->token)};
	struct aws_signing signing = {.method = weir_slice_of(c->method),
				      .url = weir_slice_of(c->url),
				      .headers = c->headers,
				      .header_count = c->header_count,
				      .flags = c->flags,
				      .region = weir_slice_of(c->region),
				      .service = weir_slice_of(c->service),
				      .time_s = c->time_s,
				      .keys = &keys};
	char sha256[DIGEST_HEX + 1];

	assert(digest_slices(c->body, c->body_count, sha256) == 0);
	signing.body_sha256 = weir_slice_of(sha256);
	return aws_sign(&signing, ret_signed, error);
}

#endif
