// SPDX-License-Identifier: MIT
#include "opened.h"

#include <string.h>

#include "file.h"

uint32_t opened_head_wanted(const struct opened *opened)
{
	uint64_t size = opened->status.stx_size;

	return size < sizeof(opened->head) ? (uint32_t)size : sizeof(opened->head);
}

int opened_take_head(struct opened *opened)
{
	int64_t got;

	if (opened->has_head)
		return 0;
	got = file_read_at(&opened->fd, opened->head, opened_head_wanted(opened), 0);
	if (got < 0)
		return -1;
	opened->head_size = (uint32_t)got;
	opened->has_head = 1;
	return 0;
}

int64_t opened_read(void *user, void *buffer, size_t size, uint64_t offset)
{
	struct opened *opened = user;

	if (offset + size > sizeof(opened->head))
		return file_read_at(&opened->fd, buffer, size, offset);
	if (opened_take_head(opened) < 0)
		return -1;
	if (offset >= opened->head_size)
		return 0;
	if (size > opened->head_size - offset)
		size = opened->head_size - (size_t)offset;
	memcpy(buffer, opened->head + offset, size);
	return (int64_t)size;
}
