// SPDX-License-Identifier: MIT
/*
 *   add ──▶ queue ──▶ current ──▶ packed ──▶ deliver()
 *
 * Jobs stay in these lists, under the lock, until the moment of their delivery: so a client that is
 * freed finds them all. For `current`, whose body is being read, it waits: some milliseconds.
 */
#include "http/packer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct job_list {
	struct job *first, **end;
};

struct packer {
	struct loop *loop;
	void (*deliver)(struct job *job);
	pthread_mutex_t lock; /* guards all below but the thread's id */
	pthread_cond_t changed;
	struct job_list queue, packed;
	struct job *current;
	int posted; /* a delivery is on its way */
	int stopping;
	int started; /* of the loop's thread */
	pthread_t thread;
};

/* ---- lists ---- */

static void list_clear(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_append(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static struct job *list_take(struct job_list *list)
{
	struct job *job = list->first;

	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->end = &list->first;
	job->next = NULL;
	return job;
}

static void list_forget(struct job_list *list, const struct weir_http_client *client)
{
	struct job *all = list->first, *next;

	list_clear(list);
	for (struct job *job = all; job; job = next) {
		next = job->next;
		if (job->client == client)
			job_free(job);
		else
			list_append(list, job);
	}
}

/* ---- the two threads ---- */

static void deliver_packed(void *user)
{
	struct packer *packer = user;
	struct job *job;

	do {
		pthread_mutex_lock(&packer->lock);
		job = list_take(&packer->packed);
		packer->posted = job != NULL;
		pthread_mutex_unlock(&packer->lock);
		if (job)
			packer->deliver(job);
	} while (job);
}

static struct job *next_job(struct packer *packer)
{
	while (!packer->queue.first && !packer->stopping)
		pthread_cond_wait(&packer->changed, &packer->lock);
	packer->current = packer->stopping ? NULL : list_take(&packer->queue);
	return packer->current;
}

static void finish_job(struct packer *packer, struct job *job)
{
	packer->current = NULL;
	pthread_cond_broadcast(&packer->changed); /* whoever waits to forget it */
	list_append(&packer->packed, job);
	/* Without memory for the post, the next job posts for both. */
	if (!packer->posted)
		packer->posted = loop_post(packer->loop, deliver_packed, packer) == 0;
}

static void *packer_main(void *user)
{
	struct packer *packer = user;
	struct job *job;

	pthread_setname_np(pthread_self(), "weir-packer");
	pthread_mutex_lock(&packer->lock);
	while ((job = next_job(packer))) {
		pthread_mutex_unlock(&packer->lock);
		job_pack(job);
		pthread_mutex_lock(&packer->lock);
		finish_job(packer, job);
	}
	pthread_mutex_unlock(&packer->lock);
	return NULL;
}

static int start_thread(struct packer *packer)
{
	sigset_t all, before;

	if (packer->started)
		return 0;
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	packer->started = pthread_create(&packer->thread, NULL, packer_main, packer) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return packer->started ? 0 : WEIR_ERR_IO;
}

/* ---- public ---- */

struct packer *packer_create(struct loop *loop, void (*deliver)(struct job *job))
{
	struct packer *packer = calloc(1, sizeof(*packer));

	if (!packer)
		return NULL;
	packer->loop = loop;
	packer->deliver = deliver;
	pthread_mutex_init(&packer->lock, NULL);
	pthread_cond_init(&packer->changed, NULL);
	list_clear(&packer->queue);
	list_clear(&packer->packed);
	return packer;
}

void packer_destroy(struct packer *packer)
{
	if (!packer)
		return;
	pthread_mutex_lock(&packer->lock);
	packer->stopping = 1;
	pthread_cond_broadcast(&packer->changed);
	pthread_mutex_unlock(&packer->lock);
	if (packer->started)
		pthread_join(packer->thread, NULL);
	pthread_cond_destroy(&packer->changed);
	pthread_mutex_destroy(&packer->lock);
	free(packer);
}

void packer_add(struct packer *packer, struct job *take_job)
{
	if (start_thread(packer)) { /* slower, and still right */
		job_pack(take_job);
		packer->deliver(take_job);
		return;
	}
	pthread_mutex_lock(&packer->lock);
	list_append(&packer->queue, take_job);
	pthread_cond_broadcast(&packer->changed);
	pthread_mutex_unlock(&packer->lock);
}

void packer_forget(struct packer *packer, const struct weir_http_client *client)
{
	pthread_mutex_lock(&packer->lock);
	list_forget(&packer->queue, client);
	while (packer->current && packer->current->client == client)
		pthread_cond_wait(&packer->changed, &packer->lock);
	list_forget(&packer->packed, client);
	pthread_mutex_unlock(&packer->lock);
}
