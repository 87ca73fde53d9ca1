// SPDX-License-Identifier: MIT
/* The one line that says at the start what is running. */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "pipeline/agent.h"

struct sandbox;

struct summary {
	const struct config *config;
	struct agent *agent;
	const struct sandbox *sandbox; /* NULL: off */
	int has_admin;                 /* its address is open */
};

void summary_log(const struct summary *summary);

#endif
