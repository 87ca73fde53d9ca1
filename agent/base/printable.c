// SPDX-License-Identifier: MIT
#include "base/printable.h"

#include <stdint.h>

size_t printable_utf8(const char *text, size_t size)
{
	const uint8_t *b = (const uint8_t *)text;
	size_t length = b[0] < 0x80   ? 1
			: b[0] < 0xc2 ? 0
			: b[0] < 0xe0 ? 2
			: b[0] < 0xf0 ? 3
			: b[0] < 0xf5 ? 4
				      : 0;

	if (length > size)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
	    (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
		return 0;
	return length;
}

/* U+0080 to U+009F: the control characters of Latin-1. */
static int is_control(const uint8_t *b)
{
	return b[0] < 0x20 || b[0] == 0x7f || (b[0] == 0xc2 && b[1] < 0xa0);
}

/* U+2028 to U+202E and U+2066 to U+2069: line separators, and the controls of direction. */
static int is_layout(const uint8_t *b)
{
	return b[0] == 0xe2 && ((b[1] == 0x80 && b[2] >= 0xa8 && b[2] <= 0xae) ||
				(b[1] == 0x81 && b[2] >= 0xa6 && b[2] <= 0xa9));
}

size_t printable_length(const char *text, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t length = printable_utf8(text, size);

	return length && !is_control(bytes) && !is_layout(bytes) ? length : 0;
}
