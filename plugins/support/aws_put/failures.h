// SPDX-License-Identifier: MIT
/* What went wrong with the records of an answer: for the log line, the metrics and the dead letter. */
#ifndef AWS_PUT_FAILURES_H
#define AWS_PUT_FAILURES_H

#include "support/aws/error.h"
#include "support/aws_put/answer.h"

#define PUT_CODE_SIZE 64
#define PUT_REFUSAL_SIZE 400

/* Zeroed memory is none. */
struct put_failures {
	uint32_t retried, refused, held; /* records; those that are held are among the retried */
	char code[PUT_CODE_SIZE], text[256]; /* of the first that failed */
	char dead_text[PUT_REFUSAL_SIZE];    /* of the first that is refused for good */
};

/* Whether what failed so is refused for good, and not to be sent again as it is. */
static inline int put_class_is_final(uint32_t class)
{
	return class == AWS_ERROR_INVALID || class == AWS_ERROR_TOO_LARGE;
}

/* Notes an outcome with a code, which stands for that many records. Returns its AWS_ERROR_*. */
uint32_t put_failures_note(struct put_failures *failures, const struct put_outcome *outcome,
			   uint32_t records, char ret_code[PUT_CODE_SIZE]);

/* Why a call with one record, refused as a whole, is refused: reason and text for the dead letter. */
const char *put_refusal(const struct aws_error *failure, char ret_text[PUT_REFUSAL_SIZE]);

#endif
