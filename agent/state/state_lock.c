// SPDX-License-Identifier: MIT
/*
 * The lock belongs to the open file description, not to the process: it is refused within one
 * process too, other descriptors of the file don't drop it, and the kernel releases it however the
 * agent dies. The process id in the file is only for the message.
 */
#include "state/state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/plugin.h>

static int lock_dir_create(const char *dir, struct weir_error *error)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno == ENOENT)
		return weir_fail(
			error, WEIR_ERR_NOT_FOUND,
			"can't make the state folder %s because the folder above it doesn't "
			"exist: make that one, or set state_dir to another folder",
			dir);
	return weir_fail(
		error, WEIR_ERR_IO,
		"can't make the state folder %s: %s; make it, owned by the user that runs weir",
		dir, strerror(errno));
}

static int lock_refused(const char *dir, int fd, struct weir_error *error)
{
	char text[32] = "";
	ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
	long pid = size > 0 ? strtol(text, NULL, 10) : 0;

	if (pid <= 0)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"the state folder %s is in use by another agent: stop that one, or give "
			"this one a state_dir of its own",
			dir);
	return weir_fail(
		error, WEIR_ERR_REFUSED,
		"the state folder %s is in use by process %ld: stop that agent, or give this one "
		"a state_dir of its own",
		dir, pid);
}

static void lock_sign(int fd)
{
	char text[32];
	int size = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	/* Without it (a full disk) the refusal just can't name the process. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)size, 0) < 0)
		errno = 0;
}

int state_lock_take(const char *dir, int *ret_fd, struct weir_error *error)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_MAX];
	int failed = lock_dir_create(dir, error);
	int fd;

	if (failed)
		return failed;
	if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path))
		return weir_fail(error, WEIR_ERR_INVALID, "the name of state_dir is too long");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return weir_fail(
			error, WEIR_ERR_IO,
			"can't write in the state folder %s: %s; give the user that runs weir "
			"write access to it, or set state_dir to another folder",
			dir, strerror(errno));
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		failed = errno == EAGAIN || errno == EACCES
				 ? lock_refused(dir, fd, error)
				 : weir_fail(error, WEIR_ERR_IO,
					     "can't lock the state folder %s: %s; put it on a "
					     "local disk",
					     dir, strerror(errno));
	if (failed) {
		close(fd);
		return failed;
	}
	lock_sign(fd);
	*ret_fd = fd;
	return 0;
}

int state_lock_owner(const char *dir, long *ret_pid, struct weir_error *error)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_MAX], text[32] = "";
	int fd, got = -1;
	ssize_t size = 0;

	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return weir_fail(error, WEIR_ERR_NOT_FOUND,
				 "no agent runs with the state folder %s; start it, or name its "
				 "weir.yaml by -c",
				 dir);
	if (fd >= 0)
		got = fcntl(fd, F_OFD_GETLK, &lock);
	if (got == 0)
		size = pread(fd, text, sizeof(text) - 1, 0);
	if (fd < 0 || got < 0)
		weir_fail(error, WEIR_ERR_IO,
			  "can't read %s: %s; ask as root or as the user that "
			  "runs the agent",
			  path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (got < 0)
		return WEIR_ERR_IO;
	*ret_pid = size > 0 ? strtol(text, NULL, 10) : 0;
	if (lock.l_type == F_UNLCK || *ret_pid <= 1)
		return weir_fail(error, WEIR_ERR_NOT_FOUND,
				 "no agent runs with the state folder %s; start it, or name its "
				 "weir.yaml by -c",
				 dir);
	return 0;
}

void state_lock_release(int fd)
{
	if (fd >= 0)
		close(fd);
}
