// SPDX-License-Identifier: MIT
/* A listening socket on loopback, and how others learn its port. */
#ifndef SERVERS_LISTEN_H
#define SERVERS_LISTEN_H

/* Port 0 = a free one. Exits with a message when it can't. */
int listen_on(int port);
int port_of(int fd);
/* The next connection, which writes at once what it is given; -1 when there is none after all. */
int accept_on(int listener);
/* Prints "listening on PORT", and writes PORT to the file unless path is NULL. */
void write_port(const char *path, int port);

#endif
