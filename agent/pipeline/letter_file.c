// SPDX-License-Identifier: MIT
#include "pipeline/letter_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEPT ".kept-"
#define KEPT_DIGITS 6
#define PART ".part"

/* The byte whose lock the file output holds while it writes. */
#define LOCK_WRITING 1
#define LOCK_TRIES 2000 /* of 5 ms: longer than a write and a sync take */

/* How a file's name goes on after the path of the option. */
enum suffix { SUFFIX_NONE, SUFFIX_NUMBER, SUFFIX_KEPT, SUFFIX_COMPRESSED, SUFFIX_OTHER };

struct entry {
	char *path;
	size_t base; /* length of the path of the option in it */
	enum suffix suffix;
	unsigned long number;
};

static int fail_on(const char *what, const char *path, struct weir_error *error)
{
	return weir_fail(error, WEIR_ERR_IO, "can't %s %s: %s", what, path, strerror(errno));
}

/* ---- names --------------------------------------------------------------------------------------- */

/* The pattern for glob(3), with `more` behind it; to be freed. */
static char *glob_pattern(const char *pattern, const char *more)
{
	char *text = malloc(strlen(pattern) * 4 + strlen(more) + 1);
	char *to = text;

	for (const char *at = pattern; text && *at; at++) {
		if (*at == '%' && at[1]) {
			at++;
			to = stpcpy(to, *at == 'Y'   ? "[0-9][0-9][0-9][0-9]"
					: *at == '%' ? "%"
						     : "[0-9][0-9]");
			continue;
		}
		if (strchr("*?[\\", *at))
			*to++ = '\\';
		*to++ = *at;
	}
	if (text)
		strcpy(to, more);
	return text;
}

/* How many characters of a file's name the path takes. */
static size_t base_length(const char *pattern)
{
	size_t length = strlen(pattern);

	for (const char *at = pattern; *at; at++)
		if (*at == '%' && at[1]) {
			at++;
			length += *at == 'Y' ? 2 : 0;
			length -= *at == '%' ? 1 : 0;
		}
	return length;
}

static void classify(struct entry *entry)
{
	const char *rest = entry->path + entry->base;
	int kept = strncmp(rest, KEPT, strlen(KEPT)) == 0;
	char *end;

	entry->suffix = SUFFIX_OTHER;
	if (!*rest) {
		entry->suffix = SUFFIX_NONE;
		return;
	}
	rest += kept ? strlen(KEPT) : 1;
	entry->number = strtoul(rest, &end, 10);
	if (end == rest || *rest < '0' || *rest > '9')
		return;
	if (!*end)
		entry->suffix = kept ? SUFFIX_KEPT : SUFFIX_NUMBER;
	else if (!kept && strcmp(end, ".gz") == 0)
		entry->suffix = SUFFIX_COMPRESSED;
}

/* The oldest first: kept ones, then finished ones from the highest number on, then the live one. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int rank_x = x->suffix == SUFFIX_KEPT ? 0 : x->suffix == SUFFIX_NUMBER ? 1 : 2;
	int rank_y = y->suffix == SUFFIX_KEPT ? 0 : y->suffix == SUFFIX_NUMBER ? 1 : 2;
	int same = strncmp(x->path, y->path, x->base < y->base ? x->base : y->base);

	if (same)
		return same;
	if (rank_x != rank_y)
		return rank_x - rank_y;
	if (x->number == y->number)
		return 0;
	return (x->number < y->number) == (x->suffix == SUFFIX_KEPT) ? -1 : 1;
}

static int is_regular(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static void entries_free(struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(entries[i].path);
	free(entries);
}

static int entries_of(const glob_t *found, size_t base, struct entry **ret_entries,
		      size_t *ret_count)
{
	struct entry *entries = calloc(found->gl_pathc + 1, sizeof(*entries));
	size_t count = 0;

	for (size_t i = 0; entries && i < found->gl_pathc; i++) {
		struct entry entry = {.base = base};

		if (strlen(found->gl_pathv[i]) < base || !is_regular(found->gl_pathv[i]))
			continue;
		entry.path = strdup(found->gl_pathv[i]);
		if (!entry.path) {
			entries_free(entries, count);
			return WEIR_ERR_MEMORY;
		}
		classify(&entry);
		entries[count++] = entry;
	}
	if (!entries)
		return WEIR_ERR_MEMORY;
	qsort(entries, count, sizeof(*entries), compare);
	*ret_entries = entries;
	*ret_count = count;
	return 0;
}

/* Everything whose name begins as the option's path does. */
static int entries_find(const char *pattern, struct entry **ret_entries, size_t *ret_count,
			struct weir_error *error)
{
	char *exact = glob_pattern(pattern, ""), *more = glob_pattern(pattern, ".*");
	glob_t found = {0};
	int status = WEIR_ERR_MEMORY;

