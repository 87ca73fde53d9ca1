// SPDX-License-Identifier: MIT
/* The descriptors by which pipelines call isolated stages. */
#include "isolate/isolate.h"

#include <stdlib.h>

#include "isolate/filter.h"
#include "isolate/output.h"
#include "isolate/process.h"

/* A descriptor for one stage: the plugin's own, with other calls. */
struct stand_in {
	struct weir_plugin plugin;
	struct weir_filter_ops filter;
	struct weir_output_ops output;
};

static int stand_in_make(const struct weir_plugin *plugin, const struct weir_plugin **ret_plugin,
			 struct weir_error *error)
{
	struct stand_in *in = calloc(1, sizeof(*in));

	if (!in)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for an isolated plugin");
	in->plugin = (struct weir_plugin){.struct_size = sizeof(in->plugin),
					  .kind = plugin->kind,
					  .name = plugin->name,
					  .version = plugin->version,
					  .summary = plugin->summary,
					  .options = plugin->options};
	if (plugin->kind == WEIR_FILTER) {
		in->filter = isolated_filter_ops;
		if (!STAGE_OP(plugin->filter, timer))
			in->filter.timer = NULL;
		if (!STAGE_OP(plugin->filter, flush))
			in->filter.flush = NULL;
		in->plugin.filter = &in->filter;
	} else {
		in->output = isolated_output_ops;
		in->plugin.output = &in->output;
	}
	*ret_plugin = &in->plugin;
	return 0;
}

static void stand_in_free(const struct weir_plugin *plugin)
{
	free((void *)(uintptr_t)plugin);
}

static void put_process(struct weir_context *stage, struct buffer *out)
{
	uint64_t restarts = 0;
	int64_t memory = 0;

	buffer_text(out, "{\"pids\":[");
	for (uint32_t i = 0; i < stage->instance_count; i++) {
		const struct link *link = stage->plugin->kind == WEIR_FILTER
						  ? isolated_filter_link(stage->instances[i])
						  : isolated_output_link(stage->instances[i]);
		int pid = atomic_load(&link->pid);

		if (pid)
			buffer_printf(out, "%s%d", out->data[out->size - 1] == '[' ? "" : ",", pid);
		restarts += atomic_load(&link->restarts);
		memory += pid ? (int64_t)process_memory(pid) : 0;
	}
	buffer_printf(out, "],\"restarts\":%llu,\"memory\":%lld}", (unsigned long long)restarts,
		      (long long)memory);
}

void isolate_offer(void)
{
	static const struct isolation isolation = {stand_in_make, stand_in_free, put_process};

	stage_set_isolation(&isolation);
}

int isolate_is_child(int argc, char **argv)
{
	return argc == 4 && strcmp(argv[1], ISOLATED_COMMAND) == 0;
}
