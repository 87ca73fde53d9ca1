// SPDX-License-Identifier: MIT
/* A client's state, for client.c, client_say.c (what people are told) and client_hedge.c (second copies of
 * late requests). All of it belongs to the loop's thread but for `pending`. */
#ifndef HTTP_CLIENT_INTERNAL_H
#define HTTP_CLIENT_INTERNAL_H

#include <stdatomic.h>

#include "http/client.h"
#include "http/engine.h"
#include "http/hedge.h"
#include "http/pace.h"

/* From so many failures in a row the destination itself is taken to be in trouble. */
#define CLIENT_TROUBLE 3

struct weir_http_client {
	struct http *http;
	struct http_owner owner;
	struct transfer_options options;
	struct pace pace;
	struct job *head;
	struct transfer *idle, *running;
	uint32_t in_flight;
	uint64_t not_before_ns; /* nothing starts earlier */
	struct loop_timer timer;
	struct hedge hedge;
	struct loop_timer hedge_timer;
	uint32_t alarm; /* status or curl code that the log has been told of, + 1; 0 = none */
	int stalled;
	atomic_uint pending; /* relaxed: a figure, nothing hangs on it */
};

/* Carries the job once more, by a connection of its own if `is_fresh`. */
int client_carry(struct weir_http_client *client, struct job *job, int is_fresh,
		 struct transfer **ret_transfer);
/* The destination works; whether it has taken the request is for the owner to say. */
static inline int client_is_answered(const struct verdict *verdict)
{
	return verdict->advice == WEIR_HTTP_OK || verdict->advice == WEIR_HTTP_TOO_LARGE ||
	       verdict->advice == WEIR_HTTP_REFUSED;
}
/* The transfer is no more under way; then it may be put down, to be idle. */
void client_unlink(struct weir_http_client *client, struct transfer *transfer);
void client_put_down(struct weir_http_client *client, struct transfer *transfer);

/* ---- second copies ---- */

/* Sends those of the requests under way that are late, as far as that is allowed now; the timer is set
 * for the next one. */
void client_hedge(struct weir_http_client *client);
/* A try has ended, and another copy of it is under way. 1: that one decides, this one is forgotten; 0: this
 * one decides, the other is. */
int client_hedge_ended(struct weir_http_client *client, struct transfer *transfer,
		       const struct verdict *verdict);

/* ---- what people are told ---- */

void client_say_stalled(struct weir_http_client *client, const char *why);
void client_say_success(struct weir_http_client *client, const struct job *job, uint64_t now);
void client_say_retry(struct weir_http_client *client, const struct job *job,
		      const struct verdict *verdict, struct weir_slice answer, uint64_t wait_ns);
/* Once per reason, until something succeeds. */
void client_say_hold(struct weir_http_client *client, const struct job *job,
		     const struct verdict_facts *facts, const struct verdict *verdict);

#endif
