// SPDX-License-Identifier: MIT
/* Folders of queues that no output has. */
#include "pipeline/disk_queue.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "spool/spool.h"

static int has_output(const struct config *config, const char *pipeline, const char *output)
{
	for (size_t p = 0; p < config->pipeline_count; p++) {
		const struct config_pipeline *found = &config->pipelines[p];

		if (strcmp(found->id, pipeline) != 0)
			continue;
		if (found->broken)
			return 1;
		for (size_t i = 0; i < found->output_count; i++)
			if (found->outputs[i].buffer_bytes &&
			    strcmp(found->outputs[i].name, output) == 0)
				return 1;
	}
	return 0;
}

static int has_segments(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int found = 0;

	while (folder && !found && (entry = readdir(folder)))
		found = strstr(entry->d_name, ".seg") != NULL;
	if (folder)
		closedir(folder);
	return found;
}

static void report_orphans_of(const struct config *config, const char *path, const char *pipeline)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		char below[PATH_MAX];

		if (entry->d_name[0] == '.' || has_output(config, pipeline, entry->d_name) ||
		    snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >=
			    (int)sizeof(below) ||
		    !has_segments(below))
			continue;
		log_line(WEIR_LOG_WARNING, "spool", "spool_orphan",
			 "%s holds records of the output %s of pipeline %s, which has no `buffer` "
			 "now: give it one to have them delivered, or remove the folder",
			 below, entry->d_name, pipeline);
	}
	if (folder)
		closedir(folder);
}

void disk_queue_report_orphans(const struct config *config)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/spool", config->state_dir);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		char below[PATH_MAX];

		if (entry->d_name[0] != '.' && snprintf(below, sizeof(below), "%s/%s", path,
							entry->d_name) < (int)sizeof(below))
			report_orphans_of(config, below, entry->d_name);
	}
	if (folder)
		closedir(folder);
}
