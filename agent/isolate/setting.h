// SPDX-License-Identifier: MIT
/*
 * What the process of an isolated plugin has to know: which plugin, and the stage that it is of.
 */
#ifndef ISOLATE_SETTING_H
#define ISOLATE_SETTING_H

#include "isolate/parcel.h"
#include "pipeline/pipeline.h"

/* Owned by the process that has read it, until its end. */
struct setting {
	uint32_t kind;       /* WEIR_FILTER or WEIR_OUTPUT */
	char *plugin, *path; /* its name, and its file */
	char *pipeline, *id, *name;
	char *state_dir, *host_name;
	const struct weir_node *options;
	uint32_t strict, log_level, block_bytes;
	uint64_t linger_ns, retry_min_ns, retry_max_ns, memory_bytes;
};

int setting_write(const struct weir_context *stage, struct buffer *out);
int setting_read(struct parcel *parcel, struct setting *ret_setting);

#endif
