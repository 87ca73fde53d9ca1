// SPDX-License-Identifier: MIT
/* Bodies that came compressed. */
#ifndef UNPACK_H
#define UNPACK_H

#include <stddef.h>

/* Unpacks one whole gzip or zstd stream; returns 0 and the text, which the caller frees, or -1. */
typedef int unpack_function(const char *packed, size_t size, char **ret_text, size_t *ret_size);

/* For the value of a Content-Encoding; NULL = not compressed, as far as is known here. */
unpack_function *unpack_of(const char *encoding);

#endif
