// SPDX-License-Identifier: MIT
/* A plugin's declaration printed: for people, and as JSON. */
#ifndef CLI_PLUGINS_H
#define CLI_PLUGINS_H

#include "host/registry.h"

/* What it is, and every option. `more` puts a line before it. */
void plugins_describe(const struct registry_entry *entry, int more);
/* All plugins and refusals, or only the plugins of that name, as one JSON document. */
void plugins_print_json(const struct registry *registry, const char *name);
/* The command `plugins new`; argv[0] is "new". */
int cli_plugins_new(int argc, char **argv);

#endif
