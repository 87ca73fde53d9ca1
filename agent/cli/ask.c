// SPDX-License-Identifier: MIT
#include "cli/ask.h"

#include <weir/plugin.h>

#include "admin/status_json.h"
#include "cli/cli.h"

static int has_address(const struct config *config, struct weir_error *error)
{
	if (config->admin_host)
		return 1;
	weir_fail(error, WEIR_ERR_INVALID, "`admin` is off in %s, so the agent cannot be asked",
		  config->path);
	return 0;
}

/* The error with the address in it. */
static int explain(const struct config *config, int code, struct weir_error *error)
{
	struct weir_error why = *error;

	if (code == WEIR_ERR_NOT_FOUND)
		return weir_fail(error, code,
				 "the agent is not running: nobody listens on %s:%u; start it, or "
				 "name its weir.yaml by -c",
				 config->admin_host, config->admin_port);
	return weir_fail(error, code, "%s:%u: %s", config->admin_host, config->admin_port,
			 why.text);
}

int ask_status(const struct config *config, struct buffer *ret_document, struct weir_error *error)
{
	int code;

	if (!has_address(config, error))
		return error->code;
	code = local_http_get(config->admin_host, config->admin_port, config->admin_token,
			      "/status", STATUS_JSON_MAX, ret_document, error);
	return code ? explain(config, code, error) : 0;
}

int ask_lines(const struct config *config, const char *token, const char *path,
	      struct local_http_lines *ret_lines, struct weir_error *error)
{
	int code;

	if (!has_address(config, error))
		return error->code;
	code = local_http_open(config->admin_host, config->admin_port,
			       config->admin_token ? config->admin_token : token, path, ret_lines,
			       error);
	return code == WEIR_ERR_NOT_FOUND ? explain(config, code, error) : code;
}

int ask_failed(const char *command, const struct weir_error *error)
{
	(void)cli_fail(command, error);
	return error->code == WEIR_ERR_NOT_FOUND ? CLI_NOT_RUNNING : CLI_FAILED;
}
