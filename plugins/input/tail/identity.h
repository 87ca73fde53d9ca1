// SPDX-License-Identifier: MIT
/*
 * How a file is known again: device, inode, birth time, hash of the head, hash of the bytes before
 * some offset. The first three say "the same file on disk", the hashes "the same text", wherever it
 * was moved, copied or compressed to. As bytes (for the state database) it is little-endian and
 * versioned.
 */
#ifndef TAIL_IDENTITY_H
#define TAIL_IDENTITY_H

#include <stdint.h>
#include <stddef.h>

/* Bytes of a file that its head hash covers at most, and from how many on it tells files apart. */
#define IDENTITY_HEAD_MAX 1024
#define IDENTITY_HEAD_STRONG 256
/* Bytes before an offset that its hash covers at most. */
#define IDENTITY_TAIL_MAX 64
#define IDENTITY_BYTES 84
#define IDENTITY_VERSION 1

struct identity_hash {
	uint64_t low, high;
};

struct identity {
	uint64_t device;
	uint64_t inode;
	int64_t birth_ns;   /* 0 = the filesystem has none */
	uint32_t head_size; /* bytes hashed; 0 = the file was empty */
	uint32_t tail_size; /* bytes hashed; 0 = no tail known */
	struct identity_hash head;
	struct identity_hash tail;
	uint64_t tail_offset; /* the tail are the tail_size bytes before it */
	uint32_t shorter;     /* 1: a copy that ended, at the tail, before what had been read */
};

struct identity_hash identity_hash_of(const void *data, size_t size);
int identity_hash_equals(struct identity_hash a, struct identity_hash b);

/* Reads the text of a file, plain or uncompressed; returns bytes read, short only at its end, or -1. */
typedef int64_t identity_read(void *user, void *buffer, size_t size, uint64_t offset);

/* Sets the head from the first min(IDENTITY_HEAD_MAX, text) bytes. */
int identity_take_head(struct identity *identity, identity_read *read_at, void *user);
void identity_set_tail(struct identity *identity, const void *data, uint32_t size, uint64_t offset);

/* True when the text begins with the head and has the tail where it was. An empty head matches. */
int identity_head_matches(const struct identity *identity, identity_read *read_at, void *user);
int identity_tail_matches(const struct identity *identity, identity_read *read_at, void *user);
/* True when device, inode and (where both have one) birth time are equal. */
int identity_same_file(const struct identity *a, const struct identity *b);
/* True when the head covers too little and the text has more by now. */
int identity_head_outgrown(const struct identity *identity, uint64_t text_size);

void identity_encode(const struct identity *identity, uint8_t ret_bytes[IDENTITY_BYTES]);
/* Returns 0, or -1 when the bytes are of no version that is known. */
int identity_decode(struct identity *identity, const void *bytes, size_t size);

#endif
