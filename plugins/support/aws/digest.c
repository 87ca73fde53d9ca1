// SPDX-License-Identifier: MIT
#include "support/aws/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

void digest_hex(const uint8_t *bytes, size_t count, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[2 * count] = '\0';
}

int32_t digest_slices(const struct weir_slice *slices, uint32_t count, char ret_hex[DIGEST_HEX + 1])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t digest[DIGEST_BYTES];
	int ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

	for (uint32_t i = 0; i < count && ok; i++)
		ok = EVP_DigestUpdate(context, slices[i].data, slices[i].size);
	ok = ok && EVP_DigestFinal_ex(context, digest, NULL);
	EVP_MD_CTX_free(context);
	if (!ok)
		return WEIR_ERR_INTERNAL;
	digest_hex(digest, sizeof(digest), ret_hex);
	return 0;
}

int32_t digest_hmac(const void *key, size_t key_size, struct weir_slice data,
		    uint8_t ret_mac[DIGEST_BYTES])
{
	uint8_t mac[DIGEST_BYTES];
	unsigned int size = 0;

	if (!HMAC(EVP_sha256(), key, (int)key_size, (const uint8_t *)data.data, data.size, mac,
		  &size) ||
	    size != DIGEST_BYTES)
		return WEIR_ERR_INTERNAL;
	memcpy(ret_mac, mac, sizeof(mac));
	OPENSSL_cleanse(mac, sizeof(mac));
	return 0;
}
