// SPDX-License-Identifier: MIT
/*
 * weir run: the service, in the foreground. SIGTERM and SIGINT stop it gracefully, within
 * shutdown_timeout; SIGHUP has it read its configuration again. A manager that asks for it (systemd) hears when the pipelines run, and then that
 * they move. With --once it ships what is there and ends.
 *
 * Exit status: 0 done, 1 a pipeline was left out or failed (with --once) or nothing can run,
 * 2 wrong usage, 4 stopped with records that had no outcome yet (they are sent again by the next run).
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/admin.h"
#include "cli/cli.h"
#include "cli/notify.h"
#include "cli/progress.h"
#include "cli/reconfigure.h"
#include "cli/report.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "pipeline/agent.h"
#include "pipeline/crash.h"
#include "pipeline/weigh.h"
#include "sandbox/sandbox.h"

#define ONCE_TICK_NS (50 * NS_PER_MS)
#define TEND_NS (100 * (uint64_t)NS_PER_MS)     /* while a reload left something to do */
#define WEIGH_NS (60 * (uint64_t)NS_PER_SECOND) /* between two looks, without a watchdog to feed */
#define STOP_MARGIN_NS (10 * NS_PER_SECOND)     /* to commit and clean up after shutdown_timeout */

static const char synopsis[] =
	"usage: weir run [-c FILE] [--once] [--quiet]\n"
	"\n"
	"Runs every pipeline of the configuration in the foreground until SIGTERM, then waits up "
	"to\n"
	"shutdown_timeout for what is on its way; a second SIGTERM ends that wait.\n";

static const char exit_codes[] =
	"Exit codes: 0 done, 1 a pipeline could not run, 2 wrong usage, 4 stopped with records\n"
	"that had no outcome yet (the next run sends them).\n";

struct run_options {
	const char *config_path;
	int once;
	int quiet;
};

static int run_parse(int argc, char **argv, struct run_options *ret)
{
	const struct cli_option options[] = {
		CLI_CONFIG(&ret->config_path,
			   "service settings (default: the installed weir.yaml)"),
		{.name = "once",
		 .help = "ship what is there, wait for every outcome, and exit",
		 .flag = &ret->once},
		{'q', "quiet", .help = "no progress bar with --once", .flag = &ret->quiet},
		CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"run", synopsis, exit_codes, options};

	return cli_parse(&syntax, argc, argv, NULL);
}

static int run_load(const struct run_options *options, struct config **ret_config,
		    struct registry **ret_registry, struct weir_error *error)
{
	struct config *config = NULL;
	int status = config_load(options->config_path, ret_config, error);

	config = *ret_config;
	if (status < 0)
		return status;
	if (config_errors(config)) {
		report_problems(config, 0);
		return weir_fail(error, WEIR_ERR_INVALID, "%s has errors; nothing was started",
				 config->path);
	}
	status = log_setup(config->log_level, config->log_format, NULL, error);
	if (status == 0)
		status = cli_offer_plugins(config, ret_registry, error);
	if (status < 0)
		return status;
	status = config_load_pipelines(config, *ret_registry, error);
	report_refused(*ret_registry);
	report_problems(config, 0);
	if (status == 0 && config->pipeline_count == 0 && config_errors(config))
		return weir_fail(error, WEIR_ERR_INVALID, "no pipeline can be read from %s",
				 config->conf_dir);
	if (status == 0 && config->pipeline_count == 0)
		return weir_fail(error, WEIR_ERR_NOT_FOUND,
				 "there is no pipeline: put a NAME.yaml into %s", config->conf_dir);
	return status;
}

/* The soft limit of descriptors is meant for programs that call select() with any of them; of ours only
 * the one of inotify is, and it is made early. A tail of many files needs more than the usual 1,024. */
static void run_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_line(WEIR_LOG_WARNING, "agent", NULL, "can't raise the limit of open files: %s",
			 strerror(errno));
}

/* The next signal, or 0 when the time was up. */
static int run_next_signal(const sigset_t *signals, uint64_t timeout_ns)
{
	struct timespec timeout = {(time_t)(timeout_ns / NS_PER_SECOND),
				   (long)(timeout_ns % NS_PER_SECOND)};
	int number;

	do {
		number = sigtimedwait(signals, NULL, &timeout);
	} while (number < 0 && errno == EINTR);
	return number < 0 ? 0 : number;
}

/* The manager restarts an agent that keeps silent: nothing is lost by it. */
static void run_watchdog(struct agent *agent, uint64_t interval_ns)
{
	struct weir_error why = {0};

	if (agent_moves(agent, interval_ns, &why))
		notify_send("WATCHDOG=1");
	else
		log_line(WEIR_LOG_ERROR, "agent", "stuck",
			 "%s; the watchdog is left to restart the agent", why.text);
}

/* Says so when the process is far larger than its parts explain. */
static void run_weigh(struct agent *agent, uint64_t *told)
{
	struct buffer why = {0};
	uint64_t now = weigh_agent(agent, *told, &why);

	if (now) {
		*told = now;
		log_line(WEIR_LOG_WARNING, "agent", "memory_beyond_limit", "%.*s", (int)why.size,
			 why.data);
	}
	buffer_done(&why);
}

/* The service between its start and its stop. */
struct service {
	struct reconfigure reconfigure;
	const sigset_t *signals;
	uint64_t watchdog_ns, fed_ns;
	uint64_t told_bytes; /* of run_weigh() */
	int stop;            /* the signal that asks for it, or 0 */
};

