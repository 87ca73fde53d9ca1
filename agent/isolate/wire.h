// SPDX-License-Identifier: MIT
/*
 * Messages between the agent and the process of an isolated plugin, on a socket that keeps their bounds;
 * and the memory that both have mapped.
 *
 *   the agent                                                the plugin's process
 *     MESSAGE_SETUP  settings; the areas' descriptors   ──▶   makes the plugin's instance
 *     MESSAGE_CALL   start, process, timer, flush, ...  ──▶   calls the plugin
 *     MESSAGE_WRITE  a delivery, in an area of its own  ──▶
 *                                                       ◀──   MESSAGE_ANSWER  of every one of them, in order
 *                                                       ◀──   MESSAGE_EVENT   at any time: log, outcomes
 *
 * A second socket is for questions of the plugin that the agent answers (its state).
 */
#ifndef ISOLATE_WIRE_H
#define ISOLATE_WIRE_H

#include <weir/abi.h>

#include "batch/batch.h"

#define MESSAGE_SETUP 1
#define MESSAGE_CALL 2
#define MESSAGE_WRITE 3
#define MESSAGE_ANSWER 4
#define MESSAGE_EVENT 5

/* What a MESSAGE_CALL calls. */
#define CALL_START 1
#define CALL_STOP 2
#define CALL_PROCESS 3
#define CALL_TIMER 4
#define CALL_FLUSH 5
#define CALL_DESTROY 6 /* and the process ends */

/* What the plugin did, in the body of an answer or in an event; each with what follows it. */
#define DID_LOG 1      /* level, code, text */
#define DID_METRIC 2   /* number, kind, name, help, count, (name, value)... : a new one */
#define DID_MEASURE 3  /* number, sample */
#define DID_STATE 4    /* key, value */
#define DID_CHARGE 5   /* bytes */
#define DID_TIMER 6    /* id, delay */
#define DID_STATEFUL 7 /* */
#define DID_DEAD 8     /* record, reason, text */
#define DID_HOLD 9     /* record, claim */
#define DID_RELEASE 10 /* claim */
#define DID_EMIT \
	11 /* claims, claims whose sources it names, its DID_DEADs, the batch: see image.h */
#define DID_CHANGE 12     /* claims, claims whose sources it names, the batch that it was given */
#define DID_OUTCOME 13    /* delivery, outcome, reason, text, records */
#define DID_STALL 14      /* text */
#define DID_FULL 15       /* 0 or 1 */
#define DID_STATE_PART 16 /* text: goes before the value of the next DID_STATE */
#define DID_SILENT 17     /* : nothing is pending any more that was said by WEIR_FLUSH_LAST */

/* The first metrics are those that the agent itself keeps of an output. */
#define METRICS_OWN 5

/* A payload at most: within what a socket takes by default (net.core.wmem_default, 208 KiB). */
#define PAYLOAD_MAX (64u << 10)

struct message {
	uint32_t kind;
	uint32_t size;   /* of the payload */
	uint64_t number; /* from 1 on, as they are sent; an answer has that of its message */
	uint64_t what;   /* CALL_*, or the number of a delivery */
	uint64_t a, b,
		c;     /* of a call: its argument; of an answer: its status, and its body's place */
	uint64_t slot; /* of a delivery: which memory it is in */
};

/* Sends; fd is passed on unless it is -1. flags are those of sendmsg(). -1 with errno. */
int wire_send(int socket, const struct message *message, const void *payload, int fd, int flags);
/* Receives one. *ret_fd is -1 when none came; with NULL none is let in. Returns 1; 0 at the end of the other side; -1
 * with errno, which is EBADMSG for a message that is none. */
int wire_receive(int socket, struct message *ret_message, void *payload, int *ret_fd, int flags);

/* Memory for two processes. Nobody can change its size, so that a reader can't be made to fault. */
struct shared {
	struct batch_area area; /* data is NULL before and after */
	int fd;
};

int shared_create(struct shared *shared, uint64_t size, struct weir_error *error);
/* Takes the descriptor. writable: else a write is a fault. */
int shared_map(struct shared *shared, int take_fd, uint64_t size, int writable);
void shared_done(struct shared *shared);
/* Gives back the pages behind the first `keep` bytes. */
void shared_trim(const struct shared *shared, uint64_t keep);

#endif
