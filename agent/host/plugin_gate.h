// SPDX-License-Identifier: MIT
/*
 * The gate: whether this host can run a plugin, judged from its descriptors alone, without calling
 * anything in it. Each refusal is a sentence that says what to do.
 */
#ifndef HOST_PLUGIN_GATE_H
#define HOST_PLUGIN_GATE_H

#include <weir/plugin.h>

/* What a plugin file exports: a struct weir_plugin_list. */
#define PLUGIN_LIST_SYMBOL "weir_plugins"

/* Options that belong to the host; no plugin may declare one. Ended by NULL. */
extern const char *const plugin_host_options[];

/* Magic, versions and count of a list of descriptors. */
int plugin_gate_list(const struct weir_plugin_list *list, struct weir_error *error);
/* One descriptor of a list that has passed. */
int plugin_gate_plugin(const struct weir_plugin *plugin, struct weir_error *error);

/* True for [a-z][a-z0-9_]* of at most 32; NULL is none. */
int plugin_gate_is_name(const char *name);

/* The entry after `option`, whatever minor the plugin was built for. */
const struct weir_option *plugin_next_option(const struct weir_option *option);
/* An option as this host knows it: members beyond the plugin's minor are zero. */
struct weir_option plugin_read_option(const struct weir_option *option);
/* Its short_option, or NULL, whatever minor it was built for. */
const char *plugin_short_option(const struct weir_plugin *plugin);

#endif
