// SPDX-License-Identifier: MIT
/* The processors of a Kinesis Agent's flow, as filters. */
#ifndef IMPORT_KINESIS_STEPS_H
#define IMPORT_KINESIS_STEPS_H

#include "import/import.h"

/* What the records of a flow are after its processors. */
struct kinesis_shape {
	int is_fields;  /* a JSON object; else text in `message` */
	int is_changed; /* the text is not the line any more */
	int no_newline; /* the record does not end in one */
	int keep_empty; /* empty lines are records, too */
};

/* Adds the filters; what can't be carried over is noted. */
void kinesis_steps(struct import *import, struct import_pipeline *pipeline,
		   const struct tree_node *list, struct kinesis_shape *ret_shape);

#endif
