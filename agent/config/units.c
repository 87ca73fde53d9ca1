// SPDX-License-Identifier: MIT
/* One reader and one printer over two tables of units. */
#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

/* In the order in which a value is tried for printing: largest first, powers of two before ten. */
static const struct unit sizes[] = {
	{"TiB", INT64_C(1) << 40},
	{"GiB", INT64_C(1) << 30},
	{"MiB", INT64_C(1) << 20},
	{"KiB", INT64_C(1) << 10},
	{"TB", INT64_C(1000000000000)},
	{"GB", INT64_C(1000000000)},
	{"MB", INT64_C(1000000)},
	{"KB", INT64_C(1000)},
	{"B", 1},
	{NULL, 0},
};

static const struct unit durations[] = {
	{"d", INT64_C(86400000000000)},
	{"h", INT64_C(3600000000000)},
	{"m", INT64_C(60000000000)},
	{"s", INT64_C(1000000000)},
	{"ms", INT64_C(1000000)},
	{"us", INT64_C(1000)},
	{"ns", 1},
	{NULL, 0},
};

/* Reads the digits; the rest of the text, without spaces before it, is left in *ret_unit. */
static int read_number(struct weir_slice text, int64_t *ret_number, struct weir_slice *ret_unit)
{
	uint64_t at = 0;
	int64_t number = 0;

	for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, text.data[at] - '0', &number))
			return WEIR_ERR_INVALID;
	if (at == 0)
		return WEIR_ERR_INVALID;
	while (at < text.size && text.data[at] == ' ')
		at++;
	*ret_number = number;
	ret_unit->data = text.data + at;
	ret_unit->size = text.size - at;
	return 0;
}

static int read_with(const struct unit *units, struct weir_slice text, int64_t *ret_value)
{
	struct weir_slice unit;
	int64_t number;

	if (read_number(text, &number, &unit))
		return WEIR_ERR_INVALID;
	if (unit.size == 0 && (units == sizes || number == 0)) {
		*ret_value = number;
		return 0;
	}
	for (; units->name; units++)
		if (weir_slice_equals(unit, units->name))
			return __builtin_mul_overflow(number, units->factor, ret_value)
				       ? WEIR_ERR_INVALID
				       : 0;
	return WEIR_ERR_INVALID;
}

static void print_with(const struct unit *units, int64_t value, char *ret_text, size_t size)
{
	for (; units->name; units++)
		if (value >= units->factor && value % units->factor == 0) {
			snprintf(ret_text, size, "%" PRId64 "%s", value / units->factor,
				 units->name);
			return;
		}
	snprintf(ret_text, size, "%" PRId64, value);
}

int units_read_size(struct weir_slice text, int64_t *ret_bytes)
{
	return read_with(sizes, text, ret_bytes);
}

int units_read_duration(struct weir_slice text, int64_t *ret_ns)
{
	return read_with(durations, text, ret_ns);
}

void units_print_size(int64_t bytes, char *ret_text, size_t size)
{
	print_with(sizes, bytes, ret_text, size);
}

void units_print_duration(int64_t ns, char *ret_text, size_t size)
{
	print_with(durations, ns, ret_text, size);
}

void units_round_size(int64_t bytes, char *ret_text, size_t size)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit < 5; unit++)
		value /= 1024;
	snprintf(ret_text, size, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, names[unit]);
}
