// SPDX-License-Identifier: MIT
#include "host/trial.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "host/elf_image.h"

/* What the child exits with at the end; a plugin that exits by itself won't guess it. */
#define TRIAL_DONE 83
/* The word after the program's name by which it knows. */
#define TRIAL_COMMAND "trial"

extern char **environ;

static int has_mark(const void *bytes, size_t size)
{
	struct elf_image *elf;
	struct weir_error error;
	const char *mark;
	int has;

	if (elf_image_open(bytes, size, &elf, &error))
		return 0;
	mark = elf_image_soname(elf);
	has = mark && strcmp(mark, "weir-" WEIR_VERSION) == 0;
	elf_image_close(elf);
	return has;
}

int trial_is_own(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	void *bytes = MAP_FAILED;
	int own = 0;

	if (fd < 0)
		return 0;
	if (fstat(fd, &status) == 0)
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes != MAP_FAILED) {
		own = has_mark(bytes, (size_t)status.st_size);
		munmap(bytes, (size_t)status.st_size);
	}
	close(fd);
	return own;
}

/* The process has signals blocked and ignored; the child must not. Returns an errno. */
static int start_child(const char *path, pid_t *ret_pid)
{
	char *const arguments[] = {(char[]){"weir"}, (char[]){TRIAL_COMMAND},
				   (char *)(uintptr_t)path, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, standard;
	int failed;

	sigemptyset(&none);
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);
	sigaddset(&standard, SIGXFSZ);
	if (posix_spawnattr_init(&attributes))
		return ENOMEM;
	if (posix_spawn_file_actions_init(&files)) {
		posix_spawnattr_destroy(&attributes);
		return ENOMEM;
	}
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &standard);
	failed = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	for (int fd = STDOUT_FILENO; !failed && fd <= STDERR_FILENO; fd++)
		failed = posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, fd);
	if (!failed)
		failed = posix_spawn(ret_pid, "/proc/self/exe", &files, &attributes, arguments,
				     environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return failed;
}

int trial_is_child(int argc, char **argv)
{
	return argc == 3 && strcmp(argv[1], TRIAL_COMMAND) == 0;
}

int trial_child(char **argv)
{
	(void)dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
	_exit(TRIAL_DONE);
}

int trial_load(const char *path, uint64_t limit_ns, struct weir_error *error)
{
	int status = 0, in_time;
	pid_t child;

	if (start_child(path, &child))
		return 0;
	in_time = child_await(child, limit_ns);
	if (!in_time)
		(void)kill(child, SIGKILL);
	if (child_reap(child, &status) < 0 ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == TRIAL_DONE))
		return 0;
	if (!in_time)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "its code does not come back within %g s when it is loaded; "
				 "remove it, or install a version of it that works",
				 (double)limit_ns / (double)NS_PER_SECOND);
	if (WIFSIGNALED(status))
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "it crashes when it is loaded (%s); remove it, or install a "
				 "version of it that works",
				 strsignal(WTERMSIG(status)));
	return weir_fail(error, WEIR_ERR_REFUSED,
			 "it ends the process when it is loaded (exit status %d); remove it, or "
			 "install a version of it that works",
			 WEXITSTATUS(status));
}
