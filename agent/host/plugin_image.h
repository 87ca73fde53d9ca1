// SPDX-License-Identifier: MIT
/*
 * The descriptors of a plugin file, rebuilt from the file without loading it, so that the gate can
 * judge them and people can read them. Functions in them must not be called: they are only there
 * where the file has some.
 */
#ifndef HOST_PLUGIN_IMAGE_H
#define HOST_PLUGIN_IMAGE_H

#include <weir/plugin.h>

#include "host/elf_image.h"

struct plugin_image;

/* Borrows the image. Fails when there is no list of plugins, or one that can't be read from the file;
 * what is wrong with a list is the gate's to say. */
int plugin_image_create(const struct elf_image *elf, struct plugin_image **ret_image,
			struct weir_error *error);
void plugin_image_destroy(struct plugin_image *image);
/* Its `plugins` are set only if the major version is this host's. Lives as long as the image. */
const struct weir_plugin_list *plugin_image_list(const struct plugin_image *image);

#endif
