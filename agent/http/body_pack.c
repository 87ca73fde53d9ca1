// SPDX-License-Identifier: MIT
/*
 * One buffer of the largest size that the packed body can have, cut to what it has: nothing grows on
 * the way. A body of several slices is joined first.
 */
#include "http/body_pack.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <zstd.h>

/* Level 1: on logs it is several times faster than 6 and within a few percent of its size. */
#define GZIP_LEVEL 1
/* Level 1: a tenth smaller than gzip at its level 1, for two thirds of the CPU (tests/bench, options). */
#define ZSTD_LEVEL 1

struct packing {
	uint32_t flag; /* WEIR_HTTP_* */
	const char *header;
	/* Compresses into a buffer that it allocates; returns the size, or 0 for no memory. */
	size_t (*pack)(struct weir_slice plain, char **ret_packed);
};

static size_t pack_gzip(struct weir_slice plain, char **ret_packed)
{
	struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(GZIP_LEVEL);
	size_t bound, size = 0;

	if (!compressor)
		return 0;
	bound = libdeflate_gzip_compress_bound(compressor, plain.size);
	*ret_packed = malloc(bound);
	if (*ret_packed)
		size = libdeflate_gzip_compress(compressor, plain.data, plain.size, *ret_packed,
						bound);
	libdeflate_free_compressor(compressor);
	return size;
}

static size_t pack_zstd(struct weir_slice plain, char **ret_packed)
{
	size_t bound = ZSTD_compressBound(plain.size), size;

	*ret_packed = malloc(bound);
	if (!*ret_packed)
		return 0;
	size = ZSTD_compress(*ret_packed, bound, plain.data, plain.size, ZSTD_LEVEL);
	return ZSTD_isError(size) ? 0 : size;
}

static const struct packing packings[] = {
	{WEIR_HTTP_GZIP, "Content-Encoding: gzip", pack_gzip},
	{WEIR_HTTP_ZSTD, "Content-Encoding: zstd", pack_zstd},
};

static const struct packing *packing_of(uint32_t flags)
{
	for (size_t i = 0; i < sizeof(packings) / sizeof(packings[0]); i++)
		if (flags & packings[i].flag)
			return &packings[i];
	return NULL;
}

static char *join_body(const struct weir_http_request *request)
{
	char *joined = malloc(request->body_size), *end = joined;

	for (uint32_t i = 0; joined && i < request->body_count; i++) {
		memcpy(end, request->body[i].data, request->body[i].size);
		end += request->body[i].size;
	}
	return joined;
}

const char *body_pack_header(uint32_t flags)
{
	const struct packing *packing = packing_of(flags);

	return packing ? packing->header : NULL;
}

struct weir_slice body_pack(const struct weir_http_request *request)
{
	const struct packing *packing = packing_of(request->flags);
	char *joined = request->body_count > 1 ? join_body(request) : NULL;
	const char *plain = request->body_count == 1 ? request->body[0].data : joined;
	char *packed = NULL, *fitted;
	size_t size = 0;

	if (packing && plain)
		size = packing->pack((struct weir_slice){plain, request->body_size}, &packed);
	free(joined);
	if (size == 0) {
		free(packed);
		return (struct weir_slice){NULL, 0};
	}
	fitted = realloc(packed, size); /* gives the rest of the bound back */
	return (struct weir_slice){fitted ? fitted : packed, size};
}
