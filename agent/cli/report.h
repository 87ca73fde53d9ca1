// SPDX-License-Identifier: MIT
/* What is wrong with a configuration, for the log. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "base/buffer.h"
#include "config/config.h"

/* Logs the problems from number `from` on. */
void report_problems(const struct config *config, size_t from);
/* The problems as a JSON array, as `weir check --json` and the result of a reload have them. */
void report_append_json(struct buffer *out, const struct config *config);
/* The refused of the plugin files that were looked at; `weir plugins` looks at all. */
void report_refused(const struct registry *registry);

#endif
