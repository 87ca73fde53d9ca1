// SPDX-License-Identifier: MIT
#include "cli/report.h"

#include <limits.h>

#include "base/log.h"
#include "batch/json.h"

/* The place is the origin, so that the log's limit on lines of one origin hides no problem. */
void report_problems(const struct config *config, size_t from)
{
	char place[PATH_MAX];

	for (size_t i = from; i < config->problem_count; i++) {
		const struct config_problem *problem = &config->problems[i];

		config_print_place(problem, place, sizeof(place));
		log_line(problem->severity == CONFIG_ERROR ? WEIR_LOG_ERROR : WEIR_LOG_WARNING,
			 place, "config", "%s", problem->text);
	}
}

void report_append_json(struct buffer *out, const struct config *config)
{
	buffer_text(out, "[");
	for (size_t i = 0; i < config->problem_count; i++) {
		const struct config_problem *problem = &config->problems[i];

		buffer_printf(out, "%s{\"severity\":\"%s\",\"path\":", i ? "," : "",
			      problem->severity == CONFIG_ERROR ? "error" : "warning");
		json_append_string(out, weir_slice_of(problem->path));
		buffer_printf(out, ",\"line\":%u,\"column\":%u", problem->line, problem->column);
		json_append_member(out, "text", problem->text);
		buffer_text(out, "}");
	}
	buffer_text(out, "]");
}

void report_refused(const struct registry *registry)
{
	for (size_t i = 0; i < registry_refusal_count(registry); i++) {
		const struct registry_refusal *refusal = registry_refusal_at(registry, i);

		log_line(WEIR_LOG_WARNING, "plugins", "plugin_refused", "%s: %s", refusal->path,
			 refusal->why);
	}
}
