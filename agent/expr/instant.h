// SPDX-License-Identifier: MIT
/* Points in time as people write them in an expression. */
#ifndef EXPR_INSTANT_H
#define EXPR_INSTANT_H

#include <weir/abi.h>

/* RFC 3339; also with a space for the T, without a zone (UTC), and without a time (midnight). */
int instant_parse(struct weir_slice text, int64_t *ret_ns);

#endif
