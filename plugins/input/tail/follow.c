// SPDX-License-Identifier: MIT
#include "follow.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compressed.h"
#include "encoding.h"

static void tell_encoding(struct catalog *catalog, const struct file *file, const char *code,
			  const char *text)
{
	weir_logf(catalog->host, catalog->context, WEIR_LOG_WARNING, code, "%s: %s",
		  file->path->text, text);
}

/* Looks at the first bytes for the encoding, and for what the user should know. */
static void detect_encoding(struct catalog *catalog, struct file *file, identity_read *read_at,
			    void *user)
{
	uint8_t head[IDENTITY_HEAD_MAX];
	int64_t size = read_at(user, head, sizeof(head), 0);
	uint32_t mark_size;
	int mark = encoding_of_mark(head, size > 0 ? (uint64_t)size : 0, &mark_size);

	if (catalog->options.encoding != ENCODING_AUTO)
		file->encoding = catalog->options.encoding;
	else if (mark >= 0)
		file->encoding = (uint8_t)mark;
	if (size <= 0 || file->encoding != FILE_UTF8)
		return;
	if (mark == ENCODING_UTF16LE || mark == ENCODING_UTF16BE)
		tell_encoding(catalog, file, "tail_utf16",
			      "looks like UTF-16; set encoding: auto to have it converted");
	else if (head[0] != 0 && memchr(head, 0, (size_t)size))
		tell_encoding(
			catalog, file, "tail_binary",
			"looks like a binary file; its bytes are passed on as they are. Put it "
			"in `exclude` if it is no log");
}

static void fill_spec(struct file *file, uint8_t bytes[IDENTITY_BYTES],
		      struct weir_source_spec *ret_spec)
{
	identity_encode(&file->identity, bytes);
	*ret_spec = (struct weir_source_spec){
		.struct_size = sizeof(*ret_spec),
		.name = weir_slice_of(file->path->text),
		.identity = {(const char *)bytes, IDENTITY_BYTES},
		.user = file,
		.position = file->offset,
	};
}

static void tell_followed(struct catalog *catalog, const struct file *file, int known)
{
	weir_logf(catalog->host, catalog->context, WEIR_LOG_DEBUG, "tail_followed",
		  "%s: inode %llu is followed from %llu on, as %s", file->path->text,
		  (unsigned long long)file->identity.inode, (unsigned long long)file->offset,
		  known ? "a source of an earlier run" : "a new source");
}

/* Opens the source of a file that is in the catalog; takes it out again on failure. */
static int open_source(struct catalog *catalog, struct file *file, const uint8_t *id)
{
	uint8_t bytes[IDENTITY_BYTES];
	struct weir_source_spec spec;
	struct weir_source *source = NULL;
	struct weir_error error = {0};
	int status = -1;
	int known;

	fill_spec(file, bytes, &spec);
	if (id)
		status = catalog->host->source_adopt(catalog->context, id, &spec, &source, &error);
	known = status == 0;
	if (!known)
		status = catalog->host->source_open(catalog->context, &spec, &source, &error);
	if (status < 0) {
		weir_logf(catalog->host, catalog->context, WEIR_LOG_ERROR, "tail_source",
			  "can't follow %s yet: %s", file->path->text, error.text);
		catalog_forget_locked(catalog, file);
		return status;
	}
	tell_followed(catalog, file, known);
	pthread_mutex_lock(&catalog->lock);
	file->source = source;
	pthread_mutex_unlock(&catalog->lock);
	catalog_wake(catalog, file);
	return 0;
}

static void prepare(struct catalog *catalog, struct file *file, identity_read *read_at, void *user)
{
	detect_encoding(catalog, file, read_at, user);
	file_resume(file, catalog->options.header_lines, read_at, user);
}

/* A scan may find more files than there can be descriptors, faster than they are read and closed. Some
 * are closed again at once, and their readers open them when it is their turn. */
static void spare_descriptor(struct file *file)
{
	if (!file_descriptor_is_spare(file))
		return;
	(void)close(file->fd);
	file->fd = -1;
}

