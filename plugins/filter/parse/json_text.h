// SPDX-License-Identifier: MIT
/* JSON text byte by byte: escapes and white space. Pure functions. */
#ifndef PARSE_JSON_TEXT_H
#define PARSE_JSON_TEXT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True when every backslash begins an escape that JSON has. */
int json_escapes_valid(const char *text, uint32_t size);
/*
 * Undoes the escapes of a string's inside; they must be valid. Never longer than the text; returns
 * the size. Half of a surrogate pair, which is no character, becomes U+FFFD.
 */
uint32_t json_unescape(const char *text, uint32_t size, char *out);
/*
 * The inside of a JSON string for any bytes; ill-formed UTF-8 becomes U+FFFD, one for each maximal
 * subpart as the Unicode standard advises. At most six times as long; returns the size.
 */
uint32_t json_escape(const char *text, uint32_t size, char *out);
/* Leaves out white space between tokens. Never longer than the text; returns the size. */
uint32_t json_minify(const char *text, uint32_t size, char *out);

#ifdef __cplusplus
}
#endif

#endif
