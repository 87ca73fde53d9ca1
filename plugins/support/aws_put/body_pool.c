// SPDX-License-Identifier: MIT
#include "support/aws_put/body_pool.h"

#include <stdlib.h>

void body_pool_init(struct body_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	pthread_mutex_init(&pool->lock, NULL);
}

void body_pool_done(struct body_pool *pool)
{
	for (uint32_t i = 0; i < pool->count; i++)
		free(pool->spares[i].text);
	pthread_mutex_destroy(&pool->lock);
}

void body_pool_take(struct body_pool *pool, struct body *body)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->count > 0) {
		pool->count--;
		body->text = pool->spares[pool->count].text;
		body->text_capacity = pool->spares[pool->count].capacity;
	}
	pthread_mutex_unlock(&pool->lock);
}

void body_pool_give(struct body_pool *pool, struct body *body)
{
	pthread_mutex_lock(&pool->lock);
	if (body->text && body->text_capacity <= BODY_POOL_TEXT_MAX &&
	    pool->count < BODY_POOL_SPARES) {
		pool->spares[pool->count].text = body->text;
		pool->spares[pool->count++].capacity = body->text_capacity;
		body->text = NULL;
	}
	pthread_mutex_unlock(&pool->lock);
	body_done(body);
}
