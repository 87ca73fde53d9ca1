// SPDX-License-Identifier: MIT
/*
 * libcurl's multi handle on the event loop. Everything here runs on the loop's thread, except
 * opening and closing.
 */
#ifndef HTTP_ENGINE_H
#define HTTP_ENGINE_H

#include <curl/curl.h>

#include "http/cork.h"
#include "http/http.h"
#include "http/packer.h"

struct http {
	struct loop *loop;
	CURLM *multi;
	struct packer *packer;
	struct loop_timer timer; /* libcurl's own */
	struct cork cork;
};

int engine_open(struct loop *loop, struct http **ret_http, struct weir_error *error);
/* Every client must have been freed. */
void engine_close(struct http *http);

/* Starts a transfer; its CURLOPT_PRIVATE is the struct transfer, whose client_finished() follows. */
int engine_add(struct http *http, CURL *easy);
void engine_remove(struct http *http, CURL *easy);

#endif
