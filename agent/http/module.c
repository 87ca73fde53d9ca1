// SPDX-License-Identifier: MIT
/* The table that the agent finds by the name `http_module`. */
#include <weir/abi.h>

#include "http/client.h"
#include "http/engine.h"

WEIR_EXPORT extern const struct http_module http_module;

const struct http_module http_module = {
	.open = engine_open,
	.close = engine_close,
	.client = client_create,
	.send = client_send,
	.pending = client_pending,
	.recall = client_recall,
	.client_free = client_free,
};
