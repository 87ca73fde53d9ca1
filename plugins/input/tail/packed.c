// SPDX-License-Identifier: MIT
#include "packed.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "compressed.h"
#include "follow.h"
#include "opened.h"
#include "refusal.h"

/* True when the file of the same name without its suffix is followed, and this has its text, or no
 * text yet. */
static int is_being_compressed(struct catalog *catalog, const char *path, int fd)
{
	struct identity identity = {0};
	const struct file_name *name;
	struct compressed *stream;
	char plain[PATH_MAX];
	uint8_t first;
	int answer = 0;

	(void)snprintf(plain, sizeof(plain), "%.*s", (int)(strrchr(path, '.') - path), path);
	pthread_mutex_lock(&catalog->lock);
	name = catalog_by_name_locked(catalog, plain);
	if (name)
		identity = name->file->identity;
	pthread_mutex_unlock(&catalog->lock);
	fd = identity.head_size ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (fd < 0)
		return 0;
	stream = compressed_open(fd);
	if (!stream) {
		(void)close(fd);
		return 1;
	}
	answer = compressed_read_at(stream, &first, 1, 0) == 0 ||
		 identity_head_matches(&identity, compressed_read_at, stream);
	compressed_close(stream);
	return answer;
}

int packed_follow(struct catalog *catalog, const char *path)
{
	struct opened opened;

	if (refusal_open(catalog, path, 0, &opened) < 0)
		return 0;
	if (catalog_has_file(catalog, &opened.place) ||
	    is_being_compressed(catalog, path, opened.fd))
		(void)close(opened.fd);
	else
		(void)follow_compressed(catalog, path, opened.fd, &opened.place);
	return 1;
}

int packed_follow_of(struct catalog *catalog, const char *plain)
{
	static const char *const suffixes[] = {".gz", ".zst"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		int length = snprintf(path, sizeof(path), "%s%s", plain, suffixes[i]);

		if (length > 0 && (size_t)length < sizeof(path) && compressed_name(path) &&
		    access(path, F_OK) == 0 && packed_follow(catalog, path))
			return 1;
	}
	return 0;
}
