// SPDX-License-Identifier: MIT
#include "http/cork.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* Failures don't matter: no TCP, no cork. */
static void set_option(int fd, int option)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, option, &on, sizeof(on));
}

void cork_socket(int fd)
{
	set_option(fd, TCP_CORK);
}

void cork_release(struct cork *cork)
{
	/* Set anew, TCP_NODELAY sends what is there, cork or not (tcp(7)); the cork stays in. */
	for (uint32_t i = 0; i < cork->count; i++)
		set_option(cork->sockets[i], TCP_NODELAY);
	cork->count = 0;
}

void cork_add(struct cork *cork, int fd)
{
	for (uint32_t i = 0; i < cork->count; i++)
		if (cork->sockets[i] == fd)
			return;
	if (cork->count == CORK_SOCKETS)
		cork_release(cork);
	cork->sockets[cork->count++] = fd;
}

void cork_forget(struct cork *cork, int fd)
{
	uint32_t i = 0;

	while (i < cork->count && cork->sockets[i] != fd)
		i++;
	if (i < cork->count)
		cork->sockets[i] = cork->sockets[--cork->count];
}
