// SPDX-License-Identifier: MIT
#include "support/aws_put/failures.h"

#include <stdio.h>

static void copy_slice(char *to, size_t size, struct weir_slice text)
{
	snprintf(to, size, "%.*s", (int)(text.size < size ? text.size : size),
		 text.data ? text.data : "");
}

uint32_t put_failures_note(struct put_failures *f, const struct put_outcome *outcome,
			   uint32_t records, char ret_code[PUT_CODE_SIZE])
{
	char text[sizeof(f->text)];
	uint32_t class;

	copy_slice(ret_code, PUT_CODE_SIZE, outcome->code);
	copy_slice(text, sizeof(text), outcome->message);
	class = aws_error_class(ret_code);
	if (!*f->code) {
		memcpy(f->code, ret_code, PUT_CODE_SIZE);
		memcpy(f->text, text, sizeof(text));
	}
	if (!put_class_is_final(class)) {
		f->retried += records;
		f->held += class == AWS_ERROR_HOLD ? records : 0;
		return class;
	}
	if (!*f->dead_text)
		snprintf(f->dead_text, sizeof(f->dead_text), "the service answered %s: %s",
			 ret_code, text);
	f->refused += records;
	return class;
}

const char *put_refusal(const struct aws_error *failure, char ret_text[PUT_REFUSAL_SIZE])
{
	snprintf(ret_text, PUT_REFUSAL_SIZE, "the service answered %s: %s",
		 *failure->code ? failure->code : "an error", failure->text);
	return failure->class == AWS_ERROR_TOO_LARGE ? "too_large" : "refused";
}
