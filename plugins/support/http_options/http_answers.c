// SPDX-License-Identifier: MIT
/* Whether somebody listens where a URL points: a connection to its host and port, nothing sent. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/http_options/http_options.h"

#define CONNECT_MS 2000

/* Splits scheme://[user@]host[:port][/...]; IPv6 addresses stand in brackets. */
static int split_url(const char *url, char *ret_host, size_t host_size, char *ret_port,
		     size_t port_size)
{
	const char *host = strstr(url, "://");
	const char *end, *at, *colon;
	size_t size;

	if (!host)
		return WEIR_ERR_INVALID;
	host += 3;
	end = host + strcspn(host, "/?#");
	at = memchr(host, '@', (size_t)(end - host));
	if (at)
		host = at + 1;
	colon = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : host;
	colon = colon ? memchr(colon, ':', (size_t)(end - colon)) : NULL;
	size = (size_t)((colon ? colon : end) - host);
	if (*host == '[' && size >= 2) {
		host++;
		size -= 2;
	}
	if (size == 0 || size >= host_size)
		return WEIR_ERR_INVALID;
	memcpy(ret_host, host, size);
	ret_host[size] = '\0';
	if (colon)
		snprintf(ret_port, port_size, "%.*s", (int)(end - colon - 1), colon + 1);
	else
		snprintf(ret_port, port_size, "%s", strncmp(url, "https", 5) == 0 ? "443" : "80");
	return WEIR_OK;
}

/* 0, or an errno. */
static int try_connect(const struct addrinfo *address)
{
	int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
		error = errno;
		if (error == EINPROGRESS)
			error = poll(&wait, 1, CONNECT_MS) == 1 ? 0 : ETIMEDOUT;
		if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
	}
	close(fd);
	return error;
}

static int has_proxy(const struct weir_http_client_options *client)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
					    "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getenv(names[i]))
			return 1;
	return client->proxy != NULL;
}

int32_t http_options_answers(const char *url, const struct weir_http_client_options *client,
			     struct weir_error *ret_warning)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char host[256], port[16];
	int error;

	if (has_proxy(client))
		return WEIR_OK;
	if (split_url(url, host, sizeof(host), port, sizeof(port)) < 0)
		return WEIR_OK; /* create() has said what is wrong with it */
	error = getaddrinfo(host, port, &hints, &list);
	if (error)
		return weir_fail(ret_warning, WEIR_ERR_NOT_FOUND,
				 "the host %s can't be found (%s); records wait until it can", host,
				 gai_strerror(error));
	error = EHOSTUNREACH;
	for (const struct addrinfo *one = list; one && error; one = one->ai_next)
		error = try_connect(one);
	freeaddrinfo(list);
	if (error)
		return weir_fail(
			ret_warning, WEIR_ERR_IO,
			"nobody answers at %s port %s (%s); records wait until somebody does", host,
			port, strerror(error));
	return WEIR_OK;
}
