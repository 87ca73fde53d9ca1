// SPDX-License-Identifier: MIT
/* What the parts of `weir positions` share. */
#ifndef CLI_POSITIONS_H
#define CLI_POSITIONS_H

#include "config/config.h"
#include "state/state.h"

struct positions {
	const char *config_path, *pipeline, *output, *to;
	const char *action;
	char **sources;
	size_t source_count;
	int all, json;
};

#define POSITIONS_END UINT64_MAX
#define POSITIONS_ID_SIZE 33 /* 16 bytes in hex, and the end */

/* A position as the user writes it; ret_position may be NULL. CLI_OK or, after a complaint, CLI_USAGE. */
int positions_read_to(const char *text, uint64_t *ret_position);
/* set and reset; an exit code. */
int positions_change(const struct positions *arguments, const struct config *config);
/* A source's id as people write it. */
void positions_format_id(const uint8_t id[16], char ret_hex[POSITIONS_ID_SIZE]);

#endif
