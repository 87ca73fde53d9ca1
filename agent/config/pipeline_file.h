// SPDX-License-Identifier: MIT
/* A file of conf_dir: the keys at its top, and the lists of stages. */
#ifndef CONFIG_PIPELINE_FILE_H
#define CONFIG_PIPELINE_FILE_H

#include "config/config_file.h"

/* Reads the text of a file into the pipeline, whose name and path are set. `broken` says whether it
 * has errors. */
void pipeline_file_read(struct config_file *file, struct registry *registry,
			struct config_pipeline *pipeline);

#endif
