// SPDX-License-Identifier: MIT
/*
 * Text out of .gz and .zst files. Positions are offsets in the uncompressed text; going back means
 * starting over, which readers do only at the start. A file that ends in the middle gives what
 * decodes, then says so.
 */
#ifndef TAIL_COMPRESSED_H
#define TAIL_COMPRESSED_H

#include <stddef.h>
#include <stdint.h>

struct compressed;

/* True when the name ends as compressed files do that this build can read. */
int compressed_name(const char *path);
/* True when the name ends as any compressed file does: never a live log. */
int compressed_suffix(const char *path);

/* Takes the descriptor on success; NULL when it is no such file or memory is short. */
struct compressed *compressed_open(int take_fd);
void compressed_close(struct compressed *stream);
/* identity_read over a stream. Returns bytes, short only at the end of what decodes; -1 without memory. */
int64_t compressed_read_at(void *user, void *buffer, size_t size, uint64_t offset);
/* What is wrong with the file, or NULL: known once its end has been read. */
const char *compressed_fault(const struct compressed *stream);

#endif
