// SPDX-License-Identifier: MIT
/*
 * AWS Signature Version 4, in the Authorization header, for any method, URL and set of headers.
 *
 * Ours rather than libcurl's: that one signs a query only when it is in canonical form already, and
 * hashes bodies only when they are in one piece. The body's hash is the caller's to give
 * (digest_slices()), so that a retry with a new date does not hash again.
 *
 * Pure: no clock, no environment, no state. Safe on any thread.
 */
#ifndef AWS_SIGN_H
#define AWS_SIGN_H

#include <weir/plugin.h>

/* Borrowed; token may be empty. */
struct aws_keys {
	struct weir_slice access_key, secret_key, token;
};

/* The path is taken as it is: no dot segments removed, no second encoding. S3 wants it so. */
#define AWS_SIGN_PLAIN_PATH 1
/* Adds X-Amz-Content-SHA256, which S3 and OpenSearch Serverless want. */
#define AWS_SIGN_CONTENT_SHA256 2

struct aws_signing {
	struct weir_slice method; /* POST when empty */
	struct weir_slice url;
	/* "Name: value" each. All are signed but Expect, Transfer-Encoding, User-Agent and
	 * X-Amzn-Trace-Id, which proxies change. Host is taken from the URL. */
	const struct weir_slice *headers;
	uint32_t header_count;
	uint32_t flags;                /* AWS_SIGN_* */
	struct weir_slice body_sha256; /* 64 hex digits */
	struct weir_slice region, service;
	int64_t time_s; /* seconds since 1970, as the server's clock has them */
	const struct aws_keys *keys;
};

/* Headers in one request, ours aside. */
#define AWS_HEADERS_MAX 60

#define AWS_SIGNED_HEADERS 4

/* The headers to add to the request: X-Amz-Date, Authorization, and where they apply
 * X-Amz-Security-Token and X-Amz-Content-SHA256. */
struct aws_signed {
	struct weir_slice headers[AWS_SIGNED_HEADERS];
	uint32_t count;
	char *memory;
	uint64_t memory_size;
};

int32_t aws_sign(const struct aws_signing *signing, struct aws_signed *ret_signed,
		 struct weir_error *error);
/* Zeroed memory will do. */
void aws_signed_done(struct aws_signed *signed_headers);

#endif
