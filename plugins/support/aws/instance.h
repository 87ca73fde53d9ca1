// SPDX-License-Identifier: MIT
/*
 * What an instance or a container says about itself: IMDSv2 and the container's endpoint.
 *
 * IMDSv2 takes three steps: a token by PUT, the name of the role, the role's keys; the region needs
 * the token too. The address is AWS_EC2_METADATA_SERVICE_ENDPOINT, or the usual one.
 */
#ifndef AWS_INSTANCE_H
#define AWS_INSTANCE_H

#include "support/aws/chain.h"
#include "support/aws/exchange.h"

int32_t instance_ask_token(struct exchange *exchange);
int32_t instance_ask_role(struct exchange *exchange, struct weir_slice token);
int32_t instance_ask_keys(struct exchange *exchange, struct weir_slice token,
			  struct weir_slice role);
int32_t instance_ask_region(struct exchange *exchange, struct weir_slice token);
int32_t container_ask_keys(struct exchange *exchange, const struct chain *chain,
			   struct weir_error *error);

#endif
