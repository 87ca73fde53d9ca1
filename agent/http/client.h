// SPDX-License-Identifier: MIT
/* The clients of http.h, as the module's table has them, and where the engine reports to. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/http.h"
#include "http/transfer.h"

int32_t client_create(struct http *http, const struct http_owner *owner,
		      const struct weir_http_client_options *options,
		      struct weir_http_client **ret_client, struct weir_error *error);
int32_t client_send(struct weir_http_client *client, struct weir_http_request *request);
uint32_t client_pending(struct weir_http_client *client);
/* See http_recall() of weir/services.h. */
int32_t client_recall(struct weir_http_client *client, struct weir_http_request *request);
/* Returns when no call into the owner runs any more. Not from within the owner's done(). */
void client_free(struct weir_http_client *client);
/* The packer: this job is ready to be sent. */
void client_take(struct job *job);
/* The engine: this transfer is over. */
void client_finished(struct transfer *transfer, CURLcode code);

#endif
