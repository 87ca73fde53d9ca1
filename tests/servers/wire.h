// SPDX-License-Identifier: MIT
/* A connection's bytes, plain or within TLS. Each wire belongs to one thread. */
#ifndef SERVERS_WIRE_H
#define SERVERS_WIRE_H

#include <stddef.h>
#include <sys/types.h>

typedef struct ssl_st SSL;

struct wire {
	int fd;
	SSL *ssl; /* NULL = plain */
};

/*
 * From now on connections speak TLS 1.2 or 1.3, with a certificate for localhost and 127.0.0.1 that
 * is made here, signed by itself, and written to the file for clients to trust. Exits with a message
 * when that fails. Before the first wire, on the main thread.
 */
void wire_use_tls(const char *certificate_path);
/* Takes the descriptor over; shakes hands where TLS is spoken. 0, or -1 and the wire is closed. */
int wire_open(struct wire *wire, int fd);
void wire_close(struct wire *wire);
/* As recv() and send(): 0 = the peer has closed, -1 = an error. */
ssize_t wire_read(struct wire *wire, void *to, size_t size);
ssize_t wire_write(struct wire *wire, const void *data, size_t size);
/* Writes it all: 0, or -1. */
int wire_write_all(struct wire *wire, const void *data, size_t size);
/* Has wire_close() reset the connection. */
void wire_cut(struct wire *wire);

#endif