	if (exact && more) {
		int failed = glob(exact, 0, NULL, &found);

		if (failed != GLOB_NOSPACE)
			failed = glob(more, failed == GLOB_NOMATCH ? 0 : GLOB_APPEND, NULL, &found);
		if (failed != GLOB_NOSPACE)
			status = entries_of(&found, base_length(pattern), ret_entries, ret_count);
		globfree(&found);
	}
	free(exact);
	free(more);
	return status < 0 ? weir_fail(error, status, "no memory for the names of files") : 0;
}

static int files_add(struct letter_files *files, const char *path)
{
	char **paths = realloc(files->paths, (files->count + 1) * sizeof(*paths));

	if (!paths)
		return WEIR_ERR_MEMORY;
	files->paths = paths;
	paths[files->count] = strdup(path);
	return paths[files->count++] ? 0 : WEIR_ERR_MEMORY;
}

void letter_files_done(struct letter_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct letter_files){0};
}

int letter_files_find(const char *pattern, struct letter_files *ret_files, struct weir_error *error)
{
	struct entry *entries = NULL;
	size_t count = 0;
	int status = entries_find(pattern, &entries, &count, error);

	*ret_files = (struct letter_files){0};
	for (size_t i = 0; status == 0 && i < count; i++) {
		if (entries[i].suffix == SUFFIX_COMPRESSED)
			ret_files->compressed++;
		else if (entries[i].suffix != SUFFIX_OTHER &&
			 files_add(ret_files, entries[i].path) < 0)
			status = weir_fail(error, WEIR_ERR_MEMORY, "no memory for names");
	}
	entries_free(entries, count);
	if (status < 0)
		letter_files_done(ret_files);
	return status;
}

/* ---- keeping ------------------------------------------------------------------------------------- */

static int sync_folder_of(const char *path)
{
	char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	int fd = -1, status;

	if (slash)
		slash[slash == folder] = '\0';
	if (folder)
		fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	free(folder);
	return status;
}

int letter_files_lock(const char *pattern, int *ret_fd, struct weir_error *error)
{
	const char *slash = strrchr(pattern, '/');
	char *folder = slash ? strndup(pattern, (size_t)(slash - pattern) + (slash == pattern))
			     : strdup(".");
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int status = 0;

	if (fd < 0)
		status = errno == ENOENT ? WEIR_ERR_NOT_FOUND
					 : fail_on("open", folder ? folder : pattern, error);
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		status =
			weir_fail(error, WEIR_ERR_REFUSED,
				  "another `weir dead` is at work in %s; wait for its end", folder);
	if (status < 0 && fd >= 0)
		close(fd);
	*ret_fd = status < 0 ? -1 : fd;
	free(folder);
	return status;
}

/* Holds the agent, if one writes to this file, off it; 0 or -1 with errno. */
static int hold(int fd)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_WRITING, .l_len = 1};
	const struct timespec pause = {0, 5000000};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES)
			return -1;
		nanosleep(&pause, NULL);
	}
	errno = EBUSY;
	return -1;
}

static char *kept_name(const struct entry *entry, unsigned long number)
{
	char *name;

	if (asprintf(&name, "%.*s" KEPT "%0*lu", (int)entry->base, entry->path, KEPT_DIGITS,
		     number) < 0)
		return NULL;
	return name;
}

