// SPDX-License-Identifier: MIT
/*
 * Landlock allows what is listed and denies the rest, so everything at the root of the file system is
 * listed but for the folders that belong to the system's packages and to the kernel. A link there leads
 * into one of them (/vmlinuz into /boot), or into one that is listed for itself. A folder that is mounted
 * right there later is not listed: the agent must be started again to write to it.
 *
 * Version 2 is the first that lets files be renamed from folder to folder.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/parts.h"

#define NAME_TEXT 300 /* the longest name of a folder, and a slash */

/* From the kernel's <linux/landlock.h>, of which Debian 12's is older than version 3. */
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define VERSION_MIN 2
#define VERSION_TRUNCATE 3

#define WRITE_FILE (UINT64_C(1) << 1)
#define FOLDER_CHANGES (UINT64_C(0x1ff) << 4) /* remove and make entries of every kind */
#define REFER (UINT64_C(1) << 13)
#define TRUNCATE (UINT64_C(1) << 14)

struct ruleset {
	uint64_t handled_access_fs;
};

struct rule {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

static const char *const system_folders[] = {"usr",   "etc",   "boot",   "bin", "sbin", "lib",
					     "lib32", "lib64", "libx32", "sys", "proc", NULL};

static int is_system_folder(const char *name)
{
	for (size_t i = 0; system_folders[i]; i++)
		if (strcmp(name, system_folders[i]) == 0)
			return 1;
	return 0;
}

static int is_link(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

static int allow(int ruleset, const char *path, uint64_t access)
{
	struct rule rule = {access, open(path, O_PATH | O_CLOEXEC)};
	struct stat status;
	int result;

	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.allowed_access &= WRITE_FILE | TRUNCATE; /* all that a file can have */
	result = (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return result;
}

static int allow_all_but_the_system(int ruleset, uint64_t access)
{
	DIR *root = opendir("/");
	const struct dirent *entry;
	int result = root ? 0 : -1;

	while (!result && (entry = readdir(root))) {
		char path[NAME_TEXT];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    is_system_folder(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/%s", entry->d_name);
		if (is_link(path))
			continue;
		result = allow(ruleset, path, access);
	}
	if (root)
		closedir(root);
	return result ? result : allow(ruleset, "/usr/local", access);
}

const char *landlock_enter(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, (uint32_t)CREATE_RULESET_VERSION);
	struct ruleset attributes = {WRITE_FILE | FOLDER_CHANGES | REFER};
	const char *why = NULL;
	int ruleset;

	if (version < VERSION_MIN)
		return version < 0 && errno == EPERM ? "a filter of system calls forbids it"
						     : "the kernel does not have it, or an old one";
	if (version >= VERSION_TRUNCATE)
		attributes.handled_access_fs |= TRUNCATE;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (ruleset < 0)
		return "its rules could not be made";
	if (allow_all_but_the_system(ruleset, attributes.handled_access_fs))
		why = "its rules could not be made";
	else if (syscall(SYS_landlock_restrict_self, ruleset, 0))
		why = "the kernel did not take its rules";
	close(ruleset);
	return why;
}
