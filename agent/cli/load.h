// SPDX-License-Identifier: MIT
/* What commands read before they work: the settings, the plugins, the pipelines. Problems of the files are
 * in the config; what hinders reading them is said on stderr. */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "config/config.h"

/* Says on stderr why the command failed; returns CLI_FAILED. */
int cli_fail(const char *command, const struct weir_error *error);

/* All three: CLI_OK, or CLI_FAILED and a line that says why. */
/* The file or folder can be read, or is not there. */
int cli_can_read(const char *command, const char *path);
/* A weir.yaml that was named is there; path NULL = none was. */
int cli_has_settings(const char *command, const char *path);
/* weir.yaml alone; path NULL = the default one. CLI_OK or CLI_FAILED. */
int cli_load_settings(const char *command, const char *path, struct config **ret_config);
/* weir.yaml and every plugin of its plugin_dirs. CLI_OK or CLI_FAILED. */
int cli_load(const char *path, struct config **ret_config, struct registry **ret_registry);
/* For commands that work on the state folder, whether an agent runs or not: weir.yaml has to be right, as
 * a folder that is only guessed would be another agent's. With ret_registry the pipelines are read, too.
 * What is set on return must be freed, also after CLI_FAILED. */
int cli_load_state(const char *command, const char *path, struct config **ret_config,
		   struct registry **ret_registry);
/* Plugins before the configuration: their options live in it. */
void cli_unload(struct config *config, struct registry *registry);

/* A registry to which the files of all plugin_dirs are offered; none is loaded yet. It is set, if there is
 * one, on failure, too. */
int cli_offer_plugins(const struct config *config, struct registry **ret_registry,
		      struct weir_error *error);

/* The errors, without the warnings, on stderr; CLI_FAILED when there are any. */
int cli_show_errors(const struct config *config);

#endif
