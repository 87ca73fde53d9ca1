// SPDX-License-Identifier: MIT
/*
 * Signature Version 4 for Amazon OpenSearch Service and Serverless. The body is hashed once, when it
 * is made; each try gets a signature of its own.
 */
#ifndef SIGNATURE_H
#define SIGNATURE_H

#include "support/aws/credentials.h"
#include "support/aws/digest.h"
#include "support/http_options/http_options.h"

extern const struct weir_option signature_options[];

/* What signs; credentials are NULL where nothing is signed. */
struct signer {
	struct aws_credentials *credentials;
	const char *service;
	uint32_t flags;                     /* AWS_SIGN_* */
	const struct http_headers *headers; /* of every request; borrowed */
};

/* Of one request. Zeroed memory is an empty one. */
struct signature {
	char sha256[DIGEST_HEX + 1];
	struct aws_signed made;
	struct weir_slice *headers; /* all of the request's */
};

/* `node` holds the options above. */
int32_t signer_create(struct signer *signer, const struct aws_credentials_options *options,
		      const struct http_headers *headers, struct weir_error *error);
int32_t signature_hash(struct signature *signature, const struct weir_http_request *http);
/* Signs the request as it is now, and gives it its headers. WEIR_ERR_STATE: no keys yet. */
int32_t signature_make(struct signature *signature, const struct signer *signer,
		       struct weir_http_request *http);
void signature_done(struct signature *signature);

#endif
