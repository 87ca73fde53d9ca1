// SPDX-License-Identifier: MIT
/*
 * Any bytes as a plugin file: what `weir plugins inspect` does with them before it prints. Whatever the
 * gate lets through must be readable to its end.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/elf_check.h"
#include "host/plugin_gate.h"
#include "host/plugin_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_options(const struct weir_option *first)
{
	size_t read = 0;

	for (const struct weir_option *raw = first; raw && raw->struct_size;
	     raw = plugin_next_option(raw)) {
		struct weir_option option = plugin_read_option(raw);

		read += strlen(option.name) + (option.doc ? strlen(option.doc) : 0) +
			read_options(option.members);
	}
	return read;
}

static void look(const struct elf_image *elf)
{
	struct plugin_image *image;
	struct weir_error error = {0};
	const struct weir_plugin_list *list;

	for (uint32_t i = 0; i < 64 && elf_image_needed(elf, i); i++)
		;
	if (plugin_image_create(elf, &image, &error)) {
		assert(error.text[0]);
		return;
	}
	list = plugin_image_list(image);
	for (uint32_t i = 0; plugin_gate_list(list, &error) == 0 && i < list->count; i++)
		if (plugin_gate_plugin(list->plugins[i], &error) == 0)
			assert(read_options(list->plugins[i]->options) < SIZE_MAX);
	plugin_image_destroy(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_error error = {0};
	struct elf_image *elf;
	void *copy;
	int fd = memfd_create("plugin", MFD_CLOEXEC);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	/* The reader must also stand what the check refuses. */
	(void)elf_check(fd, &error);
	close(fd);
	copy = malloc(size + 1); /* exactly as large, so that a byte too far is seen */
	assert(copy);
	memcpy(copy, data, size);
	if (elf_image_open(copy, size, &elf, &error) == 0) {
		look(elf);
		elf_image_close(elf);
	}
	free(copy);
	return 0;
}
