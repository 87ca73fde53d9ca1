// SPDX-License-Identifier: MIT
/*
 * An output built long ago: against frozen headers, with tables that end before their last members
 * and a minor version below today's. What lies behind the tables is poison: a host that reads past
 * their size calls into nowhere.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/plugin.h>

#define POISON ((void *)(uintptr_t)0xdeadbeefdeadbeefu)

struct old_output {
	const struct weir_services *host;
	const char *path;
};

static int32_t old_create(const struct weir_services *host, struct weir_context *context,
			  const struct weir_node *options, void **ret_instance,
			  struct weir_error *error)
{
	struct old_output *output = calloc(1, sizeof(*output));

	(void)context;
	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	output->host = host;
	output->path = weir_node_text(options, "path");
	*ret_instance = output;
	return WEIR_OK;
}

static void old_stop(void *instance)
{
	(void)instance;
}

static void old_write(void *instance, const struct weir_delivery_view *delivery)
{
	const struct old_output *output = instance;
	struct weir_slice none = {0, 0};
	int fd = open(output->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	for (uint32_t i = 0; i < delivery->batch->record_count; i++) {
		struct weir_slice line =
			weir_record_line(delivery->batch, &delivery->batch->records[i]);

		if (weir_selected(delivery, i) &&
		    dprintf(fd, "%.*s\n", (int)line.size, line.data) < 0)
			abort();
	}
	close(fd);
	output->host->outcome(delivery->handle, NULL, 0, WEIR_OUTCOME_DELIVERED, NULL, none);
}

/* A table of which only the first members count. */
static struct weir_output_ops operations;
static struct weir_plugin plugin;
static const struct weir_plugin *const all[] = {&plugin};

/* An option entry without `members`, as if that had come later. */
static struct weir_option options[2];

__attribute__((constructor)) static void fill(void)
{
	memset(&operations, 0xef, sizeof(operations));
	operations.struct_size = offsetof(struct weir_output_ops, flush);
	operations.reserved = 0;
	operations.create = old_create;
	operations.start = NULL;
	operations.stop = old_stop;
	operations.destroy = free;
	operations.write = old_write;

	options[0] = (struct weir_option){.struct_size = sizeof(struct weir_option),
					  .type = WEIR_TYPE_STRING,
					  .flags = WEIR_OPTION_REQUIRED,
					  .name = "path",
					  .doc = "File to append to"};

	memset(&plugin, 0xef, sizeof(plugin));
	plugin.struct_size = offsetof(struct weir_plugin, plugin_start);
	plugin.kind = WEIR_OUTPUT;
	plugin.flags = 0;
	plugin.reserved = 0;
	plugin.name = "old_minor";
	plugin.version = "1";
	plugin.summary = "Was built against an older minor";
	plugin.options = options;
	plugin.input = (const struct weir_input_ops *)POISON;
	plugin.filter = (const struct weir_filter_ops *)POISON;
	plugin.output = &operations;
}

WEIR_EXTERN_C WEIR_EXPORT const struct weir_plugin_list weir_plugins;
const struct weir_plugin_list weir_plugins = {
	WEIR_PLUGINS_MAGIC, sizeof(struct weir_plugin_list), 1, 0, 1, all};
