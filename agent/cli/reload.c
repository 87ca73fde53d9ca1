// SPDX-License-Identifier: MIT
/*
 * `weir reload`: has the running agent read its configuration again, waits until it has switched, and
 * says what came of it.
 *
 * The agent is found by the lock of its state folder, asked by SIGHUP, and answers by a file there (see
 * reload_result.h): that needs no admin address, and the rights of root or of the agent's user.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/document.h"
#include "cli/reload_result.h"
#include "cli/terminal.h"
#include "state/state_lock.h"

#define POLL_NS (20 * NS_PER_MS)
/* Beyond drain_timeout: to try out and create many pipelines on a busy machine. */
#define ANSWER_NS (120 * (uint64_t)NS_PER_SECOND)

static const char synopsis[] =
	"usage: weir reload [-c FILE] [--json]\n"
	"\n"
	"Has the running agent read its configuration again and waits until it has. Pipelines "
	"that\n"
	"have not changed are not touched; one that is refused goes on as it was.\n";

static const char exit_codes[] =
	"Exit codes: 0 everything is as the configuration says, 1 something was refused or "
	"failed,\n"
	"2 wrong usage, 3 the agent is not running.\n";

/* ---- showing ---- */

static void show_problem(struct scratch *scratch, struct weir_slice problem)
{
	int64_t line = document_number(scratch, problem, "line");
	struct weir_slice severity = document_text(scratch, problem, "severity");
	int is_error = weir_slice_equals(severity, "error");

	printf("%s", terminal_style(TERMINAL_BOLD));
	terminal_text(document_text(scratch, problem, "path"));
	if (line)
		printf(":%" PRId64 ":%" PRId64, line, document_number(scratch, problem, "column"));
	printf(":%s %s%s:%s ", terminal_style(TERMINAL_PLAIN),
	       terminal_style(is_error ? TERMINAL_RED : TERMINAL_YELLOW),
	       is_error ? "error" : "warning", terminal_style(TERMINAL_PLAIN));
	terminal_text(document_text(scratch, problem, "text"));
	printf("\n");
}

/* One line for each that is not as it was. Returns how many are. */
static int show_pipelines(struct scratch *scratch, struct weir_slice document)
{
	struct json_walk walk = json_walk_start(document_nested(scratch, document, "pipelines"));
	struct weir_slice key, pipeline;
	int unchanged = 0;

	while (json_walk_next(&walk, &key, &pipeline)) {
		struct weir_slice outcome = document_text(scratch, pipeline, "outcome");

		if (weir_slice_equals(outcome, "unchanged")) {
			unchanged++;
			continue;
		}
		terminal_text(document_text(scratch, pipeline, "name"));
		printf(": ");
		terminal_text(outcome);
		printf("%s\n", weir_slice_equals(outcome, "kept")
				       ? " as it was, because the new configuration is refused"
			       : weir_slice_equals(outcome, "left out") ? ", because it is refused"
									: "");
	}
	return unchanged;
}

static int show(const struct buffer *answer, int json)
{
	struct scratch scratch = {.limit = RELOAD_RESULT_MAX};
	struct weir_slice document = {answer->data, answer->size};
	struct json_walk problems =
		json_walk_start(document_nested(&scratch, document, "problems"));
	struct weir_slice key, problem;
	int64_t repeated = document_number(&scratch, document, "repeated");
	int failed = 0, unchanged;

	while (json_walk_next(&problems, &key, &problem)) {
		failed |= weir_slice_equals(document_text(&scratch, problem, "severity"), "error");
		if (!json)
			show_problem(&scratch, problem);
	}
	if (json) {
		printf("%.*s\n", (int)document.size, document.data);
	} else {
		unchanged = show_pipelines(&scratch, document);
		printf("reloaded in %.2f s", document_real(&scratch, document, "seconds"));
		if (unchanged)
			printf("; %d pipeline%s unchanged", unchanged, unchanged == 1 ? "" : "s");
		if (repeated)
			printf("; %" PRId64 " records sent again", repeated);
		printf("\n");
	}
	scratch_done(&scratch);
	return failed ? CLI_FAILED : CLI_OK;
}

/* ---- asking ---- */

static void nap(void)
{
	struct timespec time = {0, (long)POLL_NS};

	(void)nanosleep(&time, NULL);
}

/* Until the agent has answered, ended, or the time is up. */
static int await(const struct config *config, long pid, uint64_t since_ns,
		 struct buffer *ret_answer, struct weir_error *error)
{
	uint64_t limit_ns = config->drain_timeout_ns + ANSWER_NS;
	int status;
	long now;

	while ((status = reload_result_read(config->state_dir, since_ns, ret_answer, error)) ==
	       WEIR_ERR_NOT_FOUND) {
		if (state_lock_owner(config->state_dir, &now, error) < 0 || now != pid)
			return weir_fail(
				error, WEIR_ERR_STATE,
				"the agent (process %ld) ended before it had reloaded; see "
				"its log",
				pid);
		if (clock_monotonic_ns() - since_ns > limit_ns)
			return weir_fail(error, WEIR_ERR_STATE,
					 "the agent (process %ld) has not answered for %llu s; see "
					 "its log",
					 pid, (unsigned long long)(limit_ns / NS_PER_SECOND));
		nap();
	}
	return status;
}

static int request(long pid, struct weir_error *error)
{
	if (kill((pid_t)pid, SIGHUP) == 0)
		return 0;
	return weir_fail(
		error, WEIR_ERR_IO,
		"can't signal the agent (process %ld): %s; ask as root or as the user that "
		"runs it",
		pid, strerror(errno));
}

static int ask(const struct config *config, int json)
{
	uint64_t since_ns = clock_monotonic_ns();
	struct buffer answer = {0};
	struct weir_error error = {0};
	int result;
	long pid;

	if (state_lock_owner(config->state_dir, &pid, &error) < 0)
		return ask_failed("reload", &error);
	if (request(pid, &error) < 0 || await(config, pid, since_ns, &answer, &error) < 0)
		return ask_failed("reload", &error);
	result = show(&answer, json);
	buffer_done(&answer);
	return result;
}

int cli_reload(int argc, char **argv)
{
	const char *path = NULL;
	int json = 0;
	const struct cli_option options[] = {
		CLI_CONFIG(&path, "the weir.yaml that the agent runs with"),
		CLI_JSON(&json, "print the outcome as JSON"), CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"reload", synopsis, exit_codes, options};
	struct config *config = NULL;
	int result = cli_parse(&syntax, argc, argv, NULL);

	if (result != CLI_GO_ON)
		return result;
	if (cli_load_settings("reload", path, &config))
		return CLI_FAILED;
	if (!config->state_dir) {
		fprintf(stderr, "weir reload: %s has errors; see weir check\n", config->path);
		result = CLI_FAILED;
	} else {
		result = ask(config, json);
	}
	config_free(config);
	return result;
}
