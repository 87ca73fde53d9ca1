// SPDX-License-Identifier: MIT
/* Keeps the host's notes of a file true: its name, and by what it is known again. Reader only. */
#ifndef TAIL_NOTE_H
#define TAIL_NOTE_H

#include "catalog.h"

/* Tells the host name and identity as they are. */
void note_now(struct catalog *catalog, struct file *file, uint64_t now_ns);
/* Tells it when the head has grown, and now and then what precedes the offset. */
void note_progress(struct catalog *catalog, struct file *file, uint64_t size, uint64_t now_ns);

#endif
