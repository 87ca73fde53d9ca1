// SPDX-License-Identifier: MIT
#include "cli/expression.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/terminal.h"
#include "expr/expr.h"

int cli_check_expression(const char *command, const char *option, const char *text)
{
	struct weir_expr *expr = NULL;
	struct weir_error error = {0};
	unsigned before;

	if (!text)
		return CLI_OK;
	if (expr_compile(weir_slice_of(text), &expr, &error) == 0) {
		expr_free(expr);
		return CLI_OK;
	}
	before = terminal_characters(text, error.offset);
	fprintf(stderr, "weir %s: %s, column %u: %s\n  ", command, option, before + 1, error.text);
	terminal_text_to(stderr, weir_slice_of(text));
	fprintf(stderr, "\n  %*s^\n", (int)before, "");
	return CLI_USAGE;
}
