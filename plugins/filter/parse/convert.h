// SPDX-License-Identifier: MIT
/*
 * The `types` and `time` options: what to make of fields by name, after the format has found them.
 *
 * A conversion that fails leaves the value as it was and is counted; so does a time that matches
 * none of the formats.
 */
#ifndef PARSE_CONVERT_H
#define PARSE_CONVERT_H

#include "parse.h"

struct layout;

/* What a field is to become. */
#define CONVERT_NONE 0
#define CONVERT_STRING 1
#define CONVERT_INT 2
#define CONVERT_DOUBLE 3
#define CONVERT_BOOL 4

/* CONVERT_* by its name, NONE for others. */
uint8_t convert_type_named(struct weir_slice name);
/* Makes a value that type; -1 when it doesn't fit, and it then stays as it was. */
int convert_value(struct parse *parse, struct weir_value *value, uint8_t type);

/* ret_converter is NULL when the options ask for nothing. The zone is borrowed. */
int converter_create(const struct weir_node *options, const struct time_zone *zone,
		     struct converter **ret_converter, struct weir_error *error);
void converter_destroy(struct converter *converter);
/* CONVERT_* for a field. */
uint8_t converter_type(const struct converter *converter, struct weir_slice field);
/* The field of the `time` option; size 0 without one. */
struct weir_slice converter_time_field(const struct converter *converter);
/* Applies both to the values that the format found. */
void converter_apply(struct parse *parse, const struct layout *layout, struct weir_value *values);

#endif
