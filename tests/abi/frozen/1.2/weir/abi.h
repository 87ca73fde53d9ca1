// SPDX-License-Identifier: MIT
/*
 * The version of the plugin ABI, and the few types that everything else is made of.
 *
 * Rules that keep a plugin working in later hosts:
 *   - Both sides only append. Every table begins with its own size; a member that lies beyond the
 *     other side's size counts as absent.
 *   - A plugin built against minor N loads in every host with the same major and a minor >= N.
 *   - No struct has padding: a later member in its place would count as there.
 *   - Whoever allocates a struct that has a struct_size sets it, also when the other side is to fill
 *     the struct in.
 *   - What has no struct_size never grows: slice, error, label, value, record, block view, key. What
 *     they might lack comes as a further array or member of a table that has one.
 *   - Members called `reserved`, and flags that have no name yet, are 0. The host refuses descriptors
 *     in which they are not, so that they can be given a meaning later.
 *   - Nothing of libc's layout crosses: fixed-width integers, pointer + length strings, no enum,
 *     no bool, no long, no FILE.
 *   - Allocation never crosses: each side frees what it allocated; what the host hands out says in
 *     its comment how long it lives.
 *
 * Changelog of minors (newest first; a plugin says which one it needs by the headers that it is built
 * with):
 *   1.2  2026-11-25  frozen; a further member makes 1.3. http_recall(): an output takes back what is not
 *                    being sent; last words of outputs: WEIR_FLUSH_LAST, and `awaited` of an HTTP client;
 *                    `hedge` of one, and `copies` of an answer; fields(): a plugin says which fields
 *                    records have after it, and which it reads, for `weir check`; probe(), probe_done():
 *                    an output asks its destination, for `weir check --online`; read_at_once(): an input
 *                    cannot wait; WEIR_HTTP_ZSTD
 *   1.1  2026-11-25  frozen; a further member makes 1.2. output_full(): an output says when it needs
 *                    no more
 *   1.0  2026-11-25  frozen. struct weir_error has room to grow; reserved members must be 0; the
 *                    caller of source_known() sets struct_size
 *   0.3  2026-11-25  place() of inputs, for a move from another agent
 *   0.2  2026-11-25  metric_labelled(), histograms; retry bounds among an output's settings
 *   0.1  2026-11-24  first version; major 0 may still change between releases
 */
#ifndef WEIR_ABI_H
#define WEIR_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WEIR_ABI_MAJOR 1
#define WEIR_ABI_MINOR 2

/* True when `member` lies within the `struct_size` that the other side declared. */
#define WEIR_HAS(table, member)  \
	((table)->struct_size >= \
	 (uint32_t)(offsetof(__typeof__(*(table)), member) + sizeof((table)->member)))

/* A borrowed run of bytes, not terminated by NUL. `data` may be NULL when `size` is 0. */
struct weir_slice {
	const char *data;
	uint64_t size; /* bytes */
};

/* Error codes: negative, returned by every function that can fail. */
#define WEIR_OK 0
#define WEIR_ERR_INVALID (-1) /* an argument, option or input that can't be used */
#define WEIR_ERR_MEMORY (-2)  /* no memory, or the pipeline's memory bound is reached */
#define WEIR_ERR_IO (-3)      /* a system call failed; `text` has the reason */
#define WEIR_ERR_NOT_FOUND (-4)
#define WEIR_ERR_REFUSED (-5) /* understood, and not allowed */
#define WEIR_ERR_STATE (-6)   /* not possible now */
#define WEIR_ERR_INTERNAL (-7)

/* Longest error text, with its NUL. */
#define WEIR_ERROR_TEXT 480

/* What failed, in a sentence that names the remedy. Filled only on failure. */
struct weir_error {
	int32_t code;    /* WEIR_ERR_* */
	uint32_t line;   /* 1-based line in the configuration file; 0 = unknown */
	uint32_t column; /* 1-based column; 0 = unknown */
	uint32_t offset; /* byte offset in the text that was being read (a regex, an expression) */
	uint32_t reserved[4];
	char text[WEIR_ERROR_TEXT];
};

#ifdef __cplusplus
#define WEIR_EXTERN_C extern "C"
#else
#define WEIR_EXTERN_C extern
#endif

#define WEIR_EXPORT __attribute__((visibility("default")))

static inline struct weir_slice weir_slice_of(const char *text)
{
	struct weir_slice slice = {text, text ? strlen(text) : 0};
	return slice;
}

static inline int weir_slice_equals(struct weir_slice slice, const char *text)
{
	return slice.size == strlen(text) &&
	       (slice.size == 0 || memcmp(slice.data, text, slice.size) == 0);
}

#endif
