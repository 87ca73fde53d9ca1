// SPDX-License-Identifier: MIT
/* The problems that a config collects, beside what config.h says of them. */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include <stdarg.h>

#include "config/config.h"

void config_vadd_problem(struct config *config, uint32_t severity, const char *path, uint32_t line,
			 uint32_t column, const char *format, va_list args)
	__attribute__((format(printf, 6, 0)));
/* Orders those from `first` on by line and column. */
void config_sort_problems(struct config *config, size_t first);

#endif
