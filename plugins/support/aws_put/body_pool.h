// SPDX-License-Identifier: MIT
/*
 * Texts of bodies that are done with, for the next ones: memory fresh from the system costs a page
 * fault for every 4 KiB, which is more than filling it. Any thread.
 */
#ifndef AWS_PUT_BODY_POOL_H
#define AWS_PUT_BODY_POOL_H

#include <pthread.h>

#include "support/aws_put/body.h"

/* As a request ends the next one begins, so a few are enough, however many are in flight. */
#define BODY_POOL_SPARES 4
/* A larger text is freed at once. */
#define BODY_POOL_TEXT_MAX (1u << 20)

struct body_pool {
	pthread_mutex_t lock; /* guards all below */
	struct {
		char *text;
		uint64_t capacity;
	} spares[BODY_POOL_SPARES];
	uint32_t count;
};

void body_pool_init(struct body_pool *pool);
void body_pool_done(struct body_pool *pool);
/* Gives an empty body a text, if there is one to spare. */
void body_pool_take(struct body_pool *pool, struct body *body);
/* body_done(), and its text may be kept. */
void body_pool_give(struct body_pool *pool, struct body *body);

#endif
