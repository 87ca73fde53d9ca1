// SPDX-License-Identifier: MIT
#include "signature.h"

#include <stdlib.h>

const struct weir_option signature_options[] = {
	HTTP_OPTION("service", WEIR_TYPE_STRING, "es",
		    "es: Amazon OpenSearch Service; aoss: OpenSearch Serverless",
		    .values = "es|aoss"),
	AWS_CREDENTIALS_OPTIONS, WEIR_OPTION_END};

int32_t signer_create(struct signer *signer, const struct aws_credentials_options *options,
		      const struct http_headers *headers, struct weir_error *error)
{
	const char *service = weir_node_text(options->node, "service");

	signer->service = service ? service : "es";
	signer->flags = AWS_SIGN_CONTENT_SHA256; /* aoss demands it, es doesn't mind */
	signer->headers = headers;
	return aws_credentials_create(options, &signer->credentials, error);
}

int32_t signature_hash(struct signature *signature, const struct weir_http_request *http)
{
	return digest_slices(http->body, http->body_count, signature->sha256);
}

int32_t signature_make(struct signature *signature, const struct signer *signer,
		       struct weir_http_request *http)
{
	const struct http_headers *own = signer->headers;
	struct aws_signing signing = {.method = {"POST", 4},
				      .url = http->url,
				      .headers = own->items,
				      .header_count = own->count,
				      .flags = signer->flags,
				      .body_sha256 = {signature->sha256, DIGEST_HEX},
				      .service = weir_slice_of(signer->service)};
	int32_t code;

	if (!signature->headers)
		signature->headers =
			calloc(own->count + AWS_SIGNED_HEADERS, sizeof(*signature->headers));
	if (!signature->headers)
		return WEIR_ERR_MEMORY;
	aws_signed_done(&signature->made);
	code = aws_credentials_sign(signer->credentials, &signing, &signature->made, NULL);
	if (code)
		return code;
	memcpy(signature->headers, own->items, own->count * sizeof(*own->items));
	for (uint32_t i = 0; i < signature->made.count; i++)
		signature->headers[own->count + i] = signature->made.headers[i];
	http->headers = signature->headers;
	http->header_count = own->count + signature->made.count;
	return WEIR_OK;
}

void signature_done(struct signature *signature)
{
	aws_signed_done(&signature->made);
	free(signature->headers);
	signature->headers = NULL;
}
