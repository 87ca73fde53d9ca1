// SPDX-License-Identifier: MIT
/*
 * JSON from values, correct for every byte sequence.
 *
 * Rule for STRING bytes that are not UTF-8: each maximal ill-formed sequence becomes U+FFFD, as the
 * Unicode standard (chapter 3, "U+FFFD Substitution of Maximal Subparts") advises. BYTES become
 * base64. Doubles print in the shortest form that reads back the same; NaN and infinities are null.
 * Control characters, quote and backslash are escaped; everything else is left as it is.
 */
#ifndef BATCH_JSON_H
#define BATCH_JSON_H

#include <weir/services.h>

#include "base/buffer.h"

int json_append_string(struct buffer *out, struct weir_slice text); /* with its quotes */
/* ,"NAME":TEXT, where the text is null when it is NULL. */
int json_append_member(struct buffer *out, const char *name, const char *text);
int json_append_base64(struct buffer *out, struct weir_slice bytes); /* with quotes */
int json_append_value(struct buffer *out, const struct weir_batch *batch,
		      const struct weir_value *value);
int json_append_timestamp(struct buffer *out, int64_t ns); /* with quotes, RFC 3339, UTC */
/* One object for a record, without newline. host may be empty. */
int json_append_record(struct buffer *out, const struct weir_batch *batch,
		       const struct weir_record *record, const struct weir_encode_spec *spec,
		       struct weir_slice host);
/* The value as plain text (no quotes, no escapes), as WEIR_ENCODE_TEXT wants it. */
int text_append_value(struct buffer *out, const struct weir_batch *batch,
		      const struct weir_value *value);
/* True when the text is valid UTF-8. */
int utf8_valid(struct weir_slice text);

#endif
