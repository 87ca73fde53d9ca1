// SPDX-License-Identifier: MIT
#include "cli/load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/secrets.h"
#include "cli/cli.h"

int cli_fail(const char *command, const struct weir_error *error)
{
	struct weir_error shown = *error;

	secrets_mask(shown.text, strlen(shown.text));
	fprintf(stderr, "weir %s: %s\n", command, shown.text);
	return CLI_FAILED;
}

int cli_show_errors(const struct config *config)
{
	char place[PATH_MAX];

	for (size_t i = 0; i < config->problem_count; i++) {
		if (config->problems[i].severity != CONFIG_ERROR)
			continue;
		config_print_place(&config->problems[i], place, sizeof(place));
		fprintf(stderr, "%s: error: %s\n", place, config->problems[i].text);
	}
	return config_errors(config) ? CLI_FAILED : CLI_OK;
}

static int cannot_read(const char *command, const char *path, const char *remedy)
{
	fprintf(stderr, "weir %s: can't read %s: %s; %s\n", command, path, strerror(errno),
		errno == EACCES ? "run this as the user that runs weir, or as root" : remedy);
	return CLI_FAILED;
}

int cli_can_read(const char *command, const char *path)
{
	return access(path, R_OK) < 0 && errno != ENOENT && errno != ENOTDIR
		       ? cannot_read(command, path, "check the path")
		       : CLI_OK;
}

int cli_has_settings(const char *command, const char *path)
{
	return path && access(path, R_OK) < 0
		       ? cannot_read(command, path,
				     "check the path after -c, or leave it out for the usual one")
		       : CLI_OK;
}

int cli_load_settings(const char *command, const char *path, struct config **ret_config)
{
	struct weir_error error = {0};

	if (cli_has_settings(command, path))
		return CLI_FAILED;
	return config_load(path, ret_config, &error) < 0 ? cli_fail(command, &error) : CLI_OK;
}

int cli_offer_plugins(const struct config *config, struct registry **ret_registry,
		      struct weir_error *error)
{
	int status = registry_create(config->load_timeout_ns, ret_registry, error);

	for (size_t i = 0; status == 0 && i < config->plugin_dir_count; i++)
		status = registry_offer_dir(*ret_registry, config->plugin_dirs[i], error);
	return status;
}

int cli_load(const char *path, struct config **ret_config, struct registry **ret_registry)
{
	struct weir_error error = {0};
	struct config *config = NULL;
	struct registry *registry = NULL;
	int status = config_load(path, &config, &error);

	if (status == 0)
		status = cli_offer_plugins(config, &registry, &error);
	if (status == 0)
		status = registry_load_offered(registry, &error);
	if (status < 0) {
		fprintf(stderr, "weir: %s\n", error.text);
		cli_unload(config, registry);
		return CLI_FAILED;
	}
	*ret_config = config;
	*ret_registry = registry;
	return CLI_OK;
}

int cli_load_state(const char *command, const char *path, struct config **ret_config,
		   struct registry **ret_registry)
{
	struct weir_error error = {0};
	int result;

	if (cli_has_settings(command, path))
		return CLI_FAILED;
	result = ret_registry ? cli_load(path, ret_config, ret_registry)
			      : cli_load_settings(command, path, ret_config);

	if (result == CLI_OK)
		result = cli_show_errors(*ret_config);
	if (result == CLI_OK && ret_registry &&
	    config_load_pipelines(*ret_config, *ret_registry, &error) < 0)
		result = cli_fail(command, &error);
	return result;
}

void cli_unload(struct config *config, struct registry *registry)
{
	registry_destroy(registry);
	config_free(config);
}
