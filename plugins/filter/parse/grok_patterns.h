// SPDX-License-Identifier: MIT
/* The patterns that grok knows by name. */
#ifndef PARSE_GROK_PATTERNS_H
#define PARSE_GROK_PATTERNS_H

#include <weir/abi.h>

/* The text of a pattern, or NULL. */
const char *grok_pattern_named(struct weir_slice name);

#endif
