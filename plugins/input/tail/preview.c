// SPDX-License-Identifier: MIT
#include "preview.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "walk.h"

struct findings {
	const struct tail_options *options;
	uint32_t found, unreadable;
	int error; /* errno of the first that can't be read */
	char path[PATH_MAX];
};

static void note_unreadable(struct findings *findings, const char *path, int error)
{
	if (findings->unreadable++ > 0)
		return;
	findings->error = error;
	snprintf(findings->path, sizeof(findings->path), "%s", path);
}

static void on_folder(void *user, const char *path, int files)
{
	(void)user;
	(void)path;
	(void)files;
}

static void on_entry(void *user, const char *folder, const struct walk_entry *entry)
{
	struct findings *findings = user;
	char path[PATH_MAX];

	if (!entry->matches || !walk_path(folder, entry->name, path, sizeof(path)) ||
	    !tail_options_allow(findings->options, path))
		return;
	findings->found++;
	if (access(path, R_OK) < 0)
		note_unreadable(findings, path, errno);
}

static void on_refused(void *user, const char *path, int error)
{
	if (error != ENOENT)
		note_unreadable(user, path, error);
}

int32_t preview(const struct tail_options *options, struct weir_error *ret_warning)
{
	static const struct walk_calls calls = {on_folder, on_entry, on_refused};
	struct findings findings = {.options = options};

	walk(&options->paths, &calls, &findings);
	if (findings.unreadable)
		return weir_fail(
			ret_warning, WEIR_ERR_IO,
			"%u of the files and folders that match can't be read by this user, "
			"the first is %s (%s); give the agent's user the right to read them",
			findings.unreadable, findings.path, strerror(findings.error));
	if (!findings.found)
		return weir_fail(
			ret_warning, WEIR_ERR_NOT_FOUND,
			"no file matches %s%s yet; files are followed as soon as they appear",
			options->paths.globs[0].pattern,
			options->paths.count > 1 ? " (or the other patterns)" : "");
	return WEIR_OK;
}
