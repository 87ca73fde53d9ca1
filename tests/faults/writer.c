// SPDX-License-Identifier: MIT
/*
 * Writes numbered lines to several files at a steady rate and rotates them when told to.
 *
 *     writer DIR STREAMS LINES_PER_SECOND SEED
 *
 * Stream S writes DIR/app-S.log. A line is "S NNNNNNNNNN letters.\n", numbered from 1 without gaps,
 * so that a reader can tell what is missing, repeated or damaged. Writes are cut at arbitrary bytes.
 * Commands on stdin, one a line; each is answered by one line on stdout, "done S LAST [FROM]":
 * LAST is the last line of S that went to the file as it was before the command.
 *
 *     rename S        move to app-S.log.1, go on writing there for a moment, then make a new file
 *     copy S          copy to app-S.log.1 and truncate, with no line written in between
 *     race S          the same, but lines FROM..LAST are written after the copy: truncation may lose
 *                     them, and nothing else
 *     delete S        unlink and make a new file
 *     stop            end; answers "end S LAST" for every stream
 *
 * One thread, so every answer is exact.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STREAMS_MAX 9
#define LINE_MAX_BYTES 200
#define TICK_NS 2000000
#define BUFFER_BYTES 65536
/* Lines that go into a renamed file before its writer opens a new one: what a daemon does between
 * logrotate's rename and its signal. */
#define AFTER_RENAME 40
#define RACING 25

struct stream {
	char path[4096];
	char rotated[4096];
	int fd;
	uint64_t last;
	size_t size;
	char buffer[BUFFER_BYTES];
};

static struct stream streams[STREAMS_MAX];
static int stream_count;
static uint64_t random_state;

static void fail(const char *what)
{
	fprintf(stderr, "writer: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* xorshift64* */
static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % bound;
}

static void write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t wrote = write(fd, data, size);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			fail("write");
		data += wrote;
		size -= (size_t)wrote;
	}
}

static void stream_open(struct stream *stream)
{
	stream->fd = open(stream->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (stream->fd < 0)
		fail(stream->path);
}

/* Hands the kernel what is buffered, in two writes that may part in the middle of a line. */
static void stream_flush(struct stream *stream)
{
	size_t part = stream->size ? random_below((uint32_t)stream->size) : 0;

	write_all(stream->fd, stream->buffer, part);
	write_all(stream->fd, stream->buffer + part, stream->size - part);
	stream->size = 0;
}

static void stream_line(struct stream *stream)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog while a slow river "
				   "carries every log it was given down to the weir and not one "
				   "of them is lost on the way";
	int letters = 10 + (int)random_below(130);

	if (stream->size > BUFFER_BYTES - LINE_MAX_BYTES)
		stream_flush(stream);
	stream->size += (size_t)snprintf(stream->buffer + stream->size, LINE_MAX_BYTES,
					 "%d %010" PRIu64 " %.*s.\n", (int)(stream - streams),
					 ++stream->last, letters, text);
}

static void stream_lines(struct stream *stream, int count)
{
	while (count-- > 0)
		stream_line(stream);
	stream_flush(stream);
}

static void stream_rename(struct stream *stream)
{
	if (rename(stream->path, stream->rotated) != 0)
		fail("rename");
	stream_lines(stream, (int)random_below(AFTER_RENAME));
	close(stream->fd);
	stream_open(stream);
}

static void stream_delete(struct stream *stream)
{
	if (unlink(stream->path) != 0)
		fail("unlink");
	close(stream->fd);
	stream_open(stream);
}

/* Returns the first line that was written after the copy. */
static uint64_t stream_copytruncate(struct stream *stream, int racing)
{
	char block[BUFFER_BYTES];
	uint64_t copied;
	ssize_t size;
	off_t offset = 0;
	int copy = open(stream->rotated, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (copy < 0)
		fail(stream->rotated);
	while ((size = pread(stream->fd, block, sizeof(block), offset)) > 0) {
		write_all(copy, block, (size_t)size);
		offset += size;
	}
	close(copy);
	copied = stream->last;
	if (racing)
		stream_lines(stream, 1 + (int)random_below(RACING));
	if (ftruncate(stream->fd, 0) != 0)
		fail("ftruncate");
	return copied + 1;
}

static int obey(const char *line)
{
	char word[16];
	int index;
	uint64_t from = 0;
	struct stream *stream;

	if (strcmp(line, "stop\n") == 0)
		return 0;
	if (sscanf(line, "%15s %d", word, &index) != 2 || index < 0 || index >= stream_count) {
		fprintf(stderr, "writer: not a command: %s", line);
		exit(2);
	}
	stream = &streams[index];
	if (strcmp(word, "rename") == 0)
		stream_rename(stream);
	else if (strcmp(word, "delete") == 0)
		stream_delete(stream);
	else
		from = stream_copytruncate(stream, strcmp(word, "race") == 0);
	printf("done %d %" PRIu64 " %" PRIu64 "\n", index, stream->last, from);
	return 1;
}

/* Waits until the time `until`, obeying what comes meanwhile; 0 after "stop" or the end of stdin. */
static int obey_until(const struct timespec *until)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[64];

	while (poll(&input, 1, 0) > 0) {
		size_t size = 0;

		while (size < sizeof(line) - 1 && read(STDIN_FILENO, line + size, 1) == 1)
			if (line[size++] == '\n')
				break;
		line[size] = '\0';
		if (size == 0 || !obey(line))
			return 0;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, until, NULL);
	return 1;
}

int main(int argc, char **argv)
{
	struct timespec tick;
	double owed = 0, per_tick;

	if (argc != 5 || (stream_count = atoi(argv[2])) < 1 || stream_count > STREAMS_MAX) {
		fprintf(stderr, "usage: writer DIR STREAMS LINES_PER_SECOND SEED\n");
		return 2;
	}
	per_tick = atof(argv[3]) * TICK_NS / 1e9;
	random_state = strtoull(argv[4], NULL, 10) * 2654435769u + 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < stream_count; i++) {
		snprintf(streams[i].path, sizeof(streams[i].path), "%s/app-%d.log", argv[1], i);
		snprintf(streams[i].rotated, sizeof(streams[i].rotated), "%s/app-%d.log.1", argv[1],
			 i);
		stream_open(&streams[i]);
	}
	clock_gettime(CLOCK_MONOTONIC, &tick);
	do {
		for (owed += per_tick; owed >= 1; owed--)
			stream_line(&streams[random_below((uint32_t)stream_count)]);
		for (int i = 0; i < stream_count; i++)
			stream_flush(&streams[i]);
		tick.tv_nsec += TICK_NS;
		tick.tv_sec += tick.tv_nsec / 1000000000;
		tick.tv_nsec %= 1000000000;
	} while (obey_until(&tick));
	for (int i = 0; i < stream_count; i++)
		printf("end %d %" PRIu64 "\n", i, streams[i].last);
	return 0;
}
