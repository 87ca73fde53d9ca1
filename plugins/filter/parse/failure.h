// SPDX-License-Identifier: MIT
/*
 * What becomes of a line that doesn't parse, as `on_error` says: passed on as it is, with a mark
 * and a field `parse_error`; sent to the dead letter; or dropped.
 */
#ifndef PARSE_FAILURE_H
#define PARSE_FAILURE_H

#include "parse.h"

/* Says why a record did not parse. */
#define FAILURE_FIELD "parse_error"

/* reason is a constant text. An error is the host's. */
int failure_apply(struct parse *parse, const char *reason);

#endif
