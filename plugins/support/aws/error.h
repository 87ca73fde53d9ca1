// SPDX-License-Identifier: MIT
/*
 * What an AWS service means by an error, whatever protocol it speaks: JSON, CBOR or XML.
 *
 * When in doubt an error is one for the operator: records go to the dead letter only where the
 * service has read them and turned them down.
 */
#ifndef AWS_ERROR_H
#define AWS_ERROR_H

#include <weir/plugin.h>

#define AWS_ERROR_NONE 0
#define AWS_ERROR_RETRY 1     /* throttled, broken for the moment, no answer */
#define AWS_ERROR_KEYS 2      /* expired: get new credentials, sign again */
#define AWS_ERROR_CLOCK 3     /* our clock is off: correct it by the answer's date, sign again */
#define AWS_ERROR_HOLD 4      /* an operator must act: no such stream, not allowed, wrong keys */
#define AWS_ERROR_INVALID 5   /* something in the request is refused, for good */
#define AWS_ERROR_TOO_LARGE 6 /* the request is */

struct aws_error {
	uint32_t class;
	char code[64]; /* the service's name of it, without a namespace */
	char text[256];
};

void aws_error_read(const struct weir_http_response *response, struct aws_error *ret_error);
/* The class of an error by its name alone; HOLD for names that nobody knows. */
uint32_t aws_error_class(const char *code);

/* The text of a header of an answer, or an empty one. */
struct weir_slice aws_answer_header(const struct weir_http_response *response, const char *name);
/* The text of the first XML element of that name, or an empty one. */
struct weir_slice aws_answer_element(struct weir_slice xml, const char *name);

#endif
