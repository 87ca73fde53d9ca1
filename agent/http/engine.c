// SPDX-License-Identifier: MIT
/*
 * libcurl says which sockets and which moment it waits for; the loop tells it when they come.
 * Finished transfers are handed to their client outside of libcurl's callbacks, so that the client
 * may start the next one at once.
 */
#include "http/engine.h"

#include <stdlib.h>

#include <weir/plugin.h>

#include "base/clock.h"
#include "http/client.h"

/* Idle connections that are kept. libcurl's own bound follows the transfers of the moment, and would
 * close connections whenever a few requests finish together. */
#define ENGINE_CONNECTIONS 1024L

static void hand_over_finished(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result; /* the message dies with the removal */
		struct transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
		curl_multi_remove_handle(http->multi, easy);
		client_finished(transfer, code);
	}
}

static void socket_event(void *user, int fd, uint32_t events)
{
	struct http *http = user;
	int action = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
		     (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	cork_add(&http->cork, fd);
	curl_multi_socket_action(http->multi, fd, action, &running);
	cork_release(&http->cork); /* before the next requests are made */
	hand_over_finished(http);
}

static void timer_event(void *user)
{
	struct http *http = user;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	cork_release(&http->cork);
	hand_over_finished(http);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	struct http *http = user;
	uint32_t events = 0;

	(void)easy;
	(void)socket_user;
	if (what == CURL_POLL_REMOVE)
		cork_forget(&http->cork, fd);
	else
		cork_add(&http->cork, fd);
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= LOOP_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= LOOP_WRITE;
	return loop_fd(http->loop, fd, events, socket_event, http) ? -1 : 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
	struct http *http = user;

	(void)multi;
	if (timeout_ms < 0) {
		loop_timer_stop(http->loop, &http->timer);
		return 0;
	}
	return loop_timer_set(http->loop, &http->timer, (uint64_t)timeout_ms * (uint64_t)NS_PER_MS)
		       ? -1
		       : 0;
}

int engine_open(struct loop *loop, struct http **ret_http, struct weir_error *error)
{
	struct http *http;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return weir_fail(error, WEIR_ERR_INTERNAL, "libcurl cannot be initialised");
	http = calloc(1, sizeof(*http));
	if (http) {
		http->multi = curl_multi_init();
		http->packer = packer_create(loop, client_take);
	}
	if (!http || !http->multi || !http->packer) {
		if (http) {
			curl_multi_cleanup(http->multi);
			packer_destroy(http->packer);
		}
		free(http);
		curl_global_cleanup();
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the HTTP service");
	}
	http->loop = loop;
	http->timer.call = timer_event;
	http->timer.user = http;
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, ENGINE_CONNECTIONS);
	*ret_http = http;
	return 0;
}

static void cleanup(void *user)
{
	struct http *http = user;

	curl_multi_cleanup(http->multi); /* closes connections: unwatches their sockets */
	loop_timer_stop(http->loop, &http->timer);
}

void engine_close(struct http *http)
{
	if (!http)
		return;
	loop_run(http->loop, cleanup, http);
	packer_destroy(http->packer);
	free(http);
	curl_global_cleanup();
}

int engine_add(struct http *http, CURL *easy)
{
	return curl_multi_add_handle(http->multi, easy) == CURLM_OK ? 0 : WEIR_ERR_INTERNAL;
}

void engine_remove(struct http *http, CURL *easy)
{
	curl_multi_remove_handle(http->multi, easy);
}
