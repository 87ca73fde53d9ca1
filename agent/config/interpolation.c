// SPDX-License-Identifier: MIT
/* One pass over the text of a scalar; most have no $ and are left untouched. */
#include "config/interpolation.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/secrets.h"

static void report(struct config_file *file, const struct tree_node *node, size_t offset,
		   const char *text)
{
	uint32_t line, column;

	tree_position(node, offset, &line, &column);
	config_file_error(file, line, column, "%s", text);
}

static size_t name_size(struct weir_slice text)
{
	size_t size = 0;

	while (size < text.size &&
	       (isalnum((unsigned char)text.data[size]) || text.data[size] == '_'))
		size++;
	return size && !isdigit((unsigned char)text.data[0]) ? size : 0;
}

/* Appends the content of a file without its last newline. Returns what is wrong, or NULL. */
static const char *append_file(struct config_file *file, const char *path, struct buffer *out)
{
	const char *full = config_path_beside(&file->memory, file->path, path);
	char *bytes = buffer_reserve(out, INTERPOLATION_FILE_MAX + 1);
	int fd = full && bytes ? open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	ssize_t got = fd < 0 ? -1 : read(fd, bytes, INTERPOLATION_FILE_MAX + 1);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	if (got < 0)
		return config_print(
			&file->memory,
			"the file %s cannot be read: %s; correct ${file:...}, or let the "
			"agent's user read it",
			path, strerror(saved));
	if (got > INTERPOLATION_FILE_MAX)
		return config_print(&file->memory,
				    "the file %s is longer than 64 KiB, too long for a setting",
				    path);
	if (memchr(bytes, '\0', (size_t)got))
		return config_print(&file->memory, "the file %s holds a NUL byte; it must be text",
				    path);
	if (got && bytes[got - 1] == '\n')
		got -= got > 1 && bytes[got - 2] == '\r' ? 2 : 1;
	secrets_add(&file->config->secrets, (struct weir_slice){bytes, (uint64_t)got});
	out->size += (size_t)got;
	return NULL;
}

/* Appends the variable `name`, or its default. `rest` is what follows the name. */
static const char *append_variable(struct config_file *file, const char *name,
				   struct weir_slice rest, struct buffer *out)
{
	const char *value = getenv(name);

	if (rest.size == 0) {
		if (value)
			buffer_text(out, value);
		return value ? NULL
			     : config_print(
				       &file->memory,
				       "the environment variable %s is not set; set it, or give "
				       "a default: ${%s:-...}",
				       name, name);
	}
	if (value && value[0])
		buffer_text(out, value);
	else
		buffer_append(out, rest.data + 2, rest.size - 2);
	return NULL;
}

/* `inner` is what stands between ${ and }. */
static const char *append_reference(struct config_file *file, struct weir_slice inner,
				    struct buffer *out)
{
	size_t size = name_size(inner);
	struct weir_slice rest = {inner.data + size, inner.size - size};
	const char *name = config_copy(&file->memory, inner.data, size);

	if (!name)
		return "no memory";
	if (memmem(inner.data, inner.size, "${", 2))
		return "a ${...} inside another is not supported; set a variable for it";
	if (strcmp(name, "file") == 0 && rest.size > 1 && rest.data[0] == ':' &&
	    rest.data[1] != '-') {
		const char *path = config_copy(&file->memory, rest.data + 1, rest.size - 1);

		return path ? append_file(file, path, out) : "no memory";
	}
	if (size == 0 || (rest.size && (rest.size < 2 || memcmp(rest.data, ":-", 2) != 0)))
		return "expected ${NAME}, ${NAME:-default} or ${file:/path}; for a plain $ write "
		       "$$";
	return append_variable(file, name, rest, out);
}

/* Builds the text of a scalar anew in `out`. Returns the offset of a problem and sets *ret_problem. */
static size_t substitute(struct config_file *file, struct weir_slice text, struct buffer *out,
			 const char **ret_problem)
{
	size_t at = 0;

	*ret_problem = NULL;
	while (at < text.size) {
		const char *rest = text.data + at;
		size_t left = text.size - at;
		const char *end;

		if (rest[0] != '$' || left < 2 || (rest[1] != '$' && rest[1] != '{')) {
			buffer_append(out, rest, 1);
			at++;
			continue;
		}
		if (rest[1] == '$') {
			buffer_append(out, "$", 1);
			at += 2;
			continue;
		}
		end = memchr(rest, '}', left);
		*ret_problem =
			end ? append_reference(
				      file, (struct weir_slice){rest + 2, (size_t)(end - rest) - 2},
				      out)
			    : "the ${ has no } after it; close it, or write $${ for a plain ${";
		if (*ret_problem)
			return at;
		at += (size_t)(end - rest) + 1;
	}
	return at;
}

static void apply_to_scalar(struct config_file *file, struct tree_node *node)
{
	struct buffer out = {0};
	const char *problem;
	size_t offset;

	if (!memmem(node->text.data, node->text.size, "$$", 2) &&
	    !memmem(node->text.data, node->text.size, "${", 2))
		return;
	offset = substitute(file, node->text, &out, &problem);
	if (problem) {
		report(file, node, offset, problem);
		node->kind = TREE_BAD;
	} else {
		node->text.data = config_copy(&file->memory, out.data, out.size);
		node->text.size = out.size;
		node->text_column = 0;
		node->plain = node->plain && out.size; /* set but empty: "", not null */
		if (!node->text.data)
			node->kind = TREE_BAD;
	}
	buffer_done(&out);
}

void interpolation_apply(struct config_file *file, struct tree_node *node)
{
	if (node->kind == TREE_SCALAR)
		apply_to_scalar(file, node);
	for (uint32_t i = 0; i < node->count; i++)
		interpolation_apply(file, node->items[i]);
}
