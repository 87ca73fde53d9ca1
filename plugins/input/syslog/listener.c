// SPDX-License-Identifier: MIT
/*
 * One thread on epoll: the listening socket, the connections (each once, then their readers ask again),
 * and a descriptor that wakes it for the end. At max_connections it stops listening; who comes then
 * waits in the kernel's queue, and what they send in its buffers.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "syslog.h"

#define EVENTS 64
#define BACKLOG 512
#define ACCEPT_RETRY_NS UINT64_C(1000000000)

/* ---- the address ---- */

/* `host:port`, `[::1]:port`, `:port`. */
static int split_address(const char *listen_at, char *ret_host, size_t size, const char **ret_port)
{
	const char *colon = strrchr(listen_at, ':');
	const char *host = listen_at;
	size_t length = colon ? (size_t)(colon - listen_at) : 0;

	if (!colon || !colon[1])
		return -1;
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (length >= size)
		return -1;
	memcpy(ret_host, host, length);
	ret_host[length] = '\0';
	*ret_port = colon + 1;
	return 0;
}

static int bind_to(const struct addrinfo *address)
{
	const int on = 1;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int32_t listen_on(struct input *input, struct weir_error *error)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char host[256];
	const char *port;
	int failed;

	if (split_address(input->listen, host, sizeof(host), &port) != 0)
		return weir_fail(error, WEIR_ERR_INVALID,
				 "\"listen\" must be HOST:PORT, found \"%s\"", input->listen);
	failed = getaddrinfo(host[0] ? host : NULL, port, &wanted, &found);
	if (failed)
		return weir_fail(error, WEIR_ERR_INVALID, "can't listen on %s: %s", input->listen,
				 gai_strerror(failed));
	for (const struct addrinfo *at = found; at && input->listen_fd < 0; at = at->ai_next)
		input->listen_fd = bind_to(at);
	failed = errno;
	freeaddrinfo(found);
	if (input->listen_fd < 0)
		return weir_fail(error, WEIR_ERR_IO,
				 "can't listen on %s: %s; choose another address, and for a port "
				 "below 1024 let the service have CAP_NET_BIND_SERVICE",
				 input->listen, strerror(failed));
	return WEIR_OK;
}

/* ---- accepting ---- */

static void watch_listener(struct input *input, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = &input->listen_fd};

	if (input->listen_fd >= 0)
		(void)epoll_ctl(input->epoll_fd, EPOLL_CTL_MOD, input->listen_fd, &event);
}

static void be_deaf(struct input *input)
{
	pthread_mutex_lock(&input->lock);
	input->deaf = 1;
	watch_listener(input, 0);
	pthread_mutex_unlock(&input->lock);
}

void listener_hear(struct input *input)
{
	pthread_mutex_lock(&input->lock);
	if (input->deaf && input->count < input->max_connections &&
	    !atomic_load(&input->stopping)) {
		input->deaf = 0;
		watch_listener(input, EPOLLIN);
	}
	pthread_mutex_unlock(&input->lock);
}

static int has_room(struct input *input)
{
	int room;

	pthread_mutex_lock(&input->lock);
	room = input->count < input->max_connections;
	pthread_mutex_unlock(&input->lock);
	return room;
}

static void name_peer(const struct sockaddr_storage *address, socklen_t size, char ret_peer[80])
{
	char host[48], port[8];

	if (getnameinfo((const struct sockaddr *)address, size, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)snprintf(ret_peer, 80, "unknown");
	else
		(void)snprintf(ret_peer, 80, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* Accepts all that wait. */
static void accept_all(struct input *input)
{
	while (has_room(input)) {
		struct sockaddr_storage address;
		socklen_t size = sizeof(address);
		int fd = accept4(input->listen_fd, (struct sockaddr *)&address, &size,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);
		char peer[80];

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0 && errno != EAGAIN) {
			weir_logf(input->host, input->context, WEIR_LOG_ERROR, "syslog_accept",
				  "can't accept connections: %s; trying again every second",
				  strerror(errno));
			be_deaf(input);
			(void)input->host->timer_set(input->context, SYSLOG_TIMER_ACCEPT,
						     ACCEPT_RETRY_NS);
			return;
		}
		if (fd < 0)
			return;
		name_peer(&address, size, peer);
		connection_open(input, fd, peer);
	}
	weir_logf(input->host, input->context, WEIR_LOG_WARNING, "syslog_full",
		  "%u connections are open, as many as max_connections allows; others wait",
		  input->max_connections);
	be_deaf(input);
	listener_hear(input); /* one may have ended meanwhile */
}

/* ---- the thread ---- */

static void *listener_run(void *user)
{
	struct input *input = user;
	struct epoll_event events[EVENTS];

	while (!atomic_load(&input->stopping)) {
		int count = epoll_wait(input->epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < count && !atomic_load(&input->stopping); i++) {
			struct connection *connection = events[i].data.ptr;

			if (events[i].data.ptr == &input->listen_fd)
				accept_all(input);
			else if (events[i].data.ptr != &input->wake_fd)
				input->host->source_ready(connection->source);
		}
	}
	return NULL;
}

static int watch(struct input *input, int *fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = fd};

	return *fd < 0 ? -1 : epoll_ctl(input->epoll_fd, EPOLL_CTL_ADD, *fd, &event);
}

int32_t listener_start(struct input *input, struct weir_error *error)
{
	sigset_t all, before;
	int32_t status = listen_on(input, error);
	int failed;

	if (status < 0)
		return status;
	input->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	input->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (input->epoll_fd < 0 || watch(input, &input->wake_fd) < 0 ||
	    watch(input, &input->listen_fd) < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't wait for connections: %s",
				 strerror(errno));
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&input->thread, NULL, listener_run, input);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return weir_fail(error, WEIR_ERR_IO, "can't start a thread for syslog: %s",
				 strerror(failed));
	input->running = 1;
	return WEIR_OK;
}

void listener_stop(struct input *input)
{
	const uint64_t one = 1;

	atomic_store(&input->stopping, 1);
	if (input->running) {
		(void)!write(input->wake_fd, &one, sizeof(one));
		(void)pthread_join(input->thread, NULL);
	}
	input->running = 0;
	pthread_mutex_lock(&input->lock);
	if (input->listen_fd >= 0)
		(void)close(input->listen_fd);
	input->listen_fd = -1;
	pthread_mutex_unlock(&input->lock);
}
