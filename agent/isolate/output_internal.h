// SPDX-License-Identifier: MIT
/* The inside of an isolated output, for output.c and output_exchange.c. */
#ifndef ISOLATE_OUTPUT_INTERNAL_H
#define ISOLATE_OUTPUT_INTERNAL_H

#include "isolate/link.h"
#include "isolate/parts.h"

struct isolated_output {
	struct link link;
	pthread_t thread;
	int has_thread;
	int wake;              /* eventfd */
	struct buffer scratch; /* under the lock */
	struct slots slots;    /* the same */
	uint32_t *records;     /* the thread's: room for a list */
	uint32_t record_capacity;

	pthread_mutex_t lock; /* guards what follows, and sending */
	struct parts_list deliveries;
	uint64_t numbers; /* given */
	int is_up;        /* the process takes messages */
	int is_stopping;
	int is_careful;      /* one delivery at a time */
	uint32_t unanswered; /* messages */
	uint64_t
		answered_ns; /* when the last answer came, or the first message without one was sent */
	uint32_t flush_wanted; /* WEIR_FLUSH_*, or 0 */
	int flush_is_out;
	/* Of WEIR_FLUSH_LAST, until another delivery comes. While it is LAST_PENDING the stage counts it among
	 * what its pipeline waits for. */
	enum { LAST_UNASKED, LAST_PENDING, LAST_SAID } last_words;
	int is_gone; /* no process will come any more */
};

struct budget *output_budget(const struct isolated_output *output);
void output_wake(const struct isolated_output *output);

/* A delivery that is new. Under the lock. */
void output_add(struct isolated_output *output, struct parts *take_parts);
/* WEIR_FLUSH_LAST is asked for: 0 when there is nothing to ask, and then nothing is waited for. Under the lock,
 * as the next. */
int output_last_words(struct isolated_output *output);
/* They have been said, or nobody is there to say them. */
void output_is_silent(struct isolated_output *output);
/* What the process can take, and the flush that is wanted. Under the lock. */
void output_send_more(struct isolated_output *output);
void output_send_flush(struct isolated_output *output);
/* A process is lost: what it had goes to the next. Returns how many records are sent again. Under the lock. */
uint64_t output_take_back(struct isolated_output *output);
/* What the process says of its deliveries: a link_call; on the thread. */
void output_on_entry(void *user, const struct did *entry);

/* It has answered the oldest message; on the thread. */
void output_on_answer(struct isolated_output *output, const struct message *message);

#endif
