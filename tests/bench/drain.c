// SPDX-License-Identifier: MIT
/*
 * Takes TCP connections on a loopback port and counts what comes: bytes and newlines.
 *
 *     drain PORT COUNTS
 *
 * COUNTS is a file of two native 64-bit numbers, bytes then lines, kept up to date through a shared
 * mapping so that whoever measures can look without asking. One thread a connection; the counters
 * are relaxed atomics, since a reader waits until they stop changing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)

struct counts {
	_Atomic uint64_t bytes, lines;
};

static struct counts *counts;

static void fail(const char *what)
{
	fprintf(stderr, "drain: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t newlines(const char *text, size_t size)
{
	uint64_t found = 0;

	for (size_t i = 0; i < size; i++)
		found += text[i] == '\n';
	return found;
}

static void *drain(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char *buffer = malloc(BUFFER_BYTES);
	ssize_t size;

	while (buffer && (size = read(fd, buffer, BUFFER_BYTES)) > 0) {
		atomic_fetch_add_explicit(&counts->lines, newlines(buffer, (size_t)size),
					  memory_order_relaxed);
		atomic_fetch_add_explicit(&counts->bytes, (uint64_t)size, memory_order_relaxed);
	}
	free(buffer);
	close(fd);
	return NULL;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 16) != 0)
		fail("listen");
	return fd;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int file, fd;

	if (argc != 3) {
		fprintf(stderr, "usage: drain PORT COUNTS\n");
		return 2;
	}
	file = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0 || ftruncate(file, sizeof(*counts)) != 0)
		fail(argv[2]);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (counts == MAP_FAILED)
		fail("mmap");
	fd = listen_on((uint16_t)atoi(argv[1]));
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0)
			continue;
		if (pthread_create(&thread, NULL, drain, (void *)(intptr_t)client) != 0)
			fail("thread");
		pthread_detach(thread);
	}
}
