// SPDX-License-Identifier: MIT
#include "cli/temporary.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <weir/plugin.h>

#define DESCRIPTORS 8 /* of the walk that removes it */

int temporary_make(struct temporary *ret_folder, struct weir_error *error)
{
	const char *parent = getenv("TMPDIR");
	int size = snprintf(ret_folder->path, sizeof(ret_folder->path), "%s/weir-XXXXXX",
			    parent && parent[0] ? parent : "/tmp");

	if (size < 0 || (size_t)size >= sizeof(ret_folder->path))
		return weir_fail(error, WEIR_ERR_INVALID, "TMPDIR is too long a path");
	if (!mkdtemp(ret_folder->path))
		return weir_fail(error, WEIR_ERR_IO,
				 "can't make the folder %s: %s; set TMPDIR to a folder that can be "
				 "written",
				 ret_folder->path, strerror(errno));
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path) && errno != ENOENT ? -1 : 0;
}

void temporary_remove(const char *path)
{
	nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
