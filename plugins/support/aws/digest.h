// SPDX-License-Identifier: MIT
/* SHA-256 and HMAC-SHA-256, by OpenSSL's libcrypto. */
#ifndef AWS_DIGEST_H
#define AWS_DIGEST_H

#include <weir/plugin.h>

#define DIGEST_BYTES 32
#define DIGEST_HEX 64

/* Of the slices one after the other, without joining them: 64 hex digits and a NUL. Returns 0, or
 * WEIR_ERR_INTERNAL when the library fails. */
int32_t digest_slices(const struct weir_slice *slices, uint32_t count,
		      char ret_hex[DIGEST_HEX + 1]);
/* ret_mac may be where the key is. */
int32_t digest_hmac(const void *key, size_t key_size, struct weir_slice data,
		    uint8_t ret_mac[DIGEST_BYTES]);
void digest_hex(const uint8_t *bytes, size_t count, char *ret_hex);

#endif
