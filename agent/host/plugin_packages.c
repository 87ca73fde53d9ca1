// SPDX-License-Identifier: MIT
#include "host/plugin_packages.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "host/registry.h"

#define LINE_MAX_BYTES (2 * PLUGIN_PACKAGES_TEXT + 16) /* two names and a kind */

static int read_line(const char *line, struct plugin_package *ret)
{
	char kind[8];

	if (sscanf(line, "%7s %127s %127s", kind, ret->name, ret->package) != 3)
		return 0;
	for (ret->kind = WEIR_INPUT; ret->kind <= WEIR_OUTPUT; ret->kind++)
		if (strcmp(kind, registry_kind_name(ret->kind)) == 0)
			return 1;
	return 0;
}

size_t plugin_packages_read(const char *dir, struct plugin_package *ret)
{
	char path[PATH_MAX];
	char line[LINE_MAX_BYTES];
	size_t count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/packages", dir);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (count < PLUGIN_PACKAGES_MAX && fgets(line, sizeof(line), file))
		count += (size_t)read_line(line, &ret[count]);
	fclose(file);
	return count;
}

int plugin_packages_find(char *const *dirs, size_t dir_count, uint32_t kind, const char *name,
			 struct plugin_package *ret)
{
	struct plugin_package found[PLUGIN_PACKAGES_MAX];

	for (size_t i = 0; i < dir_count; i++) {
		size_t count = plugin_packages_read(dirs[i], found);

		for (size_t j = 0; j < count; j++)
			if (found[j].kind == kind && strcmp(found[j].name, name) == 0) {
				*ret = found[j];
				return 1;
			}
	}
	return 0;
}
