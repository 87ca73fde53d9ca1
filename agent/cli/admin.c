// SPDX-License-Identifier: MIT
#include "cli/admin.h"

#include <stdlib.h>

#include "admin/admin.h"
#include "base/log.h"
#include "cli/token.h"
#include "pipeline/module.h"

struct cli_admin {
	const struct admin_module *module;
	struct admin *admin;
	char token[TOKEN_SIZE];
};

static int ask_health(void *agent, struct buffer *out)
{
	return agent_health(agent, out);
}

static int ask_metrics(void *agent, struct buffer *out)
{
	return agent_metrics(agent, out);
}

static int ask_status(void *agent, int records, struct buffer *out)
{
	return agent_status(agent, records, out);
}

static int ask_events(void *agent, int records, struct buffer *out)
{
	return agent_events(agent, records, out);
}

static int ask_tap(void *agent, const char *pipeline, const char *at, const char *where,
		   uint64_t limit, struct tap **ret_tap, struct weir_error *error)
{
	return agent_tap_open(agent, &(struct tap_ask){pipeline, at, where, limit}, ret_tap, error);
}

static void end_tap(void *agent, struct tap *tap)
{
	agent_tap_close(agent, tap);
}

static int open_module(struct cli_admin *admin, const struct config *config, struct agent *agent,
		       struct weir_error *error)
{
	const struct admin_source source = {
		.health = ask_health,
		.metrics = ask_metrics,
		.status = ask_status,
		.events = ask_events,
		.tap_open = ask_tap,
		.tap_read = agent_tap_read,
		.tap_close = end_tap,
		.records_token =
			token_make(config->state_dir, admin->token) == 0 ? admin->token : NULL,
		.user = agent,
	};
	const void *table;
	uint16_t port = 0;
	int code = module_load("admin", "admin_module", &table, error);

	if (code)
		return code;
	admin->module = table;
	code = admin->module->open(config->admin_host, config->admin_port, config->admin_token,
				   &source, &admin->admin, &port, error);
	if (code)
		return code;
	log_line(WEIR_LOG_INFO, "admin", "admin_listening",
		 "http://%s:%u/ has the status page, health and metrics", config->admin_host, port);
	return 0;
}

struct cli_admin *cli_admin_open(const struct config *config, struct agent *agent)
{
	struct weir_error error = {0};
	struct cli_admin *admin;

	if (!config->admin_host)
		return NULL;
	admin = calloc(1, sizeof(*admin));
	if (admin && open_module(admin, config, agent, &error) == 0)
		return admin;
	log_line(WEIR_LOG_ERROR, "admin", "admin_failed",
		 "%s. The pipelines run all the same, but cannot be asked how they are",
		 admin ? error.text : "no memory");
	free(admin);
	return NULL;
}

void cli_admin_close(struct cli_admin *admin)
{
	if (!admin)
		return;
	admin->module->close(admin->admin);
	free(admin);
}
