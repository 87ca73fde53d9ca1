// SPDX-License-Identifier: MIT
/* For `weir check`: what a pipeline's stages read of records that no record of it can have. */
#ifndef PIPELINE_FIELD_CHECK_H
#define PIPELINE_FIELD_CHECK_H

#include "pipeline/pipeline.h"

struct field_listener {
	/* A call into the plugin follows. */
	void (*calling)(void *user, const struct weir_plugin *plugin);
	/* With its place. */
	void (*warn)(void *user, const struct weir_error *warning);
	void *user;
};

/* The pipeline has been created, and is not started. */
void field_check(const struct pipeline *pipeline, const struct field_listener *listener);

#endif
