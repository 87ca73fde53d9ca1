// SPDX-License-Identifier: MIT
#include "ending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compressed.h"
#include "moved.h"
#include "note.h"
#include "rotated.h"

#define NS_PER_SECOND UINT64_C(1000000000)
/* A file without a name: quiet for this long, and where it can't be known who writes, it is done. */
#define DELETED_QUIET_NS (5 * NS_PER_SECOND)
#define MOVED_QUIET_NS (300 * NS_PER_SECOND)
/* How often a file that can't be opened is tried again; the second where too many were open, and some
 * were just asked to be closed. */
#define REOPEN_NS (5 * NS_PER_SECOND)
#define REOPEN_ROOM_NS (NS_PER_SECOND / 10)

static void tell_fault(const struct catalog *catalog, const char *path, const struct file *file)
{
	catalog->host->metric_add(catalog->metrics.faults, 1);
	weir_logf(catalog->host, catalog->context, WEIR_LOG_WARNING, "tail_compressed_fault",
		  "%s: %s after %llu bytes of text; what decodes was read, the rest is lost unless "
		  "you have another copy",
		  path, compressed_fault(file->compressed), (unsigned long long)file->offset);
}

int32_t ending_finish(struct catalog *catalog, struct file *file, const uint8_t id[16],
		      uint64_t now_ns, int32_t how)
{
	if (file->compressed && compressed_fault(file->compressed)) {
		char *path = catalog_path(catalog, file);

		tell_fault(catalog, path, file);
		free(path);
	}
	if (how == WEIR_READ_DETACH) {
		note_now(catalog, file, now_ns);
		if (!catalog->once)
			moved_remember(catalog, file, id);
	} else {
		rotated_note(catalog);
	}
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
	catalog_remove(catalog, file);
	return how;
}

int32_t ending_lose(struct catalog *catalog, struct file *file, const char *why)
{
	uint64_t seen = atomic_load(&file->seen_size);
	uint64_t lost = seen > file->offset ? seen - file->offset : 0;
	char *path = catalog_path(catalog, file);

	if (lost)
		catalog->host->metric_add(catalog->metrics.lost_bytes, (int64_t)lost);
	weir_logf(catalog->host, catalog->context, lost ? WEIR_LOG_WARNING : WEIR_LOG_INFO,
		  "tail_gone", "%s %s; %llu bytes of it are known to be lost", path, why,
		  (unsigned long long)lost);
	free(path);
	return ending_finish(catalog, file, NULL, 0, WEIR_READ_END);
}

int ending_nobody_writes(const struct file *file, int deleted, uint64_t now_ns)
{
	int writer;

	if (!deleted && now_ns - file->left_ns < ENDING_RETRY_NS)
		return 0;
	writer = file_has_writer(file->fd);
	return writer == 0 || (writer < 0 && now_ns - file->grown_ns >=
						     (deleted ? DELETED_QUIET_NS : MOVED_QUIET_NS));
}

void ending_close_idle(struct catalog *catalog, struct file *file)
{
	catalog_busy(catalog, file);
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
}

/* 0, or a negative errno. A file that was truncated is still the same one here. */
static int reopen_by_name(struct catalog *catalog, struct file *file)
{
	char *path = catalog_path(catalog, file);
	struct identity place;
	struct statx status;
	int fd = path ? file_open(path) : -1;
	int error = errno;

	free(path);
	if (fd < 0)
		return -error;
	if (file_status(fd, "", &status) == 0) {
		file_identify(&status, &place);
		if (identity_same_file(&place, &file->identity)) {
			file->fd = fd;
			return 0;
		}
	}
	(void)close(fd);
	return -ENOENT;
}

void ending_open(struct catalog *catalog, struct file *file)
{
	if (reopen_by_name(catalog, file) == 0 && file_descriptor_is_spare(file)) {
		(void)close(file->fd);
		file->fd = -1;
	}
}

static void try_later(struct catalog *catalog, struct file *file, int error, uint64_t now_ns)
{
	char *path = catalog_path(catalog, file);

	if (error == EMFILE || error == ENFILE) {
		catalog_make_room(catalog);
		catalog_wake_at(catalog, file, now_ns + REOPEN_ROOM_NS);
		free(path);
		return;
	}
	weir_logf(catalog->host, catalog->context, WEIR_LOG_WARNING, "tail_reopen",
		  "can't open %s again: %s; trying every 5 s", path, strerror(error));
	free(path);
	catalog_wake_at(catalog, file, now_ns + REOPEN_NS);
}

int ending_reopen(struct catalog *catalog, struct file *file, uint64_t now_ns, int32_t *ret_status)
{
	int status = reopen_by_name(catalog, file);

	*ret_status = WEIR_READ_IDLE;
	if (status == 0 || moved_find_inode(catalog, file)) {
		file->left_ns = 0;
		return 1;
	}
	if (status != -ENOENT && status != -ENOTDIR) {
		try_later(catalog, file, -status, now_ns);
		return 0;
	}
	if (!file->left_ns)
		file->left_ns = now_ns;
	if (!catalog->once && now_ns - file->left_ns < ENDING_RETRY_NS) {
		catalog_wake_at(catalog, file, file->left_ns + ENDING_RETRY_NS);
		return 0;
	}
	if (moved_find_text(catalog, file))
		return 1;
	*ret_status = ending_lose(catalog, file, "was deleted");
	return 0;
}
