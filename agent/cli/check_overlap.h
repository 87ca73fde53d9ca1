// SPDX-License-Identifier: MIT
/* What two pipelines do twice: read one file into one destination. */
#ifndef CLI_CHECK_OVERLAP_H
#define CLI_CHECK_OVERLAP_H

#include "config/config.h"

/* Adds a warning for each pair. Looks at the files that there are, and at equal patterns. */
void check_overlap(struct config *config);

#endif
