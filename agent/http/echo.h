// SPDX-License-Identifier: MIT
/*
 * Some servers repeat in a refusal what they were sent, credentials and all; and what a server refuses with
 * goes to the log, the status and the dead letter.
 */
#ifndef HTTP_ECHO_H
#define HTTP_ECHO_H

#include <weir/services.h>

#include "base/buffer.h"

/* Masks in an answer those headers of the request that carry secrets. What else the agent knows of them, the
 * owner of the client masks: this module has no share in it. */
void echo_mask(struct buffer *answer, const struct weir_http_request *request);

#endif
