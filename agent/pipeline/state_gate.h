// SPDX-License-Identifier: MIT
/*
 * Reading stops while positions cannot be saved (the disk is full) and as much was delivered since as
 * one commit may cover: all of it would be sent again after a crash. It goes on by itself.
 *
 * Any thread. The timer looks again until then, and puts the sources that wait back into the queue.
 */
#ifndef PIPELINE_STATE_GATE_H
#define PIPELINE_STATE_GATE_H

#include <stdint.h>

struct pipeline;

void state_gate_init(struct pipeline *pipeline);
/* Counts bytes by which positions moved; a commit that is due early for them is hurried. */
void state_gate_count(struct pipeline *pipeline, uint64_t bytes);
int state_gate_is_closed(struct pipeline *pipeline);
/* For one whose source is parked because it is. */
void state_gate_wait(struct pipeline *pipeline);
/* When nothing reads any more. */
void state_gate_stop(struct pipeline *pipeline);

#endif
