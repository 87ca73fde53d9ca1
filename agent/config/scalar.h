// SPDX-License-Identifier: MIT
/*
 * The text of one scalar as a value of a declared type, or of the type that YAML's core schema gives
 * it. Pure functions.
 */
#ifndef CONFIG_SCALAR_H
#define CONFIG_SCALAR_H

#include <weir/option.h>

/* Each returns 0, or WEIR_ERR_INVALID. */
int scalar_read_bool(struct weir_slice text, int64_t *ret_value);
int scalar_read_int(struct weir_slice text, int64_t *ret_value);
int scalar_read_double(struct weir_slice text, double *ret_value);

/* Sets type, i64 and f64 of a node from its text, as the core schema (YAML 1.2, 10.3) says of text
 * without quotes. */
void scalar_resolve(struct weir_node *node);

/* "a whole number", "a size such as 64KiB": what a type wants, for messages. */
const char *scalar_type_wants(uint32_t type);

#endif
