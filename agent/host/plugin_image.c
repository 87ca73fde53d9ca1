// SPDX-License-Identifier: MIT
/*
 * Each table is copied as far as its own struct_size and ours go, and its pointers are replaced by
 * copies of what they lead to. What does not lead into the file is NULL in the copy. All copies are
 * freed together.
 */
#include "host/plugin_image.h"

#include <stdlib.h>

#include "host/plugin_gate.h"

#define LIST_MAX 64     /* plugins, as the gate allows */
#define OPTIONS_MAX 512 /* in one map, as the gate allows */
#define DEPTH_MAX 9     /* one more than the gate allows, so that it sees what is too deep */
#define COPY_BYTES_MAX (16u << 20) /* maps that lead to each other multiply */

struct copy {
	struct copy *next;
	max_align_t data[];
};

struct plugin_image {
	const struct elf_image *elf;
	struct copy *copies;
	size_t copied; /* bytes */
	int by_code;   /* a descriptor is not in the file */
	struct weir_plugin_list list;
};

/* Never called; stands for a function of the file. */
static void function_of_the_file(void)
{
}

/* Zeroed memory that lives with the image. */
static void *copy_new(struct plugin_image *image, size_t size)
{
	struct copy *copy;

	if (size > COPY_BYTES_MAX - image->copied)
		return NULL;
	copy = calloc(1, sizeof(*copy) + size);
	if (!copy)
		return NULL;
	image->copied += size;
	copy->next = image->copies;
	image->copies = copy;
	return copy->data;
}

/* The struct at an address as this host knows it: what lies beyond its own size is zero. */
static int copy_struct(const struct elf_image *elf, uint64_t address, void *ret, uint32_t size)
{
	const void *declared = elf_image_at(elf, address, sizeof(uint32_t));
	uint32_t own;

	if (!declared)
		return WEIR_ERR_INVALID;
	memcpy(&own, declared, sizeof(own));
	declared = elf_image_at(elf, address, own < size ? own : size);
	if (!declared)
		return WEIR_ERR_INVALID;
	memset(ret, 0, size);
	memcpy(ret, declared, own < size ? own : size);
	return 0;
}

/* ---- pointers of a struct -------------------------------------------------------------------- */

/* Where the member of a struct at `address` leads to; 0 when it leads nowhere, or out of the file. */
static uint64_t target_of(const struct elf_image *elf, uint64_t address, size_t member)
{
	uint64_t target;

	return elf_image_pointer(elf, address + member, &target) == ELF_POINTER_INSIDE ? target : 0;
}

static const char *text_of(const struct elf_image *elf, uint64_t address, size_t member)
{
	uint64_t target = target_of(elf, address, member);

	return target ? elf_image_text(elf, target) : NULL;
}

/* A table of functions: after its size, all members are pointers to functions. */
static const void *operations_of(struct plugin_image *image, uint64_t address, uint32_t size)
{
	void (*const there)(void) = function_of_the_file;
	char *copy = copy_new(image, size);
	uint32_t own;

	if (!copy || copy_struct(image->elf, address, copy, size))
		return NULL;
	memcpy(&own, copy, sizeof(own));
	for (size_t at = 2 * sizeof(uint32_t); at + sizeof(there) <= size; at += sizeof(there)) {
		uint64_t target;
		int found =
			at + sizeof(there) <= own &&
			elf_image_pointer(image->elf, address + at, &target) != ELF_POINTER_NULL;

		memset(copy + at, 0, sizeof(there));
		if (found)
			memcpy(copy + at, &there, sizeof(there));
	}
	return copy;
}

/* ---- options --------------------------------------------------------------------------------- */

static const struct weir_option *options_at(struct plugin_image *image, uint64_t address,
					    uint32_t depth);

static void fix_option(struct plugin_image *image, uint64_t address, struct weir_option *option,
		       uint32_t depth)
{
	const uint32_t own = option->struct_size;
	uint64_t members = 0;

	option->name = text_of(image->elf, address, offsetof(struct weir_option, name));
	option->default_text =
		text_of(image->elf, address, offsetof(struct weir_option, default_text));
	option->doc = text_of(image->elf, address, offsetof(struct weir_option, doc));
	option->values = NULL;
	if (WEIR_HAS(option, values))
		option->values = text_of(image->elf, address, offsetof(struct weir_option, values));
	if (WEIR_HAS(option, members))
		members = target_of(image->elf, address, offsetof(struct weir_option, members));
	option->members =
		members && depth < DEPTH_MAX ? options_at(image, members, depth + 1) : NULL;
	/* In the copy they lie side by side; a damaged size is the gate's to see. */
	if (WEIR_HAS(option, doc) && own % _Alignof(struct weir_option) == 0)
		option->struct_size = sizeof(*option);
}

static uint32_t count_options(const struct elf_image *elf, uint64_t address)
{
	uint32_t count = 0, own;

	while (count <= OPTIONS_MAX) {
		const void *size = elf_image_at(elf, address, sizeof(own));

		if (!size)
			break;
		memcpy(&own, size, sizeof(own));
		if (own == 0)
			break;
		count++;
		address += own;
	}
	return count;
}

