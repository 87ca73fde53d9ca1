// SPDX-License-Identifier: MIT
#include "cli/reload_result.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "batch/json.h"
#include "cli/document.h"
#include "cli/file_write.h"
#include "cli/report.h"

static void put_pipelines(struct buffer *out, const struct reload_report *report)
{
	buffer_text(out, "\"pipelines\":[");
	for (size_t i = 0; i < report->count; i++) {
		const char *name = report->items[i].pipeline;

		buffer_printf(out, "%s{\"name\":", i ? "," : "");
		json_append_string(out, weir_slice_of(name ? name : ""));
		buffer_printf(out, ",\"outcome\":\"%s\"}", reload_word(report->items[i].what));
	}
	buffer_text(out, "]");
}

static int replace(const char *dir, const struct buffer *document, struct weir_error *error)
{
	char path[PATH_MAX], part[PATH_MAX];
	int status;

	snprintf(path, sizeof(path), "%s/" RELOAD_RESULT_FILE, dir);
	snprintf(part, sizeof(part), "%s/." RELOAD_RESULT_FILE ".part", dir);
	status =
		file_write(part, O_TRUNC | O_NOFOLLOW, 0640, document->data, document->size, error);
	if (status == 0 && rename(part, path) < 0)
		status = weir_fail(error, WEIR_ERR_IO, "can't write %s: %s", path, strerror(errno));
	if (status < 0)
		(void)unlink(part);
	return status;
}

int reload_result_write(const char *state_dir, uint64_t began_ns, const struct config *config,
			const struct reload_report *report, struct weir_error *error)
{
	struct buffer out = {0};
	int status;

	buffer_printf(&out, "{\"began_ns\":%llu,\"ok\":%s,\"seconds\":%.3f,\"repeated\":%llu,",
		      (unsigned long long)began_ns, config_errors(config) ? "false" : "true",
		      (double)(clock_monotonic_ns() - began_ns) / (double)NS_PER_SECOND,
		      (unsigned long long)report->repeated);
	put_pipelines(&out, report);
	buffer_text(&out, ",");
	buffer_text(&out, "\"problems\":");
	report_append_json(&out, config);
	status = buffer_text(&out, "}") ? weir_fail(error, WEIR_ERR_MEMORY, "no memory")
					: replace(state_dir, &out, error);
	buffer_done(&out);
	return status;
}

static int read_file(int fd, struct buffer *out, struct weir_error *error)
{
	ssize_t got = 1;

	while (got > 0 && out->size < RELOAD_RESULT_MAX) {
		if (!buffer_reserve(out, 65536))
			return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the result");
		got = read(fd, out->data + out->size, 65536);
		if (got > 0)
			out->size += (size_t)got;
	}
	return got < 0 ? weir_fail(error, WEIR_ERR_IO, "can't read the result: %s", strerror(errno))
		       : 0;
}

int reload_result_read(const char *state_dir, uint64_t since_ns, struct buffer *ret_document,
		       struct weir_error *error)
{
	struct scratch scratch = {.limit = RELOAD_RESULT_MAX};
	struct buffer document = {0};
	char path[PATH_MAX];
	int fd, status;

	snprintf(path, sizeof(path), "%s/" RELOAD_RESULT_FILE, state_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? WEIR_ERR_NOT_FOUND
				       : weir_fail(error, WEIR_ERR_IO, "can't read %s: %s", path,
						   strerror(errno));
	status = read_file(fd, &document, error);
	close(fd);
	if (status == 0 &&
	    (uint64_t)document_number(&scratch, (struct weir_slice){document.data, document.size},
				      "began_ns") < since_ns)
		status = WEIR_ERR_NOT_FOUND;
	scratch_done(&scratch);
	if (status)
		buffer_done(&document);
	else
		*ret_document = document;
	return status;
}
