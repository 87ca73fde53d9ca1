// SPDX-License-Identifier: MIT
/* Expressions that are given on the command line. */
#ifndef CLI_EXPRESSION_H
#define CLI_EXPRESSION_H

/* CLI_OK, also for NULL; or CLI_USAGE, and what is wrong with it on stderr, with the place under it.
 * `option`: that it was given by, "--where". */
int cli_check_expression(const char *command, const char *option, const char *text);

#endif
