// SPDX-License-Identifier: MIT
#include "admin/older_metrics.h"

static const char type_mark[] = "# TYPE ";
static const char help_mark[] = "# HELP ";
static const char counter_mark[] = " counter";
#define MARK_SIZE (sizeof(type_mark) - 1) /* of either */

/* The name of the family in a TYPE or HELP line; empty for any other. */
static struct weir_slice family_of(struct weir_slice line)
{
	const char *from = line.data + MARK_SIZE, *space;

	if (line.size <= MARK_SIZE || (memcmp(line.data, type_mark, MARK_SIZE) != 0 &&
				       memcmp(line.data, help_mark, MARK_SIZE) != 0))
		return (struct weir_slice){NULL, 0};
	space = memchr(from, ' ', line.size - MARK_SIZE);
	return (struct weir_slice){from, space ? (uint64_t)(space - from) : line.size - MARK_SIZE};
}

static int is_counter(struct weir_slice line)
{
	size_t size = sizeof(counter_mark) - 1;

	return line.size > size && line.data[2] == 'T' &&
	       memcmp(line.data + line.size - size, counter_mark, size) == 0;
}

int older_metrics(const struct buffer *openmetrics, struct buffer *out)
{
	const char *at = openmetrics->data, *end = openmetrics->data + openmetrics->size;
	struct weir_slice counter = {NULL, 0}; /* the family that is being written, if it is one */
	int status = 0;

	while (at < end && status == 0) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct weir_slice line = {at, (uint64_t)((newline ? newline : end) - at)};
		struct weir_slice family = family_of(line);
		size_t head = family.size ? MARK_SIZE + family.size : 0;

		if (family.size && line.data[2] == 'T')
			counter = is_counter(line) ? family : (struct weir_slice){NULL, 0};
		status = buffer_append(out, line.data, head);
		if (family.size && family.size == counter.size &&
		    memcmp(family.data, counter.data, family.size) == 0)
			status |= buffer_text(out, "_total");
		status |= buffer_append(out, line.data + head, line.size - head);
		status |= buffer_text(out, "\n");
		at = newline ? newline + 1 : end;
	}
	return status;
}
