// SPDX-License-Identifier: MIT
/* Settings that a reload leaves as they are, because too much stands on them. */
#include <string.h>

#include "config/config.h"
#include "config/memory.h"

static void differs(struct config *config, const char *name)
{
	config_add_problem(
		config, CONFIG_WARNING, config->path, 0, 0,
		"\"%s\" cannot change while the agent runs; restart it, for the new value "
		"to take effect",
		name);
}

static int same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static char *copy_of(struct config *config, const char *text)
{
	return text ? config_copy(config->memory, text, strlen(text)) : NULL;
}

void config_pin(struct config *config, const struct config *running)
{
	if (!same_text(config->state_dir, running->state_dir))
		differs(config, "state_dir");
	if (config->memory_limit != running->memory_limit)
		differs(config, "memory_limit");
	if (config->workers != running->workers)
		differs(config, "workers");
	if (!same_text(config->admin_host, running->admin_host) ||
	    config->admin_port != running->admin_port ||
	    !same_text(config->admin_token, running->admin_token))
		differs(config, "admin");
	config->state_dir = copy_of(config, running->state_dir);
	config->memory_limit = running->memory_limit;
	config->workers = running->workers;
	config->admin_host = copy_of(config, running->admin_host);
	config->admin_port = running->admin_port;
	config->admin_token = copy_of(config, running->admin_token);
	if (config->admin_token)
		secrets_add(&config->secrets, weir_slice_of(config->admin_token));
}
