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

/* A look at it, no more: those who read it take what is missing for nothing. */
static int is_status(const struct buffer *document)
{
	static const char version[] = "\"version\"";

	return document->size && document->data[0] == '{' &&
	       memmem(document->data, document->size, version, sizeof(version) - 1) != NULL;
}

int ask_status(const struct config *config, struct buffer *ret_document, struct weir_error *error)
{
	int code;

	if (!has_address(config, error))
		return error->code;
	code = local_http_get(config->admin_host, config->admin_port, config->admin_token,
			      "/status", STATUS_JSON_MAX, ret_document, error);
	if (!code && !is_status(ret_document)) {
		buffer_done(ret_document);
		code = weir_fail(error, WEIR_ERR_INVALID, "what answers there is not Weir");
	}
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
	return code ? explain(config, code, error) : 0;
}

int ask_failed(const char *command, const struct weir_error *error)
{
	(void)cli_fail(command, error);
	return error->code == WEIR_ERR_NOT_FOUND ? CLI_NOT_RUNNING : CLI_FAILED;
}
