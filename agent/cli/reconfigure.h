// SPDX-License-Identifier: MIT
/*
 * The agent's side of a reload (SIGHUP): reads everything again, has the agent switch, and says how it
 * went: in the log, to the service's manager, and in the state folder for `weir reload`.
 *
 * weir.yaml with errors, or a conf_dir that cannot be read, changes nothing at all.
 */
#ifndef CLI_RECONFIGURE_H
#define CLI_RECONFIGURE_H

#include "config/config.h"
#include "pipeline/reload.h"

struct reconfigure {
	const char *config_path; /* NULL = the default */
	struct agent *agent;
	struct registry *registry;
	struct config *config; /* that the agent lives on; replaced by a reload */
	struct reload_watch watch;
};

void reconfigure(struct reconfigure *service);

#endif
