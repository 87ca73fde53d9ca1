// SPDX-License-Identifier: MIT
/* A plugin's declaration printed: for people, and as JSON. */
#ifndef CLI_PLUGINS_H
#define CLI_PLUGINS_H

#include "host/registry.h"

/* What it is, and every option. `more` puts a line before it. */
void plugins_describe(const struct registry_entry *entry, int more);
/* All plugins and refusals, or only the plugins of that name, as one JSON document. */
void plugins_print_json(const struct registry *registry, const char *name);
/* One plugin as a JSON object, with all its options if asked for. */
struct buffer;
void plugins_append_json(struct buffer *out, const struct registry_entry *entry, int with_options);

/* The commands `plugins new` and `plugins inspect`; argv[0] is their last word. */
int cli_plugins_new(int argc, char **argv);
int cli_plugins_inspect(int argc, char **argv);

#endif
