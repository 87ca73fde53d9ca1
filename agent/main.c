// SPDX-License-Identifier: MIT
/* What `weir` can do: one line per command, in the order that `weir help` shows them. */
#include "cli/cli.h"
#include "host/trial.h"
#include "isolate/isolate.h"

static const struct cli_command commands[] = {
	{"run", "run the pipelines: the service, or once through what is there", cli_run},
	{"check", "check the configuration and show every problem in it", cli_check},
	{"test", "run the tests that lie beside the pipelines", cli_test},
	{"ship", "ship files to a destination, without a configuration", cli_ship},
	{"reload", "have the running agent take up a changed configuration", cli_reload},
	{"import", "turn another agent's configuration into pipelines", cli_import},
	{"status", "ask the running agent how its pipelines are", cli_status},
	{"top", "watch the pipelines of the running agent", cli_top},
	{"tap", "show records as they pass a stage of a running pipeline", cli_tap},
	{"plugins", "list the plugins, or the options of one", cli_plugins},
	{"positions", "list or move how far each output has got in each source", cli_positions},
	{"dead", "list, show, replay or drop dead letters", cli_dead},
	{"spool", "look at the queues on disk: list, check, repair", cli_spool},
	{"version", "print the version", cli_version},
	{NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	if (isolate_is_child(argc, argv))
		return isolate_child(argc, argv);
	if (trial_is_child(argc, argv))
		return trial_child(argv);
	isolate_offer();
	return cli_main(commands, argc, argv);
}
