// SPDX-License-Identifier: MIT
/*
 * What this machine can do, one thread: the bounds that no agent passes.
 *
 *     limits FILE
 *
 * FILE is of combined lines. Prints a line each of name, MB/s and CPU seconds per GiB, with tabs
 * between. The file is read through first, so it comes from the page cache.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

/* A buffer that stays in the cache, for reading; and the size of a request of 500 lines. */
#define READ_BYTES (64 << 10)
#define BODY_BYTES (128 << 10)
/* Of TLS. */
#define RECORD_BYTES (16 << 10)
/* As much of the file is hashed, matched and compressed. */
#define SAMPLE_BYTES (64 << 20)
#define ZSTD_LEVEL 1

static const char combined[] =
	"^([^ ]+) ([^ ]+) ([^ ]+) \\[([^\\]]+)\\] \"([^ ]+) ([^ ]+) ([^\"]+)\" ([0-9]+) ([0-9-]+) "
	"\"([^\"]*)\" \"([^\"]*)\"$";

static char *sample;
static size_t sample_size;
static const char *path;

static void fail(const char *what)
{
	fprintf(stderr, "limits: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* work() says how many bytes it went through. */
static void measure(const char *name, uint64_t (*work)(void))
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	double bytes = (double)work();

	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	printf("%s\t%.0f\t%.3f\n", name, bytes / 1e6 / wall, cpu / (bytes / (1 << 30)));
}

static uint64_t read_lines(void)
{
	static char buffer[READ_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t bytes = 0, lines = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0) {
		const char *at = buffer, *end = buffer + got;

		while ((at = memchr(at, '\n', (size_t)(end - at)))) {
			at++;
			lines++;
		}
		bytes += (uint64_t)got;
	}
	if (fd < 0 || lines == 0)
		fail(path);
	close(fd);
	return bytes;
}

static uint64_t match(void)
{
	int code;
	PCRE2_SIZE offset;
	pcre2_code *regex =
		pcre2_compile((PCRE2_SPTR)combined, PCRE2_ZERO_TERMINATED, 0, &code, &offset, NULL);
	pcre2_match_data *data = regex ? pcre2_match_data_create_from_pattern(regex, NULL) : NULL;
	const char *at = sample, *end = sample + sample_size, *newline;

	if (!data || pcre2_jit_compile(regex, PCRE2_JIT_COMPLETE))
		fail("PCRE2 with JIT");
	while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
		if (pcre2_jit_match(regex, (PCRE2_SPTR)at, (PCRE2_SIZE)(newline - at), 0, 0, data,
				    NULL) < 0)
			fail("a line that does not match");
		at = newline + 1;
	}
	pcre2_match_data_free(data);
	pcre2_code_free(regex);
	return (uint64_t)(at - sample);
}

static uint64_t digest(const EVP_MD *kind)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	size_t at = 0;

	for (; at + BODY_BYTES <= sample_size; at += BODY_BYTES)
		if (!EVP_Digest(sample + at, BODY_BYTES, hash, NULL, kind, NULL))
			fail("digest");
	return at;
}

static uint64_t sha256(void)
{
	return digest(EVP_sha256());
}

static uint64_t md5(void)
{
	return digest(EVP_md5());
}

static size_t encrypt_record(char *to, const char *from, size_t size)
{
	static const unsigned char key[32], iv[12];
	static EVP_CIPHER_CTX *context; /* one for the life of the process, as for a connection's */
	int made = 0;

	if (!context && (!(context = EVP_CIPHER_CTX_new()) ||
			 !EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, iv)))
		fail("AES-256-GCM");
	if (!EVP_EncryptInit_ex(context, NULL, NULL, NULL, iv) ||
	    !EVP_EncryptUpdate(context, (unsigned char *)to, &made, (const unsigned char *)from,
			       (int)size))
		fail("AES-256-GCM");
	return (size_t)made;
}

static uint64_t encrypt(void)
{
	static char out[RECORD_BYTES];
	size_t at = 0;

	for (; at + sizeof(out) <= sample_size; at += sizeof(out))
		encrypt_record(out, sample + at, sizeof(out));
	return at;
}

static uint64_t compress_bodies(void)
{
	size_t capacity = ZSTD_compressBound(BODY_BYTES), at = 0;
	ZSTD_CCtx *context = ZSTD_createCCtx();
	void *out = malloc(capacity);

	for (; context && out && at + BODY_BYTES <= sample_size; at += BODY_BYTES)
		if (ZSTD_isError(ZSTD_compressCCtx(context, out, capacity, sample + at, BODY_BYTES,
						   ZSTD_LEVEL)))
			fail("zstd");
	free(out);
	ZSTD_freeCCtx(context);
	return at;
}

/* ---- sending ---- */

/* A child that reads from loopback what it is sent, and throws it away; the socket to it. */
static int discard_elsewhere(pid_t *ret_child)
{
	static char buffer[256 << 10];
	struct sockaddr_in place = {.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(place);
	int listener = socket(AF_INET, SOCK_STREAM, 0), to = socket(AF_INET, SOCK_STREAM, 0), from;

	if (listener < 0 || to < 0 || bind(listener, (struct sockaddr *)&place, size) ||
	    listen(listener, 1) || getsockname(listener, (struct sockaddr *)&place, &size) ||
	    connect(to, (struct sockaddr *)&place, size) ||
	    (from = accept(listener, NULL, NULL)) < 0)
		fail("loopback");
	*ret_child = fork();
	if (*ret_child < 0)
		fail("fork");
	if (*ret_child == 0) {
		close(to);
		while (read(from, buffer, sizeof(buffer)) > 0)
			continue;
		_exit(0);
	}
	close(from);
	close(listener);
	return to;
}

/* Bodies of BODY_BYTES, each encrypted as TLS has it or as it is, in writes of `piece` bytes. */
static uint64_t send_bodies(size_t piece, size_t (*wrap)(char *to, const char *from, size_t size))
{
	static char wrapped[BODY_BYTES];
	size_t at = 0;
	pid_t child;
	int fd = discard_elsewhere(&child);

	for (; at + piece <= sample_size; at += piece) {
		size_t size = wrap ? wrap(wrapped, sample + at, piece) : piece;
		const char *from = wrap ? wrapped : sample + at;

		while (size > 0) {
			ssize_t sent = write(fd, from, size);

			if (sent < 0)
				fail("loopback");
			from += sent;
			size -= (size_t)sent;
		}
	}
	close(fd);
	waitpid(child, NULL, 0);
	return at;
}

static uint64_t send_plain(void)
{
	return send_bodies(BODY_BYTES, NULL);
}

static uint64_t send_encrypted(void)
{
	return send_bodies(RECORD_BYTES, encrypt_record);
}

static void read_sample(void)
{
	FILE *file = fopen(path, "r");

	sample = malloc(SAMPLE_BYTES);
	if (!file || !sample)
		fail(path);
	sample_size = fread(sample, 1, SAMPLE_BYTES, file);
	fclose(file);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: limits FILE\n");
		return 2;
	}
	path = argv[1];
	read_sample();
	read_lines();
	measure("read and memchr", read_lines);
	measure("PCRE2 JIT, combined", match);
	measure("SHA-256", sha256);
	measure("MD5", md5);
	measure("AES-256-GCM", encrypt);
	measure("TCP over loopback, sending", send_plain);
	measure("AES-256-GCM and TCP, sending", send_encrypted);
	measure("zstd level 1", compress_bodies);
	free(sample);
	return 0;
}
