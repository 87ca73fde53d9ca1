// SPDX-License-Identifier: MIT
/*
 * Compresses bodies of requests that are sent on the loop's thread, on a thread of its own: a
 * megabyte takes milliseconds, and all other outputs would wait for them. The thread starts with
 * the first body.
 */
#ifndef HTTP_PACKER_H
#define HTTP_PACKER_H

#include "base/loop.h"
#include "http/job.h"

struct packer;

/* deliver() gets each job when it is packed, in order, on the loop's thread. */
struct packer *packer_create(struct loop *loop, void (*deliver)(struct job *job));
/* Every client must have been forgotten. */
void packer_destroy(struct packer *packer);
/* Takes the job. Loop's thread. */
void packer_add(struct packer *packer, struct job *take_job);
/* Frees what there is of a client's; none of it is delivered any more. Loop's thread, or while the
 * loop does not run. */
void packer_forget(struct packer *packer, const struct weir_http_client *client);

#endif
