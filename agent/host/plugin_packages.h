// SPDX-License-Identifier: MIT
/*
 * Which package a plugin comes in that is not in the package of the agent: the file `packages` of the
 * plugin folder says it, a line KIND NAME PACKAGE for each. The build writes it; a folder without one has
 * no such plugins. No state; any thread.
 */
#ifndef HOST_PLUGIN_PACKAGES_H
#define HOST_PLUGIN_PACKAGES_H

#include <stddef.h>
#include <stdint.h>

#define PLUGIN_PACKAGES_MAX 64 /* lines that are read; the build has one plugin split off */
#define PLUGIN_PACKAGES_TEXT \
	128 /* bytes of a name with its NUL; that of a Debian package has no bound */

struct plugin_package {
	uint32_t kind; /* WEIR_INPUT, WEIR_FILTER or WEIR_OUTPUT */
	char name[PLUGIN_PACKAGES_TEXT];
	char package[PLUGIN_PACKAGES_TEXT];
};

/* Fills ret with up to PLUGIN_PACKAGES_MAX lines of the folder's file. How many there are; lines that are
 * none are passed over. */
size_t plugin_packages_read(const char *dir, struct plugin_package *ret);
/* Looks a plugin up in the files of these folders. 1 when it is there, with ret filled, else 0. */
int plugin_packages_find(char *const *dirs, size_t dir_count, uint32_t kind, const char *name,
			 struct plugin_package *ret);

#endif
