// SPDX-License-Identifier: MIT
#include "support/aggregate/hash_key.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "support/aggregate/md5_lanes.h"

/* Two halves at a time: 10^19 is the largest power of ten below 2^64. */
#define CHUNK_DIGITS 19
#define CHUNK UINT64_C(10000000000000000000)

__extension__ typedef unsigned __int128 wide;

static wide join(struct hash_key key)
{
	return (wide)key.high << 64 | key.low;
}

int32_t hash_key_read(struct weir_slice text, struct hash_key *ret_key)
{
	const wide most = ~(wide)0;
	wide value = 0;

	if (text.size == 0 || text.size >= HASH_KEY_TEXT || (text.size > 1 && *text.data == '0'))
		return WEIR_ERR_INVALID;
	for (uint64_t i = 0; i < text.size; i++) {
		unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';

		if (digit > 9 || value > most / 10 || value * 10 > most - digit)
			return WEIR_ERR_INVALID;
		value = value * 10 + digit;
	}
	*ret_key = (struct hash_key){(uint64_t)(value >> 64), (uint64_t)value};
	return 0;
}

uint32_t hash_key_write(struct hash_key key, char ret_text[HASH_KEY_TEXT])
{
	wide left = join(key);
	char digits[HASH_KEY_TEXT], *at = digits + HASH_KEY_TEXT;
	uint32_t size;

	do {
		uint64_t chunk = (uint64_t)(left % CHUNK);

		left /= CHUNK;
		for (int i = 0; i < CHUNK_DIGITS && (left || chunk || i == 0); i++, chunk /= 10)
			*--at = (char)('0' + chunk % 10);
	} while (left);
	size = (uint32_t)(digits + HASH_KEY_TEXT - at);
	memcpy(ret_text, at, size);
	ret_text[size] = '\0';
	return size;
}

/* ---- MD5 ---- */

struct hasher {
	EVP_MD *md5;
	EVP_MD_CTX *context;
};

struct hasher *hasher_create(void)
{
	struct hasher *hasher = calloc(1, sizeof(*hasher));

	if (!hasher)
		return NULL;
	hasher->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	hasher->context = EVP_MD_CTX_new();
	if (hasher->md5 && hasher->context)
		return hasher;
	hasher_destroy(hasher);
	return NULL;
}

void hasher_destroy(struct hasher *hasher)
{
	if (!hasher)
		return;
	EVP_MD_CTX_free(hasher->context);
	EVP_MD_free(hasher->md5);
	free(hasher);
}

int32_t hasher_md5(struct hasher *hasher, const void *data, uint64_t size,
		   uint8_t ret_digest[HASHER_MD5_SIZE])
{
	int good = EVP_DigestInit_ex2(hasher->context, hasher->md5, NULL) &&
		   EVP_DigestUpdate(hasher->context, data, size) &&
		   EVP_DigestFinal_ex(hasher->context, ret_digest, NULL);

	return good ? 0 : WEIR_ERR_INTERNAL;
}

int32_t hasher_md5_all(struct hasher *hasher, const struct weir_slice *texts, uint32_t count,
		       uint8_t (*ret_digests)[HASHER_MD5_SIZE])
{
	_Static_assert(HASHER_TOGETHER == MD5_LANES && HASHER_MD5_SIZE == MD5_LANES_DIGEST,
		       "as many as there are lanes");
	int32_t code = 0;

	for (uint32_t i = 0; i < count && code == 0; i += MD5_LANES) {
		uint32_t some = count - i < MD5_LANES ? count - i : MD5_LANES;

		if (some > 1 && md5_lanes_available()) {
			md5_lanes(texts + i, some, ret_digests + i);
			continue;
		}
		for (uint32_t j = i; j < i + some && code == 0; j++)
			code = hasher_md5(hasher, texts[j].data, texts[j].size, ret_digests[j]);
	}
	return code;
}

static uint64_t big_endian(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

int32_t hasher_key(struct hasher *hasher, struct weir_slice partition_key, struct hash_key *ret_key)
{
	uint8_t digest[HASHER_MD5_SIZE];
	int32_t code = hasher_md5(hasher, partition_key.data, partition_key.size, digest);

	if (code == 0)
		*ret_key = (struct hash_key){big_endian(digest), big_endian(digest + 8)};
	return code;
}