int follow_new(struct catalog *catalog, const char *path, struct opened *take_opened,
	       uint64_t offset)
{
	struct file *file = file_create(catalog, take_opened->fd, &take_opened->place, offset);

	if (!file)
		(void)close(take_opened->fd);
	if (!file || catalog_name(catalog, file, path, take_opened->is_link) < 0) {
		file_free(file);
		return WEIR_ERR_MEMORY;
	}
	prepare(catalog, file, opened_read, take_opened);
	(void)identity_take_head(&file->identity, opened_read, take_opened);
	spare_descriptor(file);
	catalog_add(catalog, file);
	return open_source(catalog, file, NULL);
}

int follow_compressed(struct catalog *catalog, const char *path, int take_fd,
		      const struct identity *place)
{
	struct compressed *stream = compressed_open(take_fd);
	struct file *file = stream ? file_create(catalog, -1, place, 0) : NULL;

	if (file)
		file->compressed = stream;
	else if (stream)
		compressed_close(stream);
	else
		(void)close(take_fd);
	if (!file || catalog_name(catalog, file, path, 1) < 0) {
		file_free(file);
		return WEIR_ERR_MEMORY;
	}
	prepare(catalog, file, file_read_text, file);
	(void)identity_take_head(&file->identity, file_read_text, file);
	catalog_add(catalog, file);
	return open_source(catalog, file, NULL);
}

int follow_known(struct catalog *catalog, struct known *take_known, struct sibling *take_found)
{
	struct identity identity = take_known->identity;
	struct opened *opened = take_found->opened;
	struct file *file;
	int moved = strcmp(take_known->path, take_found->path) != 0 ||
		    identity.birth_ns != take_found->place.birth_ns ||
		    !identity_same_file(&identity, &take_found->place);

	identity.device = take_found->place.device;
	identity.inode = take_found->place.inode;
	identity.birth_ns = take_found->place.birth_ns;
	if (!take_found->compressed)
		moved |= sibling_is_shorter(take_found, &identity, take_known->position);
	file = file_create(catalog, take_found->fd, &identity, take_known->position);
	if (file) {
		take_found->fd = -1;
		file->compressed = take_found->compressed;
		take_found->compressed = NULL;
	}
	if (!file ||
	    catalog_name(catalog, file, take_found->path, !opened || opened->is_link) < 0) {
		file_free(file);
		free(take_known);
		sibling_done(take_found);
		return WEIR_ERR_MEMORY;
	}
	file->copied = identity.shorter != 0;
	if (opened)
		prepare(catalog, file, opened_read, opened);
	else
		prepare(catalog, file, file_read_text, file);
	spare_descriptor(file);
	/* The host has it so already, or is told at the first read: what is read, and where it is, is new. */
	if (!moved && identity.tail_size && identity.tail_offset == file->offset) {
		file->marked_ns = catalog->host->monotonic_ns();
		file->marked_offset = file->offset;
	} else {
		atomic_store(&file->signals, FILE_RENAMED);
	}
	catalog_add(catalog, file);
	sibling_done(take_found);
	{
		int status = open_source(catalog, file, take_known->id);

		free(take_known);
		return status;
	}
}

int follow_successor(struct catalog *catalog, struct file *file, int take_fd)
{
	struct identity identity = {0};
	struct file *successor;
	char *path = catalog_path(catalog, file);

	identity.device = file->identity.device;
	identity.inode = file->identity.inode;
	identity.birth_ns = file->identity.birth_ns;
	successor = file_create(catalog, take_fd, &identity, 0);
	if (!successor)
		(void)close(take_fd);
	if (!successor || !path || catalog_name(catalog, successor, path, 1) < 0) {
		file_free(successor);
		free(path);
		return WEIR_ERR_MEMORY;
	}
	free(path);
	prepare(catalog, successor, file_read_text, successor);
	successor->hole_end = 0; /* a writer that does not append leaves one */
	(void)identity_take_head(&successor->identity, file_read_at, &successor->fd);
	catalog_supersede(catalog, file, successor);
	return open_source(catalog, successor, NULL);
}
