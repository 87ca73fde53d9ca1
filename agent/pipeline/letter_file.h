// SPDX-License-Identifier: MIT
/*
 * The files of a dead letter, while an agent may append to one of them.
 *
 *   PATH             what the agent writes to now
 *   PATH.1, PATH.2   finished by its rotation, the newest first
 *   PATH.kept-000007 set aside by `weir dead`; the agent never touches it again
 *
 * Nothing is changed in a file that an agent may write to. To work on letters their files are kept:
 * renamed, while the lock of the writing (see the output's file_live.h) is held, so that no record is
 * between the agent's look at the name and its write. The agent begins a new file at its next letter.
 * A kept file is replaced as a whole, by rename, or removed: a crash leaves it as it was before.
 *
 * One at a time: letter_files_lock() excludes other commands from the folder. What is finished but
 * compressed (PATH.1.gz) is counted and left alone.
 */
#ifndef PIPELINE_LETTER_FILE_H
#define PIPELINE_LETTER_FILE_H

#include <stddef.h>
#include <weir/plugin.h>

struct letter_files {
	char **paths; /* the oldest first */
	size_t count;
	size_t compressed; /* files that were left out */
};

/* The files of a dead letter; `pattern` is a path in which %Y, %m, %d and %H stand for times. */
int letter_files_find(const char *pattern, struct letter_files *ret_files,
		      struct weir_error *error);
/* Keeps what is there; *ret_files are the kept files, also of before. Under the lock. */
int letter_files_keep(const char *pattern, struct letter_files *ret_files,
		      struct weir_error *error);
void letter_files_done(struct letter_files *files);
/* The path of a kept file that is not there yet; to be freed. */
char *letter_files_next(const struct letter_files *kept);

/* A descriptor to close at the end; WEIR_ERR_REFUSED when another command is at work. */
int letter_files_lock(const char *pattern, int *ret_fd, struct weir_error *error);

struct letter_line {
	struct weir_slice text; /* without its newline */
	uint64_t start, end;    /* in the file */
	int whole;              /* it has a newline */
};

struct letter_reader;

int letter_reader_open(const char *path, struct letter_reader **ret_reader,
		       struct weir_error *error);
/* 1 and the next line, which is good until the next call; 0 at the end; negative when reading fails. */
int letter_reader_next(struct letter_reader *reader, struct letter_line *ret_line);
void letter_reader_close(struct letter_reader *reader);

/* Replaces a kept file by the lines of it for which stays() is true; removes it when none does. */
int letter_file_rewrite(const char *path, int (*stays)(void *user, const struct letter_line *line),
			void *user, struct weir_error *error);

#endif
