// SPDX-License-Identifier: MIT
/* Base64 (RFC 4648, section 4) of whole groups of three bytes. Any thread. */
#ifndef AWS_PUT_BASE64_H
#define AWS_PUT_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* `size` is a multiple of 3; writes 4 characters for each 3 bytes and returns where they end. */
char *base64_encode(char *to, const uint8_t *from, size_t size);
/* The same without vector instructions. */
char *base64_encode_scalar(char *to, const uint8_t *from, size_t size);

#endif
