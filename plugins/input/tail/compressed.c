// SPDX-License-Identifier: MIT
/*
 * The window holds the text that was last given out and what was decoded beyond it, so that an
 * unfinished line is read again without decoding anything twice.
 */
#include "compressed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#ifdef WEIR_HAVE_ZSTD
#include <zstd.h>
#endif

#define INPUT_BYTES (32u << 10)
#define WINDOW_BYTES (64u << 10)

struct compressed {
	int fd;
	int zstd;
	uint64_t file_offset;
	z_stream zlib;
	int zlib_open;
#ifdef WEIR_HAVE_ZSTD
	ZSTD_DStream *zstd_stream;
#endif
	const char *fault;
	int ended;
	int inside; /* a member or frame has begun and not ended */
	uint8_t *window;
	size_t capacity;
	uint64_t start, end; /* offsets in the text of what the window holds */
	size_t input_at, input_size;
	uint8_t input[INPUT_BYTES];
};

static int ends_with(const char *path, const char *suffix)
{
	size_t length = strlen(path), size = strlen(suffix);

	return length > size && strcmp(path + length - size, suffix) == 0;
}

int compressed_name(const char *path)
{
#ifdef WEIR_HAVE_ZSTD
	if (ends_with(path, ".zst"))
		return 1;
#endif
	return ends_with(path, ".gz");
}

