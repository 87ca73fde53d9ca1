// SPDX-License-Identifier: MIT
/*
 * The agent's end of an isolated plugin: its process, the areas shared with it, and what it says of itself
 * that has nothing to do with records (its log, metrics, state, timers).
 *
 *     DOWN ──link_up()──▶ UP ──the process ends, hangs or talks nonsense──▶ link_lost() ──▶ DOWN
 *
 * One thread at a time, which its owner sees to; link_status() from any.
 */
#ifndef ISOLATE_LINK_H
#define ISOLATE_LINK_H

#include "isolate/did.h"
#include "isolate/process.h"
#include "pipeline/pipeline.h"

/* What a batch and what a plugin makes of it may take: address space, of which only what is used is there. */
#define AREA_BYTES (UINT64_C(1) << 30)

/* Starts in a row that fail, after which the pipeline can't go on. */
#define STARTS_MAX 5
/* Losses in a row with nothing done between them, after which the same is so: half a minute. That is the plugin then,
 * and not a record: a single one in a batch of 65,536 takes 22, and each next to it 4. */
#define LOSSES_MAX 150

struct link {
	struct weir_context *stage;
	struct process process;   /* pid 0: there is none */
	struct shared text, rows; /* of filters */
	char *title;
	char *payload;                /* PAYLOAD_MAX */
	_Atomic uint64_t sent;        /* messages: their numbers; from any thread that sends */
	uint64_t answers;             /* the number that the next answer must have */
	int is_nonsense;              /* what the process says: it is to be ended */
	struct weir_metric **metrics; /* by the number that the process has given them */
	uint32_t metric_count, metric_capacity;
	struct buffer value; /* of the state: what has come of one that comes in parts */
	int64_t charged;     /* what the plugin says it holds */
	int is_stateful;     /* it said so when it was created */
	uint32_t losses;     /* in a row, with nothing done between them */
	uint64_t weighed_ns; /* when its memory was last looked at */
	int is_astir;        /* it is to be looked at again */
	/* For link_status(). */
	_Atomic int pid;
	_Atomic uint32_t restarts;
	_Atomic int64_t memory;
};

/* The answer to a message. */
struct answer {
	struct message message;
	char *body;         /* to be freed */
	struct parcel list; /* what the plugin did: DID_* */
	struct weir_error error;
};

/* Calls for each entry that is not about the link itself. */
typedef void link_call(void *user, const struct did *entry);

#define LINK_LOST 0
#define LINK_ANSWERED 1
#define LINK_LATE (-1)
#define LINK_LARGE (-2)

int link_init(struct link *link, struct weir_context *stage, struct weir_error *error);
void link_done(struct link *link);
/* Starts a process and has it make the instance. On failure there is none. */
int link_up(struct link *link, struct weir_error *error);
/* The process is over, or is to be: ends it, says so, and counts it. `doing` goes behind "was ended by SIGKILL".
 * Sets the wait before the next start in *ret_wait_ns. */
void link_lost(struct link *link, const char *doing, uint64_t patience_ns, uint64_t *ret_wait_ns);
/* Gives the message its number and sends it; 0, or -1 when there is no process, or none that takes it now: never
 * waits. One thread at a time. */
int link_send(struct link *link, struct message *message, int fd);
/* Waits for the answer and does meanwhile what events ask. LINK_*; LINK_LARGE when the process has grown past its
 * bound before it came. ret_answer is to be freed when it is LINK_ANSWERED. */
int link_answer(struct link *link, uint64_t limit_ns, link_call *call, void *user,
		struct answer *ret_answer);
/* Both. what is a CALL_*. */
int link_call_plugin(struct link *link, uint64_t what, uint64_t argument,
		     struct answer *ret_answer);
/* Waits until there is something to do for so long (0 = for ever) and does it, but for answers, of which the
 * kind and number are returned in ret_message. Returns 1, LINK_LOST at the end of the process, LINK_LATE. */
int link_step(struct link *link, int wake, int timeout_ms, link_call *call, void *user,
	      struct message *ret_message);
/* Does what the entry asks of the link; 0 when it is none of those. */
int link_does(struct link *link, const struct did *entry);
/* The plugin holds so many more bytes. */
void link_charge(struct link *link, int64_t bytes);
/* A new process has none but those of the HTTP service, which an output has over there. */
void link_own_metrics(struct link *link);
/* The process has lost its mind, in these words behind "the process of this plugin": it is to be ended. Returns
 * LINK_LOST. */
int link_nonsense(struct link *link, const char *what);
/* What the process may take, and so what the agent takes out of shared memory for one answer: bytes. */
uint64_t link_room(const struct link *link);
void answer_free(struct answer *answer);
/* How long a call may take. */
uint64_t link_limit_ns(const struct link *link);
/* Looks at its memory, at most once a second. True when it takes more than it may. */
int link_is_too_large(struct link *link);
/* When to look next, in milliseconds from now, or -1: the process has said nothing since it was looked at last, and
 * has grown no further. */
int link_weigh_ms(const struct link *link);
/* Ends it as it is, by SIGKILL after so long. There is a process. */
void link_end(struct link *link, uint64_t patience_ns);
/* Ends it in good order: stops and destroys the instance. `started`: it has been. */
void link_down(struct link *link, link_call *call, void *user);

#endif
