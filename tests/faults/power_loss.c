// SPDX-License-Identifier: MIT
/*
 * A layer for LD_PRELOAD that notes what a process does to the files under POWER_LOSS_DIR, in order, in
 * the file POWER_LOSS_LOG: writes with their bytes, truncations, names that come and go, and what was
 * synced. tests/harness/power.py makes of it what a disk could hold after a power cut. The files
 * themselves are changed as ever; only the syncing is left out.
 *
 * Each entry is one write to the log: u8 kind, u32 id, u64 number, u32 size of the text or data, which
 * follows. Numbers are of the machine's byte order.
 *
 *   'o' file `id` is at a path; number 1 = it was made just now      'm' a folder was made
 *   'w' data at an offset      't' cut or extended to a size         's' synced
 *   'd' a folder was synced    'u' a name was removed                'r' renamed: "from\0to"
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 65536
#define NAMED(name) __asm__(#name) __attribute__((visibility("default")))

struct known {
	dev_t device;
	ino_t inode;
	uint32_t id;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards everything below */
static struct known known[FILES_MAX];
static uint32_t known_count, last_id;
static uint32_t by_fd[FILES_MAX]; /* id of the file behind a descriptor; 0 = not ours */
static int log_fd = -1;

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

#define NEXT(type, name, ...)                        \
	static type (*real)(__VA_ARGS__);            \
	if (!real) {                                 \
		void *found = next(name);            \
		memcpy(&real, &found, sizeof(real)); \
	}

