// SPDX-License-Identifier: MIT
#include "unpack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Room that is added at a time, at least. */
#define PIECE (256 * 1024)

struct text {
	char *data;
	size_t size, capacity;
};

static char *text_room(struct text *text)
{
	if (text->capacity - text->size < PIECE) {
		size_t capacity = 2 * text->capacity + PIECE;
		char *data = realloc(text->data, capacity);

		if (!data)
			return NULL;
		text->data = data;
		text->capacity = capacity;
	}
	return text->data + text->size;
}

static int finish(struct text *text, int whole, char **ret_text, size_t *ret_size)
{
	if (!whole) {
		free(text->data);
		return -1;
	}
	*ret_text = text->data;
	*ret_size = text->size;
	return 0;
}

static int unpack_gzip(const char *packed, size_t size, char **ret_text, size_t *ret_size)
{
	struct text text = {0};
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed, .avail_in = (uInt)size};
	int code = inflateInit2(&stream, 16 + MAX_WBITS);

	while (code == Z_OK) {
		stream.next_out = (Bytef *)text_room(&text);
		stream.avail_out = PIECE;
		code = stream.next_out ? inflate(&stream, Z_NO_FLUSH) : Z_MEM_ERROR;
		text.size += stream.next_out ? PIECE - stream.avail_out : 0;
	}
	inflateEnd(&stream);
	return finish(&text, code == Z_STREAM_END && stream.avail_in == 0, ret_text, ret_size);
}

static int unpack_zstd(const char *packed, size_t size, char **ret_text, size_t *ret_size)
{
	struct text text = {0};
	ZSTD_inBuffer in = {packed, size, 0};
	ZSTD_DStream *stream = ZSTD_createDStream();
	size_t more = stream ? 1 : 0;

	while (more && !ZSTD_isError(more)) {
		ZSTD_outBuffer out = {text_room(&text), PIECE, 0};
		size_t before = in.pos;

		if (!out.dst)
			break;
		more = ZSTD_decompressStream(stream, &out, &in);
		text.size += out.pos;
		if (in.pos == before && out.pos == 0)
			break;
	}
	ZSTD_freeDStream(stream);
	return finish(&text, stream && more == 0 && in.pos == size, ret_text, ret_size);
}

unpack_function *unpack_of(const char *encoding)
{
	return strcasestr(encoding, "gzip")   ? unpack_gzip
	       : strcasestr(encoding, "zstd") ? unpack_zstd
					      : NULL;
}