int compressed_suffix(const char *path)
{
	static const char *const suffixes[] = {".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip", ".Z"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (ends_with(path, suffixes[i]))
			return 1;
	return 0;
}

/* ---- decoders ------------------------------------------------------------------------------ */

static int decoder_start(struct compressed *stream)
{
#ifdef WEIR_HAVE_ZSTD
	if (stream->zstd) {
		if (!stream->zstd_stream)
			stream->zstd_stream = ZSTD_createDStream();
		return stream->zstd_stream && !ZSTD_isError(ZSTD_initDStream(stream->zstd_stream))
			       ? 0
			       : -1;
	}
#endif
	if (stream->zlib_open)
		return inflateReset(&stream->zlib) == Z_OK ? 0 : -1;
	/* 16 + MAX_WBITS: gzip only. */
	stream->zlib_open = inflateInit2(&stream->zlib, 16 + MAX_WBITS) == Z_OK;
	return stream->zlib_open ? 0 : -1;
}

/* Decodes some of the input; returns bytes of text, or -1 when the input is damaged. */
static int64_t decode_gzip(struct compressed *stream, uint8_t *text, size_t room)
{
	int status;

	stream->zlib.next_in = stream->input + stream->input_at;
	stream->zlib.avail_in = (uInt)(stream->input_size - stream->input_at);
	stream->zlib.next_out = text;
	stream->zlib.avail_out = (uInt)room;
	status = inflate(&stream->zlib, Z_NO_FLUSH);
	stream->input_at = stream->input_size - stream->zlib.avail_in;
	stream->inside = status != Z_STREAM_END;
	if (status == Z_STREAM_END)
		(void)inflateReset(&stream->zlib); /* another member may follow */
	if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
		return -1;
	return (int64_t)(room - stream->zlib.avail_out);
}

#ifdef WEIR_HAVE_ZSTD
static int64_t decode_zstd(struct compressed *stream, uint8_t *text, size_t room)
{
	ZSTD_inBuffer input = {stream->input, stream->input_size, stream->input_at};
	ZSTD_outBuffer output = {text, room, 0};
	size_t status = ZSTD_decompressStream(stream->zstd_stream, &output, &input);

	stream->input_at = input.pos;
	stream->inside = status != 0;
	return ZSTD_isError(status) ? -1 : (int64_t)output.pos;
}
#endif

static int64_t decode(struct compressed *stream, uint8_t *text, size_t room)
{
#ifdef WEIR_HAVE_ZSTD
	if (stream->zstd)
		return decode_zstd(stream, text, room);
#endif
	return decode_gzip(stream, text, room);
}

/* ---- the stream ---------------------------------------------------------------------------- */

static int input_fill(struct compressed *stream)
{
	ssize_t got =
		pread(stream->fd, stream->input, sizeof(stream->input), (off_t)stream->file_offset);

	if (got < 0)
		stream->fault = "it can't be read";
	if (got <= 0)
		return 0;
	stream->file_offset += (uint64_t)got;
	stream->input_at = 0;
	stream->input_size = (size_t)got;
	return 1;
}

/* Decodes up to `room` bytes behind the window's end. 0 at the end of what decodes. */
static size_t stream_more(struct compressed *stream, size_t room)
{
	while (!stream->ended) {
		int64_t got;

		if (stream->input_at == stream->input_size && !input_fill(stream)) {
			/* Text may still be waiting inside the decoder. */
			got = stream->inside
				      ? decode(stream,
					       stream->window + (stream->end - stream->start), room)
				      : 0;
			if (got > 0)
				return (size_t)got;
			stream->ended = 1;
			if (stream->inside && !stream->fault)
				stream->fault = "it ends in the middle";
			break;
		}
		got = decode(stream, stream->window + (stream->end - stream->start), room);
		if (got < 0) {
			stream->ended = 1;
			stream->fault = "it is damaged";
		} else if (got > 0) {
			return (size_t)got;
		}
	}
	return 0;
}

static int stream_restart(struct compressed *stream)
{
	stream->file_offset = 0;
	stream->input_at = stream->input_size = 0;
	stream->start = stream->end = 0;
	stream->ended = 0;
	stream->inside = 0;
	stream->fault = NULL;
	if (decoder_start(stream) == 0)
		return 0;
	stream->start = stream->end = UINT64_MAX; /* the next read begins here again */
	return -1;
}

static int window_reserve(struct compressed *stream, size_t size)
{
	uint8_t *grown;

	if (size <= stream->capacity)
		return 0;
	grown = realloc(stream->window, size);
	if (!grown)
		return -1;
	stream->window = grown;
	stream->capacity = size;
	return 0;
}

/* Drops what lies before the offset. */
static void window_advance(struct compressed *stream, uint64_t offset)
{
	if (offset >= stream->end) {
		stream->start = stream->end;
		return;
	}
	memmove(stream->window, stream->window + (offset - stream->start), stream->end - offset);
	stream->start = offset;
}

int64_t compressed_read_at(void *user, void *buffer, size_t size, uint64_t offset)
{
	struct compressed *stream = user;
	size_t got;

	if (window_reserve(stream, size > WINDOW_BYTES ? size : WINDOW_BYTES) < 0 ||
	    (offset < stream->start && stream_restart(stream) < 0))
		return -1;
	do {
		window_advance(stream, offset);
		while (stream->end - stream->start < stream->capacity &&
		       stream->end < offset + size) {
			got = stream_more(stream, stream->capacity - (stream->end - stream->start));
			if (got == 0)
				break;
			stream->end += got;
		}
	} while (stream->end < offset && !stream->ended);
	if (stream->end <= offset)
		return 0;
	window_advance(stream, offset);
	while (stream->end < offset + size &&
	       (got = stream_more(stream, stream->capacity - (stream->end - stream->start))))
		stream->end += got;
	got = stream->end - offset < size ? (size_t)(stream->end - offset) : size;
	memcpy(buffer, stream->window, got);
	return (int64_t)got;
}

const char *compressed_fault(const struct compressed *stream)
{
	return stream->ended ? stream->fault : NULL;
}

struct compressed *compressed_open(int take_fd)
{
	struct compressed *stream = calloc(1, sizeof(*stream));
	uint8_t magic[4] = {0};

	if (!stream || pread(take_fd, magic, sizeof(magic), 0) < 3)
		goto fail;
	stream->fd = take_fd;
	stream->zstd = memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0;
#ifndef WEIR_HAVE_ZSTD
	if (stream->zstd)
		goto fail;
#endif
	if (!stream->zstd && memcmp(magic, "\x1f\x8b\x08", 3) != 0)
		goto fail;
	if (stream_restart(stream) == 0)
		return stream;
fail:
	if (stream)
		stream->fd = -1;
	compressed_close(stream);
	return NULL;
}

void compressed_close(struct compressed *stream)
{
	if (!stream)
		return;
	if (stream->zlib_open)
		(void)inflateEnd(&stream->zlib);
#ifdef WEIR_HAVE_ZSTD
	(void)ZSTD_freeDStream(stream->zstd_stream);
#endif
	if (stream->fd >= 0)
		(void)close(stream->fd);
	free(stream->window);
	free(stream);
}
