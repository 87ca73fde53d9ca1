// SPDX-License-Identifier: MIT
/* The admin address of a running agent: the module, and what it asks the agent. */
#ifndef CLI_ADMIN_H
#define CLI_ADMIN_H

#include "config/config.h"
#include "pipeline/agent.h"

struct cli_admin;

/* Opens the address of the configuration. NULL when it is off or, which is logged, not possible: an
 * agent that cannot be asked still ships. */
struct cli_admin *cli_admin_open(const struct config *config, struct agent *agent);
/* Before the agent is destroyed. */
void cli_admin_close(struct cli_admin *admin);

#endif