static uint64_t service_interval_ns(const struct service *service)
{
	return service->watchdog_ns ? service->watchdog_ns / 2 : WEIGH_NS;
}

static void service_feed(struct service *service)
{
	uint64_t now = clock_monotonic_ns();

	if (now - service->fed_ns < service_interval_ns(service))
		return;
	service->fed_ns = now;
	if (service->watchdog_ns)
		run_watchdog(service->reconfigure.agent, service->watchdog_ns);
	run_weigh(service->reconfigure.agent, &service->told_bytes);
}

/* While a reload waits for destinations. */
static int service_hurry(void *user)
{
	struct service *service = user;
	struct timespec none = {0, 0};
	sigset_t stops;
	int number;

	service_feed(service);
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	number = service->stop ? -1 : sigtimedwait(&stops, NULL, &none);
	if (number > 0)
		service->stop = number;
	return service->stop != 0;
}

static void run_service(struct service *service)
{
	int tends = 0;

	while (!service->stop) {
		uint64_t wait_ns = service_interval_ns(service);
		int number;

		if (tends && wait_ns > TEND_NS)
			wait_ns = TEND_NS;
		number = run_next_signal(service->signals, wait_ns);
		if (number == SIGHUP)
			reconfigure(&service->reconfigure);
		else if (number)
			service->stop = number;
		tends = agent_tend(service->reconfigure.agent);
		service_feed(service);
	}
	log_line(WEIR_LOG_INFO, "agent", "stopping", "stopping on signal %d", service->stop);
}

/* The service from the first word to its manager to the last. */
static void run_managed(struct service *service)
{
	struct reconfigure *reload = &service->reconfigure;
	uint32_t running, all;

	agent_count(reload->agent, &running, &all);
	if (running == 0)
		return;
	service->watchdog_ns = notify_watchdog_ns();
	reload->watch = (struct reload_watch){service_hurry, service};
	notify_send("READY=1\nSTATUS=%u of %u pipelines run", running, all);
	run_service(service);
	notify_send("STOPPING=1\nSTATUS=Waiting for destinations\nEXTEND_TIMEOUT_USEC=%llu",
		    (unsigned long long)(reload->config->shutdown_timeout_ns + STOP_MARGIN_NS) /
			    1000);
}

/* Returns 1 when everything was shipped, 0 when a signal came first. */
static int run_once(struct agent *agent, sigset_t *signals, int quiet)
{
	struct progress progress;
	int finished = 0;

	progress_start(&progress, quiet || !isatty(STDERR_FILENO));
	while (!(finished = agent_finished(agent)) && !signals_stop_wanted(signals)) {
		agent_wait(agent, ONCE_TICK_NS);
		progress_update(&progress, agent);
	}
	progress_end(&progress, agent);
	return finished;
}

static int run_ends(const struct run_options *options, struct agent *agent, uint32_t left,
		    int finished, uint32_t running, uint32_t all)
{
	agent_destroy(agent);
	if (left)
		log_line(WEIR_LOG_WARNING, "agent", "left_over",
			 "%u batches had no outcome yet; the next run sends them", left);
	if (running < all && (options->once || running == 0))
		return CLI_FAILED;
	return left || !finished ? CLI_LEFT_OVER : CLI_OK;
}

/* *config is another one at the end, if there was a reload. */
static int run_agent(const struct run_options *options, struct config **config,
		     struct registry *registry, const struct sandbox *sandbox, sigset_t *signals)
{
	struct weir_error error = {0};
	struct cli_admin *admin = NULL;
	struct agent *agent = NULL;
	uint32_t running, all, left;
	int finished = 1;

	if (agent_create(*config, registry, options->once, &agent, &error) < 0 ||
	    (agent_set_sandbox(agent, sandbox), agent_start(agent, &error)) < 0) {
		log_line(WEIR_LOG_ERROR, "agent", "start_failed", "%s", error.text);
		agent_destroy(agent);
		return CLI_FAILED;
	}
	if (!options->once)
		admin = cli_admin_open(*config, agent);
	summary_log(&(struct summary){*config, agent, sandbox, admin != NULL});
	if (options->once) {
		finished = run_once(agent, signals, options->quiet);
	} else {
		struct service service = {
			.reconfigure = {options->config_path, agent, registry, *config, {0}},
			.signals = signals};

		run_managed(&service);
		*config = service.reconfigure.config;
	}
	agent_count(agent, &running, &all);
	left = agent_stop(agent, signals_stop_wanted, signals);
	cli_admin_close(admin);
	return run_ends(options, agent, left, finished, running, all);
}

int cli_run(int argc, char **argv)
{
	struct run_options options = {0};
	struct config *config = NULL;
	struct registry *registry = NULL;
	struct sandbox *sandbox = NULL;
	struct weir_error error = {0};
	sigset_t signals;
	int status = run_parse(argc, argv, &options);

	if (status != CLI_GO_ON)
		return status;
	signals_block(&signals, 1);
	run_raise_limit();
	/* Before there is a thread: what it gives up, every thread is without. */
	if (run_load(&options, &config, &registry, &error) < 0 ||
	    (config->sandbox && sandbox_enter(&sandbox, &error) < 0)) {
		log_line(WEIR_LOG_ERROR, "agent", "start_failed", "%s", error.text);
		status = CLI_FAILED;
	} else {
		crash_watch(config->state_dir);
		status = run_agent(&options, &config, registry, sandbox, &signals);
	}
	cli_unload(config, registry);
	sandbox_destroy(sandbox);
	crash_unwatch();
	return status;
}
