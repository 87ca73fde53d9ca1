// SPDX-License-Identifier: MIT
/* What `weir check` says of the paths: whether there is something to read now. */
#ifndef TAIL_PREVIEW_H
#define TAIL_PREVIEW_H

#include "options.h"

/* WEIR_OK, or an error whose text is a warning. Looks at every folder that the patterns reach. */
int32_t preview(const struct tail_options *options, struct weir_error *ret_warning);

#endif