/* Whether the path still names the open file. */
static int is_at(int fd, const char *path)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
	       here.st_ino == there.st_ino;
}

/* The file of that name, open and held; -1 with errno. One that the agent's rotation exchanged in the
 * meantime is let go of: while the right one is held, there is no rotation. */
static int open_held(const char *path)
{
	int fd = -1;

	for (;;) {
		fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -1;
		if (hold(fd) < 0) {
			int reason = errno;

			close(fd);
			errno = reason;
			return -1;
		}
		if (is_at(fd, path))
			return fd;
		close(fd);
	}
}

/* Gives a file its kept name; the agent does not write to it meanwhile, nor afterwards. */
static int keep(const struct entry *entry, unsigned long number, struct letter_files *kept,
		struct weir_error *error)
{
	int fd = open_held(entry->path);
	int status = 0;
	char *name;

	if (fd < 0) /* gone: an agent's rotation gave it another name or an end */
		return errno == ENOENT ? 0 : fail_on("hold", entry->path, error);
	name = kept_name(entry, number);
	if (!name)
		status = weir_fail(error, WEIR_ERR_MEMORY, "no memory for names");
	else if (rename(entry->path, name) < 0)
		status = fail_on("move", entry->path, error);
	else if (files_add(kept, name) < 0)
		status = weir_fail(error, WEIR_ERR_MEMORY, "no memory to note %s", name);
	close(fd);
	free(name);
	return status;
}

static int same_base(const struct entry *a, const struct entry *b)
{
	return a->base == b->base && strncmp(a->path, b->path, a->base) == 0;
}

/* Of this file's kept ones the highest number. */
static unsigned long highest(const struct entry *entries, size_t count, const struct entry *of)
{
	unsigned long number = 0;

	for (size_t i = 0; i < count; i++)
		if (entries[i].suffix == SUFFIX_KEPT && same_base(&entries[i], of) &&
		    entries[i].number > number)
			number = entries[i].number;
	return number;
}

static int is_empty(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && info.st_size == 0;
}

static int is_leftover(const struct entry *entry)
{
	size_t length = strlen(entry->path);

	return entry->suffix == SUFFIX_OTHER && strstr(entry->path + entry->base, KEPT) &&
	       length > strlen(PART) && strcmp(entry->path + length - strlen(PART), PART) == 0;
}

static int keep_all(struct entry *entries, size_t count, struct letter_files *kept,
		    struct weir_error *error)
{
	unsigned long number = 0;
	int status = 0;

	for (size_t i = 0; status == 0 && i < count; i++) {
		struct entry *entry = &entries[i];

		if (i == 0 || !same_base(entry, &entries[i - 1]))
			number = highest(entries, count, entry);
		if (entry->suffix == SUFFIX_COMPRESSED)
			kept->compressed++;
		else if (entry->suffix == SUFFIX_KEPT && files_add(kept, entry->path) < 0)
			status = weir_fail(error, WEIR_ERR_MEMORY, "no memory for names");
		else if (is_leftover(entry))
			unlink(entry->path); /* of a command that was killed */
		else if ((entry->suffix == SUFFIX_NUMBER || entry->suffix == SUFFIX_NONE) &&
			 !is_empty(entry->path))
			status = keep(entry, ++number, kept, error);
	}
	return status;
}

int letter_files_keep(const char *pattern, struct letter_files *ret_files, struct weir_error *error)
{
	struct entry *entries = NULL;
	size_t count = 0;
	int status = entries_find(pattern, &entries, &count, error);

	*ret_files = (struct letter_files){0};
	if (status == 0)
		status = keep_all(entries, count, ret_files, error);
	if (status == 0 && count && sync_folder_of(entries[0].path) < 0)
		status = fail_on("sync the folder of", entries[0].path, error);
	entries_free(entries, count);
	if (status < 0)
		letter_files_done(ret_files);
	return status;
}

