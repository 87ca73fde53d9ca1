// SPDX-License-Identifier: MIT
/* The state of batching.c, for expiry.c too. */
#ifndef BATCHING_INTERNAL_H
#define BATCHING_INTERNAL_H

#include <pthread.h>

#include "support/batching/request.h"

/* After a failure to encode, to build or to send: no memory, mostly. */
#define BATCHING_RETRY_NS UINT64_C(200000000)

struct request_list {
	struct batching_request *first, **end;
};

struct batching {
	struct batching_options options;
	pthread_mutex_t lock; /* guards all below */
	struct batching_request *open;
	struct request_list ready;
	uint64_t ready_bytes;
	struct batching_request *sent;
	uint32_t in_flight;
	struct entry *waiting, **waiting_end; /* could not be taken up yet, in order */
	int retrying;                         /* a thread is taking them up */
	uint64_t expiry_ns;                   /* when the expiry timer goes off; 0 = it is off */
	pthread_mutex_t told_lock;            /* taken before `lock`; guards `told` */
	uint32_t told;                        /* the host: that it is full */
};

/* Under the lock. */
void batching_ready_prepend(struct batching *batching, struct batching_request *request);
/* Sends what may be sent. */
void batching_pump(struct batching *batching);
/* What is left of a request that was sent is to be tried again by answering so: what http_done() is to
 * answer. Nothing may be left. */
uint32_t batching_resume(struct batching *batching, struct batching_request *request,
			 uint32_t answer);

/* Under the lock: a delivery came at `arrived_ns`. Returns whether the expiry timer is to be set. */
int expiry_note(struct batching *batching, uint64_t arrived_ns);
void expiry_set(struct batching *batching, uint64_t now_ns);
/* The expiry timer went off. */
void expiry_sweep(struct batching *batching);

#endif
