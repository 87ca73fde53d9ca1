// SPDX-License-Identifier: MIT
/* Requests to STS, which hands out credentials for roles. */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "support/aws/answer.h"
#include "support/aws/chain.h"
#include "support/aws/exchange.h"

/* Takes on a role by the keys, at the time given. region may be empty. */
int32_t sts_assume_role(struct exchange *exchange, const char *endpoint, struct weir_slice region,
			const struct chain_role *role, const struct aws_secret_keys *keys,
			int64_t time_s);
/* Takes on a role by the token in a file. */
int32_t sts_assume_role_with_web_identity(struct exchange *exchange, const char *endpoint,
					  struct weir_slice region, const struct chain_role *role,
					  const char *token_file, struct weir_error *error);
/* A file's text without blanks around it. */
int32_t token_file_read(const char *path, struct text *ret_token, struct weir_error *error);

#endif
