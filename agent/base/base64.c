// SPDX-License-Identifier: MIT
#include "base/base64.h"

char *base64_append(char *to, struct weir_slice text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *bytes = (const uint8_t *)text.data;

	for (size_t size = text.size; size; bytes += 3) {
		size_t taken = size < 3 ? size : 3;
		uint32_t bits = (uint32_t)bytes[0] << 16;

		if (taken > 1)
			bits |= (uint32_t)bytes[1] << 8;
		if (taken > 2)
			bits |= bytes[2];
		to[0] = digits[bits >> 18];
		to[1] = digits[bits >> 12 & 63];
		to[2] = taken > 1 ? digits[bits >> 6 & 63] : '=';
		to[3] = taken > 2 ? digits[bits & 63] : '=';
		to += 4;
		size -= taken;
	}
	return to;
}
