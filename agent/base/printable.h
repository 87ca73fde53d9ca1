// SPDX-License-Identifier: MIT
/*
 * Text of others, such as names of files, on a terminal or in a log: what is shown, and what would act.
 */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

/* How many bytes of valid UTF-8 the text begins with, as one character; 0 = not valid. size > 0. */
size_t printable_utf8(const char *text, size_t size);
/* The same, but 0 as well for what terminals obey instead of showing: control characters, those beyond
 * ASCII too (CSI has one of its own), and what reorders or breaks lines. */
size_t printable_length(const char *text, size_t size);

#endif