static void log_open(void)
{
	NEXT(int, "open64", const char *, int, ...)
	const char *path = getenv("POWER_LOSS_LOG");

	if (log_fd < 0 && path)
		log_fd = real(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void note(char kind, uint32_t id, uint64_t number, const void *data, uint32_t size)
{
	NEXT(ssize_t, "writev", int, const struct iovec *, int)
	char head[17];
	struct iovec parts[2] = {{head, sizeof(head)}, {(void *)(uintptr_t)data, size}};

	log_open();
	head[0] = kind;
	memcpy(head + 1, &id, 4);
	memcpy(head + 5, &number, 8);
	memcpy(head + 13, &size, 4);
	if (real(log_fd, parts, 2) != (ssize_t)(sizeof(head) + size))
		abort();
}

static int is_ours(const char *path)
{
	const char *dir = getenv("POWER_LOSS_DIR");
	size_t size = dir ? strlen(dir) : 0;

	return size && strncmp(path, dir, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static int path_of_fd(int fd, char path[PATH_MAX])
{
	char name[64];
	ssize_t size;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	size = readlink(name, path, PATH_MAX - 1);
	path[size < 0 ? 0 : size] = '\0';
	return size > 0;
}

/* The absolute path of a name in a folder. */
static void path_at(int folder, const char *name, char path[PATH_MAX])
{
	char base[PATH_MAX];

	if (name[0] == '/' || folder == AT_FDCWD || !path_of_fd(folder, base))
		snprintf(path, PATH_MAX, "%s", name);
	else if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX)
		path[0] = '\0';
}

static uint32_t id_of(const struct stat *info, int is_new)
{
	uint32_t i = 0;

	while (i < known_count &&
	       (known[i].device != info->st_dev || known[i].inode != info->st_ino))
		i++;
	if (i == FILES_MAX)
		abort();
	if (i == known_count) {
		known[i] = (struct known){info->st_dev, info->st_ino, 0};
		known_count++;
	}
	if (is_new || !known[i].id)
		known[i].id = ++last_id;
	return known[i].id;
}

static int opened(int fd, int flags, int existed)
{
	char path[PATH_MAX];
	struct stat info;

	if (fd < 0 || fd >= FILES_MAX)
		return fd;
	pthread_mutex_lock(&lock);
	by_fd[fd] = 0;
	if (path_of_fd(fd, path) && is_ours(path) && fstat(fd, &info) == 0 &&
	    S_ISREG(info.st_mode)) {
		by_fd[fd] = id_of(&info, !existed);
		note('o', by_fd[fd], !existed, path, (uint32_t)strlen(path));
		if (flags & O_TRUNC)
			note('t', by_fd[fd], 0, NULL, 0);
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

static int there(int folder, const char *path, int flags)
{
	struct stat info;

	return !(flags & O_CREAT) || fstatat(folder, path, &info, 0) == 0;
}

static int my_openat(int folder, const char *path, int flags, mode_t mode)
{
	NEXT(int, "openat64", int, const char *, int, ...)
	int existed = there(folder, path, flags);

	return opened(real(folder, path, flags, mode), flags, existed);
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & O_CREAT ? va_arg(args, mode_t) : 0;
}

#define OPEN(function, symbol)                                        \
	int function(const char *path, int flags, ...) NAMED(symbol); \
	int function(const char *path, int flags, ...)                \
	{                                                             \
		va_list args;                                         \
		mode_t mode;                                          \
                                                                      \
		va_start(args, flags);                                \
		mode = mode_of(flags, args);                          \
		va_end(args);                                         \
		return my_openat(AT_FDCWD, path, flags, mode);        \
	}
#define OPENAT(function, symbol)                                                  \
	int function(int folder, const char *path, int flags, ...) NAMED(symbol); \
	int function(int folder, const char *path, int flags, ...)                \
	{                                                                         \
		va_list args;                                                     \
		mode_t mode;                                                      \
                                                                                  \
		va_start(args, flags);                                            \
		mode = mode_of(flags, args);                                      \
		va_end(args);                                                     \
		return my_openat(folder, path, flags, mode);                      \
	}
OPEN(layer_open, open)
OPEN(layer_open64, open64)
OPEN(layer_open_2, __open_2)
OPEN(layer_open64_2, __open64_2)
OPENAT(layer_openat, openat)
OPENAT(layer_openat64, openat64)
OPENAT(layer_openat_2, __openat_2)
OPENAT(layer_openat64_2, __openat64_2)

int layer_close(int fd) NAMED(close);
int layer_close(int fd)
{
	NEXT(int, "close", int)

	pthread_mutex_lock(&lock);
	if (fd >= 0 && fd < FILES_MAX)
		by_fd[fd] = 0;
	pthread_mutex_unlock(&lock);
	return real(fd);
}

/* ---- bytes ---- */

static uint32_t id_at(int fd)
{
	return fd >= 0 && fd < FILES_MAX ? by_fd[fd] : 0;
}

static ssize_t written(int fd, const void *data, ssize_t size, off_t offset)
{
	if (size > 0)
		note('w', id_at(fd), (uint64_t)offset, data, (uint32_t)size);
	return size;
}

static ssize_t my_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	NEXT(ssize_t, "pwrite64", int, const void *, size_t, off_t)
	ssize_t done;

	if (!id_at(fd))
		return real(fd, data, size, offset);
	pthread_mutex_lock(&lock);
	done = written(fd, data, real(fd, data, size, offset), offset);
	pthread_mutex_unlock(&lock);
	return done;
}

ssize_t layer_pwrite(int fd, const void *data, size_t size, off_t offset) NAMED(pwrite);
ssize_t layer_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return my_pwrite(fd, data, size, offset);
}

ssize_t layer_pwrite64(int fd, const void *data, size_t size, off_t offset) NAMED(pwrite64);
ssize_t layer_pwrite64(int fd, const void *data, size_t size, off_t offset)
{
	return my_pwrite(fd, data, size, offset);
}

/* Where a write() goes: to the end with O_APPEND. */
static off_t place_of(int fd)
{
	struct stat info;

	if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &info) == 0)
		return info.st_size;
	return lseek(fd, 0, SEEK_CUR);
}

ssize_t layer_write(int fd, const void *data, size_t size) NAMED(write);
ssize_t layer_write(int fd, const void *data, size_t size)
{
	NEXT(ssize_t, "write", int, const void *, size_t)
	ssize_t done;
	off_t place;

	if (!id_at(fd))
		return real(fd, data, size);
	pthread_mutex_lock(&lock);
	place = place_of(fd);
	done = written(fd, data, real(fd, data, size), place);
	pthread_mutex_unlock(&lock);
	return done;
}

ssize_t layer_writev(int fd, const struct iovec *parts, int count) NAMED(writev);
ssize_t layer_writev(int fd, const struct iovec *parts, int count)
{
	NEXT(ssize_t, "writev", int, const struct iovec *, int)
	ssize_t done = 0;

	if (!id_at(fd))
		return real(fd, parts, count);
	for (int i = 0; i < count; i++) {
		ssize_t one = layer_write(fd, parts[i].iov_base, parts[i].iov_len);

		if (one < 0)
			return done ? done : one;
		done += one;
		if ((size_t)one < parts[i].iov_len)
			break;
	}
	return done;
}

static int my_ftruncate(int fd, off_t size)
{
	NEXT(int, "ftruncate64", int, off_t)
	int failed;

	pthread_mutex_lock(&lock);
	failed = real(fd, size);
	if (!failed && id_at(fd))
		note('t', id_at(fd), (uint64_t)size, NULL, 0);
	pthread_mutex_unlock(&lock);
	return failed;
}

int layer_ftruncate(int fd, off_t size) NAMED(ftruncate);
int layer_ftruncate(int fd, off_t size)
{
	return my_ftruncate(fd, size);
}

int layer_ftruncate64(int fd, off_t size) NAMED(ftruncate64);
int layer_ftruncate64(int fd, off_t size)
{
	return my_ftruncate(fd, size);
}

static int my_sync(int fd)
{
	char path[PATH_MAX];
	struct stat info;

	pthread_mutex_lock(&lock);
	if (id_at(fd))
		note('s', id_at(fd), 0, NULL, 0);
	else if (path_of_fd(fd, path) && is_ours(path) && fstat(fd, &info) == 0 &&
		 S_ISDIR(info.st_mode))
		note('d', 0, 0, path, (uint32_t)strlen(path));
	pthread_mutex_unlock(&lock);
	return 0;
}

int layer_fsync(int fd) NAMED(fsync);
int layer_fsync(int fd)
{
	return my_sync(fd);
}

int layer_fdatasync(int fd) NAMED(fdatasync);
int layer_fdatasync(int fd)
{
	return my_sync(fd);
}

/* ---- names ---- */

static int my_unlinkat(int folder, const char *name, int flags)
{
	NEXT(int, "unlinkat", int, const char *, int)
	char path[PATH_MAX];
	int failed;

	path_at(folder, name, path);
	pthread_mutex_lock(&lock);
	failed = real(folder, name, flags);
	if (!failed && is_ours(path))
		note('u', 0, 0, path, (uint32_t)strlen(path));
	pthread_mutex_unlock(&lock);
	return failed;
}

int layer_unlinkat(int folder, const char *name, int flags) NAMED(unlinkat);
int layer_unlinkat(int folder, const char *name, int flags)
{
	return my_unlinkat(folder, name, flags);
}

int layer_unlink(const char *name) NAMED(unlink);
int layer_unlink(const char *name)
{
	return my_unlinkat(AT_FDCWD, name, 0);
}

static int my_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	NEXT(int, "renameat", int, const char *, int, const char *)
	char both[2 * PATH_MAX];
	char path[PATH_MAX];
	size_t size;
	int failed;

	path_at(from_folder, from, both);
	size = strlen(both) + 1;
	path_at(to_folder, to, path);
	memcpy(both + size, path, strlen(path) + 1);
	pthread_mutex_lock(&lock);
	failed = real(from_folder, from, to_folder, to);
	if (!failed && is_ours(both))
		note('r', 0, 0, both, (uint32_t)(size + strlen(path)));
	pthread_mutex_unlock(&lock);
	return failed;
}

int layer_renameat(int from_folder, const char *from, int to_folder, const char *to)
	NAMED(renameat);
int layer_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	return my_renameat(from_folder, from, to_folder, to);
}

int layer_rename(const char *from, const char *to) NAMED(rename);
int layer_rename(const char *from, const char *to)
{
	return my_renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int layer_mkdir(const char *path, mode_t mode) NAMED(mkdir);
int layer_mkdir(const char *path, mode_t mode)
{
	NEXT(int, "mkdir", const char *, mode_t)
	int failed;

	pthread_mutex_lock(&lock);
	failed = real(path, mode);
	if (!failed && is_ours(path))
		note('m', 0, 0, path, (uint32_t)strlen(path));
	pthread_mutex_unlock(&lock);
	return failed;
}
