// SPDX-License-Identifier: MIT
/*
 * STATE_DIR/reload.json: the outcome of the last reload, by which the agent answers `weir reload`. Also
 * what `weir reload --json` prints. Compact JSON, one object; members are only ever added.
 *
 *   began_ns    of the monotonic clock, when the reload began
 *   ok          true when everything is as the configuration says
 *   seconds     that it took
 *   repeated    records that were sent again, because the old destinations had not answered in time
 *   pipelines   list of {name, outcome}: "unchanged", "added", "changed", "removed", "kept" (refused:
 *               the old configuration goes on) or "left out" (refused, and there is no old one)
 *   problems    list of {severity, path, line, column, text}, as `weir check --json` has them
 *
 * It is replaced as a whole, and belongs to the agent's user.
 */
#ifndef CLI_RELOAD_RESULT_H
#define CLI_RELOAD_RESULT_H

#include "base/buffer.h"
#include "config/config.h"
#include "pipeline/reload.h"

#define RELOAD_RESULT_FILE "reload.json"
/* The longest that is read. */
#define RELOAD_RESULT_MAX (16u << 20)

int reload_result_write(const char *state_dir, uint64_t began_ns, const struct config *config,
			const struct reload_report *report, struct weir_error *error);
/* WEIR_ERR_NOT_FOUND: there is none that began at `since_ns` or later. */
int reload_result_read(const char *state_dir, uint64_t since_ns, struct buffer *ret_document,
		       struct weir_error *error);

#endif
