// SPDX-License-Identifier: MIT
/* Goes back to the beginning only for an earlier line. */
#include "cli/source_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/secrets.h"

static void open_file(struct source_line *source, const char *path)
{
	source_line_done(source);
	source->path = path;
	source->file = fopen(path, "re");
}

const char *source_line_read(struct source_line *source, const char *path, uint32_t number)
{
	if (!source->path || strcmp(source->path, path) != 0 || source->number > number)
		open_file(source, path);
	for (; source->file && source->number < number; source->number++)
		if (getline(&source->text, &source->capacity, source->file) < 0)
			return NULL;
	if (!source->file || !source->text)
		return NULL;
	source->text[strcspn(source->text, "\r\n")] = '\0';
	secrets_mask_line(source->text);
	return source->text;
}

void source_line_done(struct source_line *source)
{
	if (source->file)
		fclose(source->file);
	free(source->text);
	memset(source, 0, sizeof(*source));
}
