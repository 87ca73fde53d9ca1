// SPDX-License-Identifier: MIT
/*
 * Sizes and durations as people write them: "64MiB", "5 s", or a plain number of bytes. Whole
 * numbers only, never negative. Pure functions.
 */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include <stddef.h>
#include <weir/abi.h>

/* 0, or WEIR_ERR_INVALID when it is no size or does not fit. */
int units_read_size(struct weir_slice text, int64_t *ret_bytes);
/* In nanoseconds. A plain number has no meaning, except 0. */
int units_read_duration(struct weir_slice text, int64_t *ret_ns);

/* The shortest exact form, "64MiB", "1500ms". */
void units_print_size(int64_t bytes, char *ret_text, size_t size);
void units_print_duration(int64_t ns, char *ret_text, size_t size);
/* For people, in two or more digits: "19.1 MiB". */
void units_round_size(int64_t bytes, char *ret_text, size_t size);

#endif
