// SPDX-License-Identifier: MIT
#include "cli/reconfigure.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/notify.h"
#include "cli/reload_result.h"
#include "cli/report.h"
#include "cli/try_out.h"

/* With an unreadable folder every pipeline would seem to have been taken away. */
static void check_folder(struct config *config)
{
	if (config->conf_dir && access(config->conf_dir, R_OK | X_OK) < 0)
		config_add_problem(config, CONFIG_ERROR, config->conf_dir, 0, 0,
				   "the folder cannot be read: %s; everything stays as it is",
				   strerror(errno));
}

static int load(struct reconfigure *service, struct config **ret_config, struct weir_error *error)
{
	struct config *config;
	int status = config_load(service->config_path, ret_config, error);

	if (status < 0)
		return status;
	config = *ret_config;
	check_folder(config);
	if (config_errors(config))
		return 0;
	config_pin(config, service->config);
	registry_rescan(service->registry);
	for (size_t i = 0; status == 0 && i < config->plugin_dir_count; i++)
		status = registry_offer_dir(service->registry, config->plugin_dirs[i], error);
	if (status == 0)
		status = config_load_pipelines(config, service->registry, error);
	return status;
}

/* Takes the configuration, unless it changes nothing. */
static void take_up(struct reconfigure *service, struct config *config,
		    struct reload_report *ret_report)
{
	struct config *before = service->config;
	struct weir_error error = {0};
	size_t reported;

	report_refused(service->registry);
	report_problems(config, 0);
	reported = config->problem_count;
	(void)log_setup(config->log_level, config->log_format, NULL, &error);
	try_out(config, service->agent);
	agent_reload(service->agent, config, &service->watch, ret_report);
	report_problems(config, reported);
	service->config = config;
	config_free(before);
}

static void count(const struct reload_report *report, uint32_t ret_counts[RELOAD_LEFT_OUT + 1])
{
	memset(ret_counts, 0, (RELOAD_LEFT_OUT + 1) * sizeof(*ret_counts));
	for (size_t i = 0; i < report->count; i++)
		ret_counts[report->items[i].what]++;
}

static void say(const struct config *config, const struct reload_report *report, uint64_t began_ns)
{
	uint32_t counts[RELOAD_LEFT_OUT + 1];

	count(report, counts);
	log_line(config_errors(config) ? WEIR_LOG_ERROR : WEIR_LOG_INFO, "agent",
		 config_errors(config) ? "reload_refused" : "reloaded",
		 "%s in %.3f s: %u pipelines changed, %u added, %u removed, %u unchanged, %u "
		 "refused",
		 config_errors(config) ? "reloaded with errors" : "reloaded",
		 (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_SECOND,
		 counts[RELOAD_CHANGED], counts[RELOAD_ADDED], counts[RELOAD_REMOVED],
		 counts[RELOAD_UNCHANGED], counts[RELOAD_KEPT] + counts[RELOAD_LEFT_OUT]);
}

void reconfigure(struct reconfigure *service)
{
	uint64_t began_ns = clock_monotonic_ns();
	struct reload_report report = {0};
	struct weir_error error = {0};
	struct config *config = NULL;
	uint32_t running, all;
	int whole;

	notify_send("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(began_ns / NS_PER_US));
	if (load(service, &config, &error) < 0) {
		log_line(WEIR_LOG_ERROR, "agent", "reload_refused", "%s; nothing has changed",
			 error.text);
		config_free(config);
		config = NULL;
	}
	whole = config && !(config_errors(config) && config->pipeline_count == 0);
	if (whole)
		take_up(service, config, &report);
	else if (config)
		report_problems(config, 0);
	if (config) {
		say(config, &report, began_ns);
		if (reload_result_write(service->config->state_dir, began_ns, config, &report,
					&error) < 0)
			log_line(WEIR_LOG_WARNING, "agent", "reload", "%s", error.text);
	}
	agent_count(service->agent, &running, &all);
	notify_send("READY=1\nSTATUS=%u of %u pipelines run%s", running, all,
		    config && config_errors(config) ? "; the last reload found errors" : "");
	if (config && !whole)
		config_free(config);
	reload_report_done(&report);
}
