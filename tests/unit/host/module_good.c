// SPDX-License-Identifier: MIT
/* The smallest plugin that the gate lets through. */
#include <weir/plugin.h>

static int32_t create(const struct weir_services *host, struct weir_context *context,
		      const struct weir_node *options, void **ret_instance,
		      struct weir_error *error)
{
	(void)host, (void)context, (void)options, (void)ret_instance, (void)error;
	return WEIR_OK;
}

static void destroy(void *instance)
{
	(void)instance;
}

static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
	(void)instance, (void)batch, (void)error;
	return WEIR_OK;
}

static const struct weir_filter_ops ops = {
	.struct_size = sizeof(ops), .create = create, .destroy = destroy, .process = process};

static const struct weir_plugin good = {.struct_size = sizeof(good),
					.kind = WEIR_FILTER,
					.name = "good",
					.version = "1",
					.summary = "Does nothing",
					.filter = &ops};

static const struct weir_plugin *const all[] = {&good};
WEIR_PLUGINS(all);
