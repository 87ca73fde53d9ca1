// SPDX-License-Identifier: MIT
#include "spool/spool_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/plugin.h>

void spool_segment_name(const struct spool_segment *segment, char ret_name[SPOOL_SEGMENT_NAME_SIZE])
{
	snprintf(ret_name, SPOOL_SEGMENT_NAME_SIZE, "%08x-%08x.seg", segment->number,
		 segment->salt);
}

int spool_segment_parse(const char *name, struct spool_segment *ret_segment)
{
	char again[SPOOL_SEGMENT_NAME_SIZE];
	struct spool_segment segment = {0};

	if (strlen(name) != SPOOL_SEGMENT_NAME_SIZE - 3)
		return 0;
	segment.number = (uint32_t)strtoul(name, NULL, 16);
	segment.salt = (uint32_t)strtoul(name + 9, NULL, 16);
	spool_segment_name(&segment, again);
	if (strcmp(name, again) != 0)
		return 0;
	*ret_segment = segment;
	return 1;
}

static int segment_order(const void *a, const void *b)
{
	const struct spool_segment *left = a, *right = b;

	return (left->number > right->number) - (left->number < right->number);
}

static int list_add(int folder_fd, const char *name, struct spool_segment **list, uint32_t *count)
{
	struct spool_segment segment;
	struct spool_segment *grown;
	struct stat info;

	if (!spool_segment_parse(name, &segment) || fstatat(folder_fd, name, &info, 0) < 0)
		return 0;
	/* Offsets have 32 bits, and no segment of ours comes near. */
	segment.size = info.st_size > UINT32_MAX ? UINT32_MAX : (uint64_t)info.st_size;
	grown = realloc(*list, (*count + 1) * sizeof(**list));
	if (!grown)
		return WEIR_ERR_MEMORY;
	*list = grown;
	grown[(*count)++] = segment;
	return 0;
}

int spool_segment_list(int folder_fd, struct spool_segment **ret_list, uint32_t *ret_count,
		       struct weir_error *error)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int status = 0;

	*ret_list = NULL;
	*ret_count = 0;
	if (!folder) {
		status =
			weir_fail(error, WEIR_ERR_IO, "can't list its folder: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return status;
	}
	while (status == 0 && (entry = readdir(folder)))
		status = list_add(folder_fd, entry->d_name, ret_list, ret_count);
	closedir(folder);
	if (status < 0) {
		free(*ret_list);
		*ret_list = NULL;
		return weir_fail(error, status, "no memory for the list of its segments");
	}
	if (*ret_count)
		qsort(*ret_list, *ret_count, sizeof(**ret_list), segment_order);
	return 0;
}

/* ---- writing ---- */

int spool_write_at(int fd, const void *data, size_t size, uint64_t offset, struct weir_error *error)
{
	const char *at = data;

	while (size) {
		ssize_t written = pwrite(fd, at, size, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return weir_fail(error, WEIR_ERR_IO, "%s",
					 written < 0 ? strerror(errno) : "nothing was written");
		at += written;
		size -= (size_t)written;
		offset += (uint64_t)written;
	}
	return 0;
}

int spool_segment_create(int folder_fd, struct spool_segment *segment, struct weir_error *error)
{
	uint8_t head[SPOOL_FRAME_HEADER];
	char name[SPOOL_SEGMENT_NAME_SIZE];
	int fd;

	spool_segment_name(segment, name);
	fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't make a segment: %s", strerror(errno));
	spool_frame_open(head, SPOOL_FRAME_HEAD, 0);
	segment->size = spool_frame_close(head, SPOOL_FORMAT_VERSION, segment->salt, 0);
	if (spool_write_at(fd, head, sizeof(head), 0, error) < 0) {
		close(fd);
		unlinkat(folder_fd, name, 0);
		return WEIR_ERR_IO;
	}
	return fd;
}

int spool_segment_seal(int fd, struct spool_segment *segment, uint32_t records,
		       struct weir_error *error)
{
	uint8_t seal[SPOOL_FRAME_HEADER];
	int status;

	spool_frame_open(seal, SPOOL_FRAME_SEAL, 0);
	spool_frame_close(seal, records, segment->salt, (uint32_t)segment->size);
	status = spool_write_at(fd, seal, sizeof(seal), segment->size, error);
	if (status == 0)
		segment->size += sizeof(seal);
	return status;
}

/* ---- walking through ---- */

int spool_walk_next(struct spool_walk *walk, struct spool_frame *ret_frame)
{
	walk->skipped = 0;
	while (walk->at < walk->end) {
		int found = spool_frame_read(walk->data + (walk->at - walk->start),
					     walk->end - walk->at, walk->salt, walk->at, ret_frame);

		if (found == SPOOL_FRAME_VALID) {
			walk->at += (uint32_t)spool_frame_bytes(ret_frame->size);
			return 1;
		}
		if (found == SPOOL_FRAME_MORE && !walk->is_last)
			return 0;
		if (walk->end - walk->at <= SPOOL_FRAME_ALIGN) {
			walk->skipped += walk->end - walk->at;
			walk->at = walk->end;
			return 0;
		}
		walk->at += SPOOL_FRAME_ALIGN;
		walk->skipped += SPOOL_FRAME_ALIGN;
	}
	return 0;
}
