// SPDX-License-Identifier: MIT
/* The inside of a JSON string; see json.h for the rules. */
#ifndef BATCH_JSON_STRING_H
#define BATCH_JSON_STRING_H

#include "batch/json.h"

/* Without quotes. On failure the buffer may hold a part of it. */
int json_append_inner(struct buffer *out, struct weir_slice text);

#endif
