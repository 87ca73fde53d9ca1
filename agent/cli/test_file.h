// SPDX-License-Identifier: MIT
/*
 * NAME.test.yaml: what goes into a pipeline, and what is expected to come out of it.
 *
 *     environment: { WEIR_OUT: /tmp }       # optional: for ${...} in the pipeline
 *     tests:
 *       - name: a failure goes to both files
 *         input: |                          # or a list of lines, {file: sample.log}, {records: [...]}
 *           203.0.113.9 - - [...] "GET / HTTP/1.1" 500 0 "-" "-"
 *         at: 2026-11-24T12:00:00Z          # what the clock says
 *         source: /var/log/nginx/access.log # what the source is called
 *         fields: named                     # only those named are compared; else all
 *         outputs:
 *           requests: [ { status: 500 } ]
 *           failures: 1                     # so many, whatever is in them
 *         dead_letter: []                   # nothing, if it is not mentioned
 */
#ifndef CLI_TEST_FILE_H
#define CLI_TEST_FILE_H

#include "config/config.h"

struct test_case {
	const char *name;
	uint32_t line, column;
	const char *input; /* lines, each with its newline */
	size_t input_size;
	const struct weir_node *records; /* LIST of MAPs in place of text; or NULL */
	const char *to;                  /* name of the input; NULL = the first */
	const char *source;              /* what it is called */
	int64_t at_ns;
	int named_only;
	const struct weir_node *outputs;     /* MAP of names to LISTs or INTs; may be NULL */
	const struct weir_node *dead_letter; /* LIST or INT; NULL = none */
};

struct test_file {
	struct test_case *cases;
	size_t count;
	const struct weir_node *environment; /* MAP of STRINGs, or NULL */
};

/* Reads the file; everything lives as long as the config, which has the problems. */
int test_file_read(struct config *config, const char *path, struct test_file *ret_file);

#endif
