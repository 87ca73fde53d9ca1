// SPDX-License-Identifier: MIT
/*
 * The faults of harness/fault_proxy.py for a server in C: which a request gets is drawn when it comes.
 * For any thread.
 */
#ifndef SERVERS_FAULTS_H
#define SERVERS_FAULTS_H

#include <stdint.h>

enum fault {
	FAULT_NONE,
	FAULT_PARTIAL,      /* some records are throttled */
	FAULT_THROTTLE,     /* the whole request is */
	FAULT_BROKEN,       /* a 500, in bursts */
	FAULT_RESET_BEFORE, /* the connection is reset before the request is read */
	FAULT_RESET_AFTER,  /* the records are stored; a reset comes in place of the answer */
	FAULT_SLOW,         /* the answer comes in drops */
	FAULT_MISCOUNT,     /* the answer tells of one record too few */
	FAULT_EXPIRED,      /* the token has expired: so from then on for whoever has its key */
	FAULT_SKEW,         /* from then on the clock is an hour ahead, and what is older refused */
	FAULT_COUNT
};

/* `percent` of the requests have a fault. Before all below. */
void faults_create(uint64_t seed, int percent);
/* The fault of the next request. FAULT_EXPIRED and FAULT_SKEW come once each. */
enum fault faults_next(void);
/* What the request gets once its head (NUL-terminated) is looked at, too: FAULT_EXPIRED or FAULT_SKEW,
 * or the fault it had. Counted as having happened. */
enum fault faults_of_head(enum fault fault, const char *head);
/* True for `percent` of the calls. */
int faults_chance(int percent);
/* How far the clock is ahead. */
int64_t faults_skew_s(void);
/* {"partial":N, ...} of what has happened. */
void faults_tell(char *ret_json, uint32_t size);

#endif
