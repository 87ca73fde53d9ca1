// SPDX-License-Identifier: MIT
/* RFC 4648 with padding. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <weir/abi.h>

/* Digits for that many bytes. */
static inline size_t base64_size(size_t bytes)
{
	return (bytes + 2) / 3 * 4;
}

/* Writes base64_size() digits, no NUL; returns the end. */
char *base64_append(char *to, struct weir_slice bytes);

#endif
