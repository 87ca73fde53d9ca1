// SPDX-License-Identifier: MIT
/* Credentials as the various sources hand them out: JSON objects, and XML of STS. */
#ifndef AWS_ANSWER_H
#define AWS_ANSWER_H

#include "support/aws/text.h"

/* Owned; wiped when freed. */
struct aws_secret_keys {
	struct text access_key, secret_key, token;
	int64_t expires_s; /* seconds since 1970; 0 = never */
};

/* `what` names the source in errors. */
int32_t answer_read_json(struct weir_slice json, const char *what, struct aws_secret_keys *ret_keys,
			 struct weir_error *error);
int32_t answer_read_xml(struct weir_slice xml, const char *what, struct aws_secret_keys *ret_keys,
			struct weir_error *error);
void aws_secret_keys_done(struct aws_secret_keys *keys);

#endif
