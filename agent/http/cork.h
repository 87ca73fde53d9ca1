// SPDX-License-Identifier: MIT
/*
 * Full segments to the network. OpenSSL writes each record of TLS, 16 KiB, by itself, and libcurl the
 * head of a request before its body; each such write is a packet of its own and wakes the reader. So
 * the sockets of TLS are corked for good, and what one turn of libcurl wrote is let go when the turn
 * is over. Raw lines over TLS: 1.72 CPU s/GiB in place of 2.01; without TLS, where a write is larger,
 * nothing is gained. Nothing is ever late by more than the kernel's 200 ms for a corked socket.
 * Loop's thread only.
 */
#ifndef HTTP_CORK_H
#define HTTP_CORK_H

#include <stdint.h>

/* Sockets of one turn; with more, some packets are smaller than they could be. */
#define CORK_SOCKETS 16

/* The sockets that this turn may have written to. All zero is empty. */
struct cork {
	int sockets[CORK_SOCKETS];
	uint32_t count;
};

/* Holds small writes of a new socket back. */
void cork_socket(int fd);
void cork_add(struct cork *cork, int fd);
/* The socket may be closed from now on. */
void cork_forget(struct cork *cork, int fd);
/* Lets go what is held back; the turn is over. */
void cork_release(struct cork *cork);

#endif
