// SPDX-License-Identifier: MIT
/* A listening socket on loopback, and how others learn its port. */
#ifndef SERVERS_LISTEN_H
#define SERVERS_LISTEN_H

/* Port 0 = a free one. Exits with a message when it can't. */
int listen_on(int port);
int port_of(int fd);
/* Prints "listening on PORT", and writes PORT to the file unless path is NULL. */
void write_port(const char *path, int port);

#endif
