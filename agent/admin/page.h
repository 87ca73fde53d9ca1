// SPDX-License-Identifier: MIT
/* The status page: one document without requests to anywhere but the admin address. */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include "base/buffer.h"

/* Room for the policy's header. */
#define PAGE_POLICY_MAX 256

/* The document, and the policy under which only its own script and style work. */
int page_render(struct buffer *out, char ret_policy[PAGE_POLICY_MAX]);

#endif
