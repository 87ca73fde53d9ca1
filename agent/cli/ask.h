// SPDX-License-Identifier: MIT
/* The running agent, asked at the admin address of its configuration. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/local_http.h"
#include "config/config.h"

/* The document of admin/status_json.h. WEIR_ERR_NOT_FOUND: the agent is not running. */
int ask_status(const struct config *config, struct buffer *ret_document, struct weir_error *error);
/* An answer of lines, which needs a token: `token`, where admin_token gives none. */
int ask_lines(const struct config *config, const char *token, const char *path,
	      struct local_http_lines *ret_lines, struct weir_error *error);
/* Says why it could not be asked; the exit code that tells whether it runs. */
int ask_failed(const char *command, const struct weir_error *error);

#endif
