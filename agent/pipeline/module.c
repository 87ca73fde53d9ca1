// SPDX-License-Identifier: MIT
#include "pipeline/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include <weir/plugin.h>

/* Beside the executable's folder, in the build tree as in the installed one. */
static int module_path(const char *name, char *ret_path, size_t size)
{
	char exe[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (length < 0)
		return WEIR_ERR_IO;
	exe[length] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	if ((size_t)snprintf(ret_path, size, "%s/../" WEIR_LIBDIR "/weir/modules/%s.so", exe,
			     name) >= size)
		return WEIR_ERR_INVALID;
	return 0;
}

int module_load(const char *name, const char *symbol, const void **ret_table,
		struct weir_error *error)
{
	char path[PATH_MAX];
	void *handle;

	if (module_path(name, path, sizeof(path)) < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't tell where the module %s.so is", name);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return weir_fail(error, WEIR_ERR_NOT_FOUND,
				 "can't load the module %s.so (%s); reinstall Weir, or install the "
				 "library that is missing",
				 name, dlerror());
	*ret_table = dlsym(handle, symbol);
	if (!*ret_table)
		return weir_fail(error, WEIR_ERR_INVALID, "the module %s is not one of Weir's",
				 path);
	return 0;
}
