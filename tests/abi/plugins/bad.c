// SPDX-License-Identifier: MIT
/*
 * A minimal output with one thing wrong, chosen by a macro when it is built:
 * BAD_MAJOR, BAD_MINOR, BAD_MAGIC, BAD_SYMBOL, BAD_MISSING, BAD_CREATE, BAD_ABORT, BAD_EXIT, BAD_OPTION,
 * BAD_NAME, BAD_FLAGS, BAD_RESERVED, BAD_BIT; or nothing, as DUPLICATE.
 */
#include <stdlib.h>
#include <weir/plugin.h>

static int32_t bad_create(const struct weir_services *host, struct weir_context *context,
			  const struct weir_node *options, void **ret_instance,
			  struct weir_error *error)
{
	(void)context;
	(void)options;
#if defined(BAD_CREATE)
	(void)host;
	(void)ret_instance;
	return weir_fail(error, WEIR_ERR_STATE,
			 "the stars are not right: wait for the conjunction");
#elif defined(BAD_ABORT)
	(void)host;
	(void)ret_instance;
	(void)error;
	abort();
#elif defined(BAD_EXIT)
	(void)host;
	(void)ret_instance;
	(void)error;
	exit(7);
#else
	(void)error;
	*ret_instance = (void *)(uintptr_t)host;
	return WEIR_OK;
#endif
}

static void bad_stop(void *instance)
{
	(void)instance;
}

#if !defined(BAD_MISSING)
static void bad_write(void *instance, const struct weir_delivery_view *delivery)
{
	const struct weir_services *host = instance;
	struct weir_slice none = {0, 0};

	host->outcome(delivery->handle, NULL, 0, WEIR_OUTCOME_DELIVERED, NULL, none);
}
#endif

static const struct weir_option options[] = {
#if defined(BAD_OPTION)
	WEIR_OPTION("when", WEIR_TYPE_STRING, NULL, "An option that belongs to the host"),
#elif defined(BAD_BIT)
	{sizeof(struct weir_option), WEIR_TYPE_STRING, 0, 1u << 31, "a", NULL, NULL, NULL, 0, 0,
	 NULL},
#endif
	WEIR_OPTION_END};

static const struct weir_output_ops operations = {
	.struct_size = sizeof(operations),
#if defined(BAD_RESERVED)
	.reserved = 1,
#endif
	.create = bad_create,
	.stop = bad_stop,
	.destroy = bad_stop,
#if !defined(BAD_MISSING)
	.write = bad_write,
#endif
};

static const struct weir_plugin plugin = {
	.struct_size = sizeof(plugin),
	.kind = WEIR_OUTPUT,
#if defined(BAD_FLAGS)
	.flags = 1u << 31,
#endif
#if defined(BAD_NAME)
	.name = "Bad Name",
#else
	.name = PLUGIN_NAME,
#endif
	.version = "1",
	.summary = "Has one thing wrong",
	.options = options,
	.output = &operations,
};

static const struct weir_plugin *const all[] = {&plugin};

#if defined(BAD_SYMBOL)
#define LIST weir_plugin_list_of_mine
#else
#define LIST weir_plugins
#endif

#if defined(BAD_MAJOR)
#define MAJOR (WEIR_ABI_MAJOR + 1)
#else
#define MAJOR WEIR_ABI_MAJOR
#endif

#if defined(BAD_MINOR)
#define MINOR (WEIR_ABI_MINOR + 1)
#else
#define MINOR WEIR_ABI_MINOR
#endif

#if defined(BAD_MAGIC)
#define MAGIC 0x12345678u
#else
#define MAGIC WEIR_PLUGINS_MAGIC
#endif

WEIR_EXTERN_C WEIR_EXPORT const struct weir_plugin_list LIST;
const struct weir_plugin_list LIST = {MAGIC, sizeof(struct weir_plugin_list), MAJOR, MINOR, 1, all};
