// SPDX-License-Identifier: MIT
/*
 * The files of one input: found by inode and by name, with the list of idle descriptors (least
 * recently used first) and the readers' alarm clock. Its lock is held briefly and never over a system call
 * that may block; structure_lock serialises whoever changes which files there are (scans, the
 * watcher's events, truncations) and is taken first.
 */
#ifndef TAIL_CATALOG_H
#define TAIL_CATALOG_H

#include <pthread.h>

#include "file.h"
#include "lookalike.h"
#include "options.h"
#include "watcher.h"

/* Messages remembered so as not to be repeated at every scan. */
#define SCAN_TOLD 256

/* Files found by a survey whose readers are woken together: one by one, a worker would sleep and wake for
 * each, which was a sixth of a restart. */
#define CATALOG_GATHER 64

/* The instance's timers. */
#define TIMER_RESCAN 0
#define TIMER_DUE 1
#define TIMER_HELD 2
#define TIMER_MOVES 3

struct catalog_metrics {
	struct weir_metric *files, *open, *rotated, *truncated, *lost_bytes, *long_lines,
		*skipped_nul, *unlinked_unread, *held, *refused, *faults, *missed;
};

/* A source of an earlier run, or of this one, whose file is not in sight. */
struct known {
	struct known *next, **self; /* list of all */
	struct table_link by_inode;
	struct lookalike *lookalike; /* in the index of them, or NULL */
	uint8_t id[16];
	struct identity identity;
	uint64_t position;
	char path[];
};

/* A new file that may be a copy of one that is about to be truncated (copytruncate). */
struct held {
	struct held *next;
	struct identity identity;
	uint64_t since_ns, grown_ns;
	uint64_t size;
	char path[];
};

struct move;

struct catalog {
	const struct weir_services *host;
	struct weir_context *context;
	struct tail_options options;
	struct catalog_metrics metrics;
	struct watcher_client watch;
	uint32_t once;
	_Atomic int watching; /* the watcher has us */
	_Atomic int stopped;
	_Atomic uint64_t
		descriptors_max; /* that the process may have, when that was last looked at */

	pthread_mutex_t structure_lock; /* guards those below, and what scans do */
	struct known *known;
	struct table known_by_inode;
	struct lookalikes *known_alike; /* made when it is asked for; NULL = there is none */
	struct held *held;
	struct move *moves;                    /* the newest first */
	struct file *gathered[CATALOG_GATHER]; /* to be woken together */
	uint32_t gathered_count;
	uint8_t gathering;
	uint32_t generation;
	int64_t since_ns;         /* files made later, and rotated already, were not seen */
	uint32_t appeared;        /* files that are found now were not there at the first run */
	uint32_t resumed;         /* there was an earlier run */
	uint64_t told[SCAN_TOLD]; /* messages given lately, hashed */
	uint32_t told_next;
	uint32_t place; /* SCAN_PLACE_*: where unknown files begin */

	pthread_mutex_t lock; /* guards those below, and the files' members that say so */
	struct table by_inode;
	struct table by_name;
	struct file *files;
	struct file *ended; /* out of the tables, until the host is done with them */
	struct file *idle_oldest, *idle_newest;
	uint32_t file_count, idle_count;
	/* Of the files in the table of inodes; made when it is asked for, given back when it was not between
	 * two surveys: files at rest need none. NULL = there is none. */
	struct lookalikes *lookalikes;
	uint8_t lookalikes_asked;
	uint64_t next_due_ns; /* what the timer is set to; 0 = off */
};

void catalog_init(struct catalog *catalog, const struct weir_services *host,
		  struct weir_context *context);
void catalog_done(struct catalog *catalog);

/* All below: any thread; those named _locked with the lock held. */
struct file *catalog_by_inode_locked(const struct catalog *catalog, uint64_t device,
				     uint64_t inode);
/* The file that has this inode number on any device, or NULL. */
int catalog_has_inode(struct catalog *catalog, uint64_t inode);
int catalog_has_file(struct catalog *catalog, const struct identity *identity);
/* A name entry with this text, and a further one. */
struct file_name *catalog_by_name_locked(const struct catalog *catalog, const char *path);
struct file_name *catalog_same_name_locked(const struct file_name *name);
/* Gives the file a path; with may_be_link also the target of the link that it is, if it is one. */
int catalog_name(struct catalog *catalog, struct file *file, const char *path, int may_be_link);
/* Adds a file that has a path. */
void catalog_add(struct catalog *catalog, struct file *file);
/* Takes the file out of all tables; its names stay readable. */
void catalog_remove(struct catalog *catalog, struct file *file);
/* Takes it out for good and frees it; the second with the structure lock held. */
void catalog_forget(struct catalog *catalog, struct file *file);
void catalog_forget_locked(struct catalog *catalog, struct file *file);
/* The inode is no longer its. */
void catalog_unlist(struct catalog *catalog, struct file *file);
/* The successor has the inode and the name from now on. */
void catalog_supersede(struct catalog *catalog, struct file *file, struct file *successor);
/* What the file begins with. */
void catalog_set_head(struct catalog *catalog, struct file *file, const struct identity *head);
/* The files by how they begin; NULL without memory. */
struct lookalikes *catalog_lookalikes_locked(struct catalog *catalog);
/* Gives them back when nobody has asked since the last call. */
void catalog_rest_lookalikes(struct catalog *catalog);
/* The file goes on elsewhere on disk. */
int catalog_relocate(struct catalog *catalog, struct file *file, const struct identity *place,
		     const char *path);
/* The reader of a file that was just found is to look at it; with the structure lock. Between the two calls
 * a few at a time. */
void catalog_wake(struct catalog *catalog, struct file *file);
void catalog_gather_begin(struct catalog *catalog);
void catalog_gather_end(struct catalog *catalog);
/* Tells the reader something. */
void catalog_signal_locked(struct file *file, uint32_t signals);

/* Looks at how many descriptors the process may have. */
void catalog_look_at_limit(struct catalog *catalog);
/* The descriptor is open and at its end: may close another's. */
void catalog_idle(struct catalog *catalog, struct file *file);
/* There are fewer descriptors than max_open_files: from now on only half of the idle ones are kept. */
void catalog_make_room(struct catalog *catalog);
/* The descriptor is closed, or in use. */
void catalog_busy(struct catalog *catalog, struct file *file);
/* Wakes the reader at this monotonic time; 0 = never. */
void catalog_wake_at(struct catalog *catalog, struct file *file, uint64_t due_ns);
/* The timer went off. */
void catalog_wake_due(struct catalog *catalog);
/* A copy of the path; the caller frees it. NULL without memory. */
char *catalog_path(struct catalog *catalog, const struct file *file);

#endif