static const struct weir_option *options_at(struct plugin_image *image, uint64_t address,
					    uint32_t depth)
{
	uint32_t count = count_options(image->elf, address);
	struct weir_option *options = copy_new(image, (count + 1) * sizeof(*options));

	for (uint32_t i = 0; options && i < count; i++) {
		uint32_t own;

		if (copy_struct(image->elf, address, &options[i], sizeof(options[i]))) {
			options[i].struct_size = 0;
			break;
		}
		own = options[i].struct_size;
		fix_option(image, address, &options[i], depth);
		address += own;
	}
	return options;
}

/* ---- plugins --------------------------------------------------------------------------------- */

static const struct weir_plugin *plugin_at(struct plugin_image *image, uint64_t address)
{
	const struct elf_image *elf = image->elf;
	struct weir_plugin *plugin = copy_new(image, sizeof(*plugin));
	uint64_t options, input, filter, output;

	if (!plugin)
		return NULL;
	if (copy_struct(elf, address, plugin, sizeof(*plugin))) {
		image->by_code = 1;
		return NULL;
	}
	if (!WEIR_HAS(plugin, output))
		return plugin;
	options = target_of(elf, address, offsetof(struct weir_plugin, options));
	input = target_of(elf, address, offsetof(struct weir_plugin, input));
	filter = target_of(elf, address, offsetof(struct weir_plugin, filter));
	output = target_of(elf, address, offsetof(struct weir_plugin, output));
	plugin->name = text_of(elf, address, offsetof(struct weir_plugin, name));
	plugin->version = text_of(elf, address, offsetof(struct weir_plugin, version));
	plugin->summary = text_of(elf, address, offsetof(struct weir_plugin, summary));
	plugin->options = options ? options_at(image, options, 0) : NULL;
	plugin->input = input ? operations_of(image, input, sizeof(*plugin->input)) : NULL;
	plugin->filter = filter ? operations_of(image, filter, sizeof(*plugin->filter)) : NULL;
	plugin->output = output ? operations_of(image, output, sizeof(*plugin->output)) : NULL;
	plugin->plugin_start = NULL;
	plugin->plugin_stop = NULL;
	if (WEIR_HAS(plugin, short_option))
		plugin->short_option =
			text_of(elf, address, offsetof(struct weir_plugin, short_option));
	return plugin;
}

static void read_plugins(struct plugin_image *image, uint64_t address)
{
	uint32_t count = image->list.count < LIST_MAX ? image->list.count : LIST_MAX;
	const struct weir_plugin **plugins = copy_new(image, (count + 1) * sizeof(*plugins));

	for (uint32_t i = 0; plugins && i < count; i++) {
		uint64_t plugin = target_of(image->elf, address, i * sizeof(plugins[0]));

		plugins[i] = plugin ? plugin_at(image, plugin) : NULL;
	}
	image->list.plugins = plugins;
}

static int is_made_by_code(struct weir_error *error)
{
	return weir_fail(error, WEIR_ERR_NOT_FOUND,
			 "its descriptors are not in the file, they are made by code when it is "
			 "loaded; make them constants");
}

static int read_list(struct plugin_image *image, struct weir_error *error)
{
	uint64_t address = elf_image_symbol(image->elf, PLUGIN_LIST_SYMBOL);
	const void *list = address ? elf_image_at(image->elf, address, sizeof(image->list)) : NULL;
	uint64_t plugins;

	if (!address)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "it has no symbol " PLUGIN_LIST_SYMBOL
				 ", so it is no Weir plugin; declare its plugins with "
				 "WEIR_PLUGINS()");
	if (!list)
		return is_made_by_code(error);
	memcpy(&image->list, list, sizeof(image->list));
	image->list.plugins = NULL;
	plugins = target_of(image->elf, address, offsetof(struct weir_plugin_list, plugins));
	if (image->list.magic == WEIR_PLUGINS_MAGIC && image->list.abi_major == WEIR_ABI_MAJOR &&
	    plugins)
		read_plugins(image, plugins);
	return image->by_code ? is_made_by_code(error) : 0;
}

int plugin_image_create(const struct elf_image *elf, struct plugin_image **ret_image,
			struct weir_error *error)
{
	struct plugin_image *image = calloc(1, sizeof(*image));
	int result;

	if (!image)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to read the file");
	image->elf = elf;
	result = read_list(image, error);
	if (result) {
		plugin_image_destroy(image);
		return result;
	}
	*ret_image = image;
	return 0;
}

void plugin_image_destroy(struct plugin_image *image)
{
	if (!image)
		return;
	while (image->copies) {
		struct copy *copy = image->copies;

		image->copies = copy->next;
		free(copy);
	}
	free(image);
}

const struct weir_plugin_list *plugin_image_list(const struct plugin_image *image)
{
	return &image->list;
}
