// SPDX-License-Identifier: MIT
/* A problem that cannot be kept for want of memory still counts: loading then fails as a whole. */
#include "config/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secrets.h"
#include "config/memory.h"

void config_vadd_problem(struct config *config, uint32_t severity, const char *path, uint32_t line,
			 uint32_t column, const char *format, va_list args)
{
	struct config_problem problem = {.severity = severity, .line = line, .column = column};
	struct config_problem *grown =
		realloc(config->problems, (config->problem_count + 1) * sizeof(problem));

	if (grown)
		config->problems = grown;
	problem.path = config_copy(config->memory, path, strlen(path));
	problem.text = config_vprint(config->memory, format, args);
	if (!grown || !problem.path || !problem.text) {
		config->memory->failed = 1;
		return;
	}
	secrets_mask(problem.text, strlen(problem.text));
	config->problems[config->problem_count++] = problem;
}

void config_add_problem(struct config *config, uint32_t severity, const char *path, uint32_t line,
			uint32_t column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	config_vadd_problem(config, severity, path, line, column, format, args);
	va_end(args);
}

void config_print_place(const struct config_problem *problem, char *ret_text, size_t size)
{
	if (problem->line)
		snprintf(ret_text, size, "%s:%u:%u", problem->path, problem->line, problem->column);
	else
		snprintf(ret_text, size, "%s", problem->path);
}

static int before(const struct config_problem *a, const struct config_problem *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* By insertion: it keeps the order of equals, and problems are few and mostly in order. */
void config_sort_problems(struct config *config, size_t first)
{
	for (size_t i = first + 1; i < config->problem_count; i++) {
		struct config_problem problem = config->problems[i];
		size_t at = i;

		for (; at > first && before(&problem, &config->problems[at - 1]); at--)
			config->problems[at] = config->problems[at - 1];
		config->problems[at] = problem;
	}
}

size_t config_errors(const struct config *config)
{
	size_t errors = 0;

	for (size_t i = 0; i < config->problem_count; i++)
		errors += config->problems[i].severity == CONFIG_ERROR;
	return errors;
}
