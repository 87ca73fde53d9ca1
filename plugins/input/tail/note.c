// SPDX-License-Identifier: MIT
#include "note.h"

#include <stdlib.h>

#include "opened.h"

/* How often the host is told a new identity while a file grows: each is a durable write. */
#define NOTE_EVERY_NS (5 * UINT64_C(1000000000))

void note_now(struct catalog *catalog, struct file *file, uint64_t now_ns)
{
	uint8_t bytes[IDENTITY_BYTES];
	struct weir_slice identity = {(const char *)bytes, sizeof(bytes)};
	struct identity now;
	char *path = catalog_path(catalog, file);

	file_describe(file, &now);
	identity_encode(&now, bytes);
	if (file->source)
		catalog->host->source_update(file->source, weir_slice_of(path), identity);
	free(path);
	file->marked_ns = now_ns;
	file->marked_offset = file->offset;
}

void note_progress(struct catalog *catalog, struct file *file, uint64_t size, uint64_t now_ns)
{
	int grown = identity_head_outgrown(&file->identity, size);

	/* The file may have been truncated between its discovery and its first read; and without a
	 * tail no copy of it is known again. */
	grown |= (!file->marked_ns || file->marked_offset == 0) &&
		 file->offset != file->marked_offset;
	if (grown) {
		struct opened opened = {.fd = file->fd, .status.stx_size = size};
		struct identity head = file->identity;
		int status = file->compressed ? identity_take_head(&head, file_read_text, file)
					      : identity_take_head(&head, opened_read, &opened);

		if (status == 0)
			catalog_set_head(catalog, file, &head);
	}
	if (grown || (file->offset != file->marked_offset &&
		      (!file->marked_ns || now_ns - file->marked_ns >= NOTE_EVERY_NS)))
		note_now(catalog, file, now_ns);
}
