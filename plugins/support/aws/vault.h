// SPDX-License-Identifier: MIT
/* The keys in use, in pages that core dumps leave out. No locking of its own. */
#ifndef AWS_VAULT_H
#define AWS_VAULT_H

#include "support/aws/answer.h"
#include "support/aws/sign.h"

struct vault {
	void *pages;
	size_t size;
	struct aws_keys keys; /* into the pages; the access key is empty while there are none */
};

/* Copies the keys in place of those that were there. */
int32_t vault_set(struct vault *vault, const struct aws_secret_keys *keys);
void vault_clear(struct vault *vault);

#endif
