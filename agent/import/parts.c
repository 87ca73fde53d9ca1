// SPDX-License-Identifier: MIT
/* What a reader adds to an import: pipelines and notes. */
#include <ctype.h>
#include <stdarg.h>

#include "import/import.h"

/* Of a pipeline's name, with room for a number. */
#define NAME_ROOM 56

static int is_taken(const struct import *import, const char *name)
{
	for (const struct import_pipeline *p = import->pipelines; p; p = p->next)
		if (strcmp(p->name, name) == 0)
			return 1;
	return 0;
}

static const char *make_name(const struct import *import, const char *wish)
{
	char name[NAME_ROOM + 16];
	size_t size = 0;

	for (; wish[size] && size < NAME_ROOM; size++)
		name[size] =
			isalnum((unsigned char)wish[size]) || wish[size] == '_' ? wish[size] : '-';
	if (size == 0)
		name[size++] = '1';
	name[size] = '\0';
	for (unsigned n = 2; is_taken(import, name); n++)
		snprintf(name + size, sizeof(name) - size, "-%u", n);
	return config_copy(import->memory, name, strlen(name));
}

struct import_pipeline *import_add(struct import *import, const char *wish, const char *about)
{
	struct import_pipeline *pipeline = config_alloc(import->memory, sizeof(*pipeline));

	if (!pipeline)
		return NULL;
	pipeline->name = make_name(import, wish);
	pipeline->about = about;
	pipeline->notes_end = &pipeline->notes;
	*import->pipelines_end = pipeline;
	import->pipelines_end = &pipeline->next;
	return pipeline;
}

void import_note(struct import *import, struct import_pipeline *pipeline, int kind, uint32_t line,
		 const char *format, ...)
{
	struct import_note ***end = pipeline ? &pipeline->notes_end : &import->notes_end;
	struct import_note *note = config_alloc(import->memory, sizeof(*note));
	va_list args;

	if (!note)
		return;
	va_start(args, format);
	*note = (struct import_note){kind, line, config_vprint(import->memory, format, args), NULL};
	va_end(args);
	if (!note->text)
		return;
	**end = note;
	*end = &note->next;
}
