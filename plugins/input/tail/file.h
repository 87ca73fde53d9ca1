// SPDX-License-Identifier: MIT
/*
 * One file that is followed: a source of the host's.
 *
 * Three kinds of members, by who may touch them: those under the catalog's lock, atomics by which
 * other threads tell the reader something, and the reader's own, which only read() touches (the host
 * serialises it per source) once the source is open. All changes of state happen in read().
 *
 *   following ──▶ at its end, descriptor closed (LRU) ──▶ following
 *       │ truncated: a successor takes over name and inode, this one goes on in a copy, or ends
 *       │ renamed: goes on under the same descriptor
 *       ▼ deleted, or moved out of sight: read to its end, then ends once nobody can write to it
 */
#ifndef TAIL_FILE_H
#define TAIL_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <weir/plugin.h>

#include "identity.h"
#include "table.h"

struct catalog;
struct compressed;
struct lookalike;

/* What other threads tell the reader. */
#define FILE_RENAMED 1 /* it has a (new) name: tell the host */
#define FILE_LEFT 2    /* the name no longer leads to it */
#define FILE_CLOSE 4   /* its descriptor is wanted elsewhere, if it is at its end */

/* Why what follows is no whole line. */
#define FILE_CUT_LONG 1 /* parts of a line longer than max_line */
#define FILE_CUT_TORN 2 /* the line was taken, or reading began, before its end */

/* Text encodings. */
#define FILE_UTF8 0 /* or any other bytes with single-byte newlines */
#define FILE_UTF16LE 1
#define FILE_UTF16BE 2

struct file_name {
	struct table_link by_text; /* first: its table's links are names */
	struct file *file;
	char text[];
};

struct file {
	struct catalog *catalog;
	struct weir_source *source;

	/* Under the catalog's lock; identity is changed by the reader only, and read by it freely. */
	struct table_link by_inode;
	struct file *next, **self; /* list of all */
	struct file *idle_newer, *idle_older;
	struct file_name *path;   /* as the patterns found it; never NULL */
	struct file_name *target; /* what it is a symbolic link to, or NULL */
	struct identity identity;
	struct lookalike *lookalike; /* in the index of them, or NULL */
	uint64_t due_ns;             /* when the reader wants to be woken; 0 = not */
	uint32_t generation;         /* of the scan that last saw it */
	uint8_t listed;              /* in the inode table */
	uint8_t idle;                /* in the list of idle descriptors */
	uint8_t gone;                /* no name leads to it */
	uint8_t told_gone;           /* the event of that has been seen */

	/* Any thread. */
	_Atomic uint32_t signals;   /* FILE_RENAMED ... */
	_Atomic uint64_t seen_size; /* size when the reader last looked */
	_Atomic uint8_t turn;       /* 1 while somebody has it */

	/* The reader's own, at its turn: file_take_turn(). */
	int fd;                        /* -1 = closed, at its end */
	struct compressed *compressed; /* reads in place of the descriptor */
	uint64_t offset;    /* where the next record begins; the start of an unfinished line */
	uint64_t scanned;   /* no newline lies in [offset, scanned) */
	uint64_t hole_end;  /* NUL bytes from here on belong to a hole that was skipped */
	uint64_t grown_ns;  /* monotonic, when it was last seen to grow */
	uint64_t left_ns;   /* monotonic, when it lost its name; 0 = it has one */
	uint64_t marked_ns; /* monotonic, when the host was last told its identity */
	uint64_t marked_offset;
	struct identity_hash guard; /* of the guard_size bytes before offset */
	uint32_t read_size;         /* how much to read, adapted to the length of lines */
	uint32_t header_left;       /* lines still to skip at its start */
	uint8_t guard_size;         /* IDENTITY_TAIL_MAX at most */
	uint8_t encoding;           /* FILE_UTF8 ... */
	uint8_t cut;      /* inside a line of which a part has been passed on: FILE_CUT_* */
	uint8_t copied;   /* goes on in a copy, which may be shorter than the offset */
	uint8_t alarmed;  /* waits for an alarm */
	uint8_t given_up; /* unlinked, unread, and over the limit that the user set */
	uint8_t finished; /* has come to END or DETACH */
};

/* statx() of a path or descriptor into the identity (device, inode, birth). ret may be NULL. */
int file_status(int fd, const char *path, struct statx *ret_status);
void file_identify(const struct statx *status, struct identity *ret_identity);
/* Opens for reading without side effects; -1 with errno. The second not through a link: ELOOP. */
int file_open(const char *path);
int file_open_no_link(const char *path);
/* The turn at a file: its reader has it during read(), others only try, for moments. It is a byte, since a
 * mutex would be a tenth of what a file at rest takes; the reader yields in the rare case that it waits. */
void file_take_turn(struct file *file);
int file_try_turn(struct file *file);
void file_leave_turn(struct file *file);
/* True when nothing is lost by closing its descriptor: it has a name, is read to its end, and its
 * reader is not to be told anything. At its turn. */
int file_may_rest(const struct file *file);
/* True when the file's is of the upper half of them, which is kept for what comes. */
int file_descriptor_is_spare(const struct file *file);
/* identity_read over a descriptor: user is an int *. */
int64_t file_read_at(void *user, void *buffer, size_t size, uint64_t offset);
/* identity_read over the text of a file, compressed or not: user is a struct file *. */
int64_t file_read_text(void *user, void *buffer, size_t size, uint64_t offset);
/* The bytes before the offset, by which truncation is found: reads them, and returns the last of them,
 * or -1 when there is none; sets them; and compares them with what is there now. */
int file_take_guard(struct file *file, identity_read *read_at, void *user);
void file_set_guard(struct file *file, const void *bytes, size_t size);
int file_guard_holds(const struct file *file, const void *bytes);
/* Its identity, with the tail by which its text is known again. */
void file_describe(const struct file *file, struct identity *ret_identity);
/* 1 when somebody has it open for writing, 0 when nobody has, -1 when it can't be known. */
int file_has_writer(int fd);

/* A file without names yet; takes the descriptor. NULL without memory. */
struct file *file_create(struct catalog *catalog, int take_fd, const struct identity *identity,
			 uint64_t offset);
void file_free(struct file *file);
/* Reads what follows from the offset: guard bytes, whether it is inside a line, headers left. */
void file_resume(struct file *file, uint32_t header_lines, identity_read *read_at, void *user);

#endif
