// SPDX-License-Identifier: MIT
/*
 * Takes every record and keeps none: for trying filters, and for measuring the way to an output.
 *
 * With `encode` it asks for the same encoding as the file output would, and throws that away.
 */
#include <stdlib.h>
#include <weir/plugin.h>

struct null_output {
	const struct weir_services *host;
	struct weir_encode_spec spec; /* format 0 = don't encode */
};

static uint32_t encode_format(const char *word)
{
	if (word && strcmp(word, "json") == 0)
		return WEIR_ENCODE_JSON;
	return word && strcmp(word, "line") == 0 ? WEIR_ENCODE_LINE : 0;
}

static int32_t null_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	struct null_output *output = calloc(1, sizeof(*output));

	(void)context;
	if (!output)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the output");
	output->host = host;
	output->spec.struct_size = sizeof(output->spec);
	output->spec.format = encode_format(weir_node_text(options, "encode"));
	output->spec.meta = WEIR_META_TIMESTAMP;
	*ret_instance = output;
	return WEIR_OK;
}

static void null_stop(void *instance)
{
	(void)instance;
}

static void null_write(void *instance, const struct weir_delivery_view *delivery)
{
	const struct null_output *output = instance;
	const struct weir_encoding *encoding;
	struct weir_slice none = {0};

	/* Without memory for it there is nothing to wait for: it would be thrown away. */
	if (output->spec.format)
		(void)output->host->encode(delivery->handle, &output->spec, &encoding);
	output->host->outcome(delivery->handle, NULL, 0, WEIR_OUTCOME_DELIVERED, NULL, none);
}

static const struct weir_option options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "encode",
	 .default_text = "none",
	 .values = "none|json|line",
	 .doc = "Encode the records before they are thrown away, to measure that too"},
	WEIR_OPTION_END};

static const struct weir_output_ops operations = {
	.struct_size = sizeof(operations),
	.create = null_create,
	.stop = null_stop,
	.destroy = free,
	.write = null_write,
};

static const struct weir_plugin null_plugin = {
	.struct_size = sizeof(null_plugin),
	.kind = WEIR_OUTPUT,
	.flags = WEIR_PLUGIN_CONCURRENT,
	.name = "null",
	.version = WEIR_VERSION,
	.summary = "Takes every record and keeps none",
	.options = options,
	.output = &operations,
	.short_option = "encode",
};

static const struct weir_plugin *const all[] = {&null_plugin};

WEIR_PLUGINS(all);