char *letter_files_next(const struct letter_files *kept)
{
	struct entry entry = {.path = kept->paths[kept->count - 1]};
	const char *suffix = strrchr(entry.path, '-');

	entry.base = (size_t)(suffix + 1 - entry.path) - strlen(KEPT);
	return kept_name(&entry, strtoul(suffix + 1, NULL, 10) + 1);
}

/* ---- lines --------------------------------------------------------------------------------------- */

struct letter_reader {
	FILE *file;
	char *line;
	size_t capacity;
	uint64_t at;
};

int letter_reader_open(const char *path, struct letter_reader **ret_reader,
		       struct weir_error *error)
{
	struct letter_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to read %s", path);
	reader->file = fopen(path, "re");
	if (!reader->file) {
		int status = errno == ENOENT
				     ? weir_fail(error, WEIR_ERR_NOT_FOUND, "%s is gone", path)
				     : fail_on("read", path, error);

		free(reader);
		return status;
	}
	*ret_reader = reader;
	return 0;
}

int letter_reader_next(struct letter_reader *reader, struct letter_line *ret_line)
{
	ssize_t got = getline(&reader->line, &reader->capacity, reader->file);

	if (got < 0)
		return ferror(reader->file) || errno == ENOMEM ? WEIR_ERR_IO : 0;
	ret_line->start = reader->at;
	reader->at += (uint64_t)got;
	ret_line->end = reader->at;
	ret_line->whole = reader->line[got - 1] == '\n';
	ret_line->text =
		(struct weir_slice){reader->line, (uint64_t)got - (uint64_t)ret_line->whole};
	return 1;
}

void letter_reader_close(struct letter_reader *reader)
{
	if (!reader)
		return;
	fclose(reader->file);
	free(reader->line);
	free(reader);
}

/* ---- rewriting ----------------------------------------------------------------------------------- */

/* Copies what stays; returns how many lines did, or a negative code. */
static int64_t copy_lines(struct letter_reader *reader, FILE *to,
			  int (*stays)(void *user, const struct letter_line *line), void *user)
{
	struct letter_line line;
	int64_t count = 0;
	int more;

	while ((more = letter_reader_next(reader, &line)) > 0) {
		if (!stays(user, &line))
			continue;
		fwrite(line.text.data, 1, line.text.size, to);
		if (line.whole)
			putc('\n', to);
		count++;
	}
	return more < 0 ? more : count;
}

/* The new file belongs to whom the old one did, for an agent that runs as somebody else. */
static FILE *open_part(const char *path, const char *part)
{
	struct stat info;
	int fd;

	if (stat(path, &info) < 0)
		return NULL;
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return NULL;
	if (fchown(fd, info.st_uid, info.st_gid) < 0 && errno != EPERM) {
		close(fd);
		return NULL;
	}
	(void)fchmod(fd, info.st_mode & 0777);
	return fdopen(fd, "w");
}

int letter_file_rewrite(const char *path, int (*stays)(void *user, const struct letter_line *line),
			void *user, struct weir_error *error)
{
	struct letter_reader *reader = NULL;
	int64_t count = WEIR_ERR_IO;
	int status = letter_reader_open(path, &reader, error);
	char *part = NULL;
	FILE *to = NULL;

	if (status < 0)
		return status;
	if (asprintf(&part, "%s" PART, path) < 0)
		part = NULL;
	if (part)
		to = open_part(path, part);
	if (to) {
		count = copy_lines(reader, to, stays, user);
		if (fflush(to) != 0 || ferror(to) || fsync(fileno(to)) < 0)
			count = WEIR_ERR_IO;
		if (fclose(to) != 0)
			count = WEIR_ERR_IO;
	}
	if (count < 0)
		status = fail_on("rewrite", path, error);
	else if (count > 0 && rename(part, path) < 0)
		status = fail_on("replace", path, error);
	else if (count == 0 && unlink(path) < 0)
		status = fail_on("delete", path, error);
	if (part && (status < 0 || count == 0))
		unlink(part);
	if (status == 0 && sync_folder_of(path) < 0)
		status = fail_on("sync the folder of", path, error);
	free(part);
	letter_reader_close(reader);
	return status;
}
