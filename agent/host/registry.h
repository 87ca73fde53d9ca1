// SPDX-License-Identifier: MIT
/*
 * The plugins: every `.so` of the plugin folders, checked and loaded once it is needed. A plugin is
 * looked for in the files called KIND-NAME.so first, and then in all others.
 *
 * A refused file does not stop the agent; the reason is kept and shown by `weir plugins` and by
 * `weir check` where a pipeline asks for a plugin that isn't there. Used on the main
 * thread only.
 */
#ifndef HOST_REGISTRY_H
#define HOST_REGISTRY_H

#include <stddef.h>
#include <weir/plugin.h>

struct registry;

struct registry_entry {
	const struct weir_plugin *plugin;
	const char *path; /* of its .so */
	uint16_t abi_major, abi_minor;
	int own;     /* it was built with this agent, by its mark */
	int started; /* plugin_start() has been called */
};

struct registry_refusal {
	char *path;
	char *why; /* a sentence with the remedy */
};

/* What is offered, and was not built with this agent, is loaded on trial first (host/trial.h), for so long
 * at most; 0: without. */
int registry_create(uint64_t load_limit_ns, struct registry **ret_registry,
		    struct weir_error *error);
void registry_destroy(struct registry *registry); /* plugin_stop()s what was started */
/* What is asked of a file before its code may run: that only root and the user of the agent can write
 * it and its folder, and that it is a whole shared object for this machine. ret_real_path has PATH_MAX
 * bytes, and is empty when the path leads nowhere. */
int registry_check_file(const char *path, char *ret_real_path, struct weir_error *error);
/* Loads that file, after the same checks as any other. */
int registry_load(struct registry *registry, const char *path, struct weir_error *error);
/* Makes every .so of a folder known, in name order. A missing folder is no error. */
int registry_offer_dir(struct registry *registry, const char *dir, struct weir_error *error);
/* Before the folders are offered again, to a registry in use: forgets what was refused and what was not
 * needed. A file that has been loaded stays as it is, and counts as refused if it has changed. */
void registry_rescan(struct registry *registry);
/* Loads all that has not been needed yet: for those who list plugins. */
int registry_load_offered(struct registry *registry, struct weir_error *error);
/* Takes up the plugins of a list that is in memory already, after the same checks; `path` is copied,
 * for people. Fails with the sentence, and adds none of them, when one is refused. */
int registry_add(struct registry *registry, const struct weir_plugin_list *list, const char *path,
		 struct weir_error *error);
/* Loads what it needs to answer. NULL when there is none. kind is WEIR_INPUT, WEIR_FILTER or WEIR_OUTPUT. */
const struct registry_entry *registry_find(struct registry *registry, uint32_t kind,
					   const char *name);
size_t registry_count(const struct registry *registry);
const struct registry_entry *registry_at(const struct registry *registry, size_t index);
size_t registry_refusal_count(const struct registry *registry);
const struct registry_refusal *registry_refusal_at(const struct registry *registry, size_t index);
/* Calls plugin_start() of the plugin, if it has one and this is the first time. Main thread. */
int registry_start_plugin(struct registry *registry, const struct weir_plugin *plugin,
			  const struct weir_services *host, struct weir_error *error);
const char *registry_kind_name(uint32_t kind); /* "input", "filter", "output" */

#endif
