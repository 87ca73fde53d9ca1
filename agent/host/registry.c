// SPDX-License-Identifier: MIT
/*
 * Loads plugin files: who may write the file and its folder, whether it is a whole shared object,
 * a trial, dlopen() and the gate. Entries are allocated one by one, so that pointers to them stay.
 *
 * A file that was offered waits until a plugin is asked for that it may hold. Those that no pipeline
 * uses would cost every agent their libraries: libcrypto, libstdc++ and simdjson are 4 MB of RSS.
 *
 * Under a sanitizer files stay open at the end: a leak report needs the names in them.
 */
#include "host/registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/elf_check.h"
#include "host/plugin_gate.h"
#include "host/trial.h"

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEP_OPEN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEEP_OPEN 1
#endif
#endif
#ifndef KEEP_OPEN
#define KEEP_OPEN 0
#endif

/* An entry with the path it owns. */
struct loaded {
	struct registry_entry entry;
	struct stat file; /* as it was then; zero when it was never a file */
	char path[];
};

/* A file of a plugin folder that has not been loaded yet, and what it is called in there. */
struct offered {
	struct offered *next;
	const char *name;
	char path[];
};

struct registry {
	uint64_t limit_ns; /* for loading a stranger's file */
	struct loaded **loaded;
	size_t count;
	struct offered *offered; /* in the order of the folders and of the names */
	struct registry_refusal *refusals;
	size_t refusal_count;
	void **handles; /* of dlopen() */
	size_t handle_count;
};

const char *registry_kind_name(uint32_t kind)
{
	return kind == WEIR_INPUT    ? "input"
	       : kind == WEIR_FILTER ? "filter"
	       : kind == WEIR_OUTPUT ? "output"
				     : "plugin";
}

int registry_create(uint64_t load_limit_ns, struct registry **ret_registry,
		    struct weir_error *error)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the plugins");
	registry->limit_ns = load_limit_ns;
	*ret_registry = registry;
	return 0;
}

static struct offered *take_offered(struct offered **link)
{
	struct offered *file = *link;

	*link = file->next;
	return file;
}

void registry_destroy(struct registry *registry)
{
	if (!registry)
		return;
	for (size_t i = registry->count; i-- > 0;) {
		const struct registry_entry *entry = &registry->loaded[i]->entry;

		if (entry->started && WEIR_HAS(entry->plugin, plugin_stop) &&
		    entry->plugin->plugin_stop)
			entry->plugin->plugin_stop();
		free(registry->loaded[i]);
	}
	while (registry->offered)
		free(take_offered(&registry->offered));
	for (size_t i = registry->handle_count; i-- > 0;)
		if (!KEEP_OPEN)
			dlclose(registry->handles[i]);
	for (size_t i = 0; i < registry->refusal_count; i++) {
		free(registry->refusals[i].path);
		free(registry->refusals[i].why);
	}
	free(registry->loaded);
	free(registry->refusals);
	free(registry->handles);
	free(registry);
}

static const struct registry_entry *find_loaded(const struct registry *registry, uint32_t kind,
						const char *name)
{
	for (size_t i = 0; i < registry->count; i++) {
		const struct registry_entry *entry = &registry->loaded[i]->entry;

		if (entry->plugin->kind == kind && strcmp(entry->plugin->name, name) == 0)
			return entry;
	}
	return NULL;
}

size_t registry_count(const struct registry *registry)
{
	return registry->count;
}

const struct registry_entry *registry_at(const struct registry *registry, size_t index)
{
	return index < registry->count ? &registry->loaded[index]->entry : NULL;
}

size_t registry_refusal_count(const struct registry *registry)
{
	return registry->refusal_count;
}

const struct registry_refusal *registry_refusal_at(const struct registry *registry, size_t index)
{
	return index < registry->refusal_count ? &registry->refusals[index] : NULL;
}

int registry_start_plugin(struct registry *registry, const struct weir_plugin *plugin,
			  const struct weir_services *host, struct weir_error *error)
{
	for (size_t i = 0; i < registry->count; i++) {
		struct registry_entry *entry = &registry->loaded[i]->entry;
		int result;

		if (entry->plugin != plugin || entry->started)
			continue;
		result = WEIR_HAS(plugin, plugin_start) && plugin->plugin_start
				 ? plugin->plugin_start(host, error)
				 : 0;
		if (result)
			return result;
		entry->started = 1;
	}
	return 0;
}

static int refuse(struct registry *registry, const char *path, const struct weir_error *why,
		  struct weir_error *error)
{
	struct registry_refusal *grown = realloc(
		registry->refusals, (registry->refusal_count + 1) * sizeof(*registry->refusals));
	struct registry_refusal refusal = {strdup(path), strdup(why->text)};

	if (grown)
		registry->refusals = grown;
	if (!grown || !refusal.path || !refusal.why) {
		free(refusal.path);
		free(refusal.why);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the plugins");
	}
	registry->refusals[registry->refusal_count++] = refusal;
	return 0;
}

/* ---- taking up what a list offers ------------------------------------------------------------ */

static int add_plugin(struct registry *registry, const struct weir_plugin *plugin,
		      const struct weir_plugin_list *list, const char *path,
		      struct weir_error *error)
{
	size_t path_size = strlen(path) + 1;
	struct loaded *loaded = calloc(1, sizeof(*loaded) + path_size);
	struct loaded **grown =
		realloc(registry->loaded, (registry->count + 1) * sizeof(*registry->loaded));

	if (grown)
		registry->loaded = grown;
	if (!grown || !loaded) {
		free(loaded);
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the plugins");
	}
	memcpy(loaded->path, path, path_size);
	if (stat(path, &loaded->file))
		memset(&loaded->file, 0, sizeof(loaded->file));
	loaded->entry = (struct registry_entry){.plugin = plugin,
						.path = loaded->path,
						.abi_major = list->abi_major,
						.abi_minor = list->abi_minor};
	registry->loaded[registry->count++] = loaded;
	return 0;
}

static int gate(const struct registry *registry, const struct weir_plugin *plugin,
		struct weir_error *error)
{
	const struct registry_entry *known;
	int result = plugin_gate_plugin(plugin, error);

	if (result)
		return result;
	known = find_loaded(registry, plugin->kind, plugin->name);
	if (known)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"it offers the %s \"%s\", which %s offers already; keep one of the "
			"two files",
			registry_kind_name(plugin->kind), plugin->name, known->path);
	return 0;
}

int registry_add(struct registry *registry, const struct weir_plugin_list *list, const char *path,
		 struct weir_error *error)
{
	size_t before = registry->count;
	int result = plugin_gate_list(list, error);

	for (uint32_t i = 0; !result && i < list->count; i++) {
		result = gate(registry, list->plugins[i], error);
		if (!result)
			result = add_plugin(registry, list->plugins[i], list, path, error);
	}
	while (result && registry->count > before)
		free(registry->loaded[--registry->count]);
	return result;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Only root and the running user may be able to change what will run in this process. */
static int check_rights(const struct stat *status, const char *what, const char *path,
			struct weir_error *error)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"%s belongs to user %u, who could change what the agent runs; chown "
			"it to root: chown root '%s'",
			what, status->st_uid, path);
	if (status->st_mode & OTHERS_WRITE)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"%s can be written by others than its owner (mode %04o); take that "
			"away: chmod go-w '%s'",
			what, status->st_mode & 07777U, path);
	return 0;
}

static int unreadable(int number, struct weir_error *error)
{
	return weir_fail(error, WEIR_ERR_IO, "the folder cannot be read: %s", strerror(number));
}

static int check_folder(const char *path, struct weir_error *error)
{
	struct stat status;

	if (stat(path, &status))
		return unreadable(errno, error);
	return check_rights(&status, "the plugin folder", path, error);
}

static int check_folder_of(const char *path, struct weir_error *error)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	return check_folder(!slash ? "." : folder[0] ? folder : "/", error);
}

static int check_file(const char *path, const char *real_path, struct weir_error *error)
{
	struct stat status;
	int fd = open(real_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result;

	if (fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "it cannot be opened: %s", strerror(errno));
	if (fstat(fd, &status))
		result = weir_fail(error, WEIR_ERR_IO, "it cannot be read: %s", strerror(errno));
	else if (!S_ISREG(status.st_mode))
		result = weir_fail(error, WEIR_ERR_REFUSED,
				   "it is not a regular file; take it out of the plugin folder");
	else
		result = check_rights(&status, "it", path, error);
	if (!result)
		result = elf_check(fd, error);
	close(fd);
	return result;
}

int registry_check_file(const char *path, char *ret_real_path, struct weir_error *error)
{
	int result;

	ret_real_path[0] = '\0';
	if (access(path, F_OK) < 0 && readlink(path, ret_real_path, 1) < 0)
		return weir_fail(error, WEIR_ERR_IO, "it is not there: %s; check its name",
				 strerror(errno));
	if (!realpath(path, ret_real_path)) {
		result = errno;
		ret_real_path[0] = '\0';
		return weir_fail(error, WEIR_ERR_IO, "it leads nowhere: %s; remove it",
				 strerror(result));
	}
	/* The folder that a symlinked file really lies in decides over it as much as the link's. */
	result = check_folder_of(path, error);
	if (!result)
		result = check_folder_of(ret_real_path, error);
	return result ? result : check_file(path, ret_real_path, error);
}

static int keep_handle(struct registry *registry, void *handle, struct weir_error *error)
{
	void **grown = realloc(registry->handles,
			       (registry->handle_count + 1) * sizeof(*registry->handles));

	if (!grown)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the plugins");
	registry->handles = grown;
	registry->handles[registry->handle_count++] = handle;
	return 0;
}

static int open_object(struct registry *registry, const char *path, const char *real_path,
		       struct weir_error *error)
{
	const struct weir_plugin_list *list;
	void *handle = dlopen(real_path, RTLD_NOW | RTLD_LOCAL);
	int result;

	if (!handle)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"it cannot be loaded: %s; install what is missing, or build it again",
			dlerror());
	list = dlsym(handle, PLUGIN_LIST_SYMBOL);
	if (!list)
		result = weir_fail(error, WEIR_ERR_REFUSED,
				   "it has no symbol " PLUGIN_LIST_SYMBOL
				   ", so it is no Weir plugin; declare its "
				   "plugins with WEIR_PLUGINS()");
	else
		result = registry_add(registry, list, path, error);
	if (!result)
		result = keep_handle(registry, handle, error);
	if (result)
		dlclose(handle);
	return result;
}

/* With a limit, a stranger's file is tried first. */
static int load_file(struct registry *registry, const char *path, uint64_t limit_ns,
		     struct weir_error *error)
{
	char real_path[PATH_MAX];
	const size_t first = registry->count;
	int result = registry_check_file(path, real_path, error);
	int own = !result && trial_is_own(real_path);

	if (!result && !own && limit_ns)
		result = trial_load(real_path, limit_ns, error);
	if (!result)
		result = open_object(registry, path, real_path, error);
	for (size_t i = first; i < registry->count; i++)
		registry->loaded[i]->entry.own = own;
	return result;
}

int registry_load(struct registry *registry, const char *path, struct weir_error *error)
{
	return load_file(registry, path, 0, error);
}

static int ends_in_so(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return size > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + size - 3, ".so") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Loads one file, or keeps the reason why not. */
static int load_or_refuse(struct registry *registry, struct offered *take_file,
			  struct weir_error *error)
{
	struct weir_error why = {0};
	int result = 0;

	if (load_file(registry, take_file->path, registry->limit_ns, &why))
		result = refuse(registry, take_file->path, &why, error);
	free(take_file);
	return result;
}

static int offer_file(struct offered ***last, const char *dir, const char *name,
		      struct weir_error *error)
{
	size_t dir_size = strlen(dir), name_size = strlen(name) + 1;
	struct offered *file = malloc(sizeof(*file) + dir_size + 1 + name_size);

	if (!file)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the plugins");
	file->next = NULL;
	memcpy(file->path, dir, dir_size);
	file->path[dir_size] = '/';
	memcpy(file->path + dir_size + 1, name, name_size);
	file->name = file->path + dir_size + 1;
	**last = file;
	*last = &file->next;
	return 0;
}

/* Whether a loaded plugin came from there. The file may be another one by now. */
static const struct loaded *find_path(const struct registry *registry, const char *path)
{
	for (size_t i = 0; i < registry->count; i++)
		if (strcmp(registry->loaded[i]->path, path) == 0)
			return registry->loaded[i];
	return NULL;
}

static int has_changed(const struct loaded *loaded)
{
	struct stat now;

	return stat(loaded->path, &now) == 0 &&
	       (now.st_ino != loaded->file.st_ino || now.st_dev != loaded->file.st_dev ||
		now.st_mtim.tv_sec != loaded->file.st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != loaded->file.st_mtim.tv_nsec);
}

/* Offers a file, or says that the loaded one is another. */
static int offer_or_skip(struct registry *registry, struct offered ***last, const char *dir,
			 const char *name, struct weir_error *error)
{
	const struct loaded *loaded;
	char path[PATH_MAX];
	static const struct weir_error why = {
		.code = WEIR_ERR_STATE,
		.text = "it has changed since it was loaded; restart the agent to use the new one"};

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	loaded = find_path(registry, path);
	if (!loaded)
		return offer_file(last, dir, name, error);
	if (!has_changed(loaded))
		return 0;
	return refuse(registry, path, &why, error);
}

void registry_rescan(struct registry *registry)
{
	while (registry->offered)
		free(take_offered(&registry->offered));
	while (registry->refusal_count) {
		struct registry_refusal *refusal = &registry->refusals[--registry->refusal_count];

		free(refusal->path);
		free(refusal->why);
	}
}

int registry_offer_dir(struct registry *registry, const char *dir, struct weir_error *error)
{
	struct offered **last = &registry->offered;
	struct weir_error why = {0};
	struct dirent **names;
	int trusted;
	int result = 0;
	int count = scandir(dir, &names, ends_in_so, by_name);

	if (count < 0 && errno == ENOENT)
		return 0;
	while (*last)
		last = &(*last)->next;
	trusted = (count < 0 ? unreadable(errno, &why) : check_folder(dir, &why)) == 0;
	if (!trusted)
		result = refuse(registry, dir, &why, error);
	for (int i = 0; i < count; i++) {
		if (trusted && !result)
			result = offer_or_skip(registry, &last, dir, names[i]->d_name, error);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return result;
}

int registry_load_offered(struct registry *registry, struct weir_error *error)
{
	int result = 0;

	while (registry->offered && !result)
		result = load_or_refuse(registry, take_offered(&registry->offered), error);
	return result;
}

/* The files that are called KIND-NAME.so, the first good one of which is taken. */
static void load_named(struct registry *registry, uint32_t kind, const char *name,
		       struct weir_error *error)
{
	struct offered **link = &registry->offered;
	char wanted[NAME_MAX + 1];

	snprintf(wanted, sizeof(wanted), "%s-%s.so", registry_kind_name(kind), name);
	while (*link) {
		if (strcmp((*link)->name, wanted) != 0)
			link = &(*link)->next;
		else if (load_or_refuse(registry, take_offered(link), error))
			return;
	}
}

const struct registry_entry *registry_find(struct registry *registry, uint32_t kind,
					   const char *name)
{
	const struct registry_entry *entry = find_loaded(registry, kind, name);
	struct weir_error error; /* no memory: the plugin is not found */

	if (entry || !registry->offered)
		return entry;
	load_named(registry, kind, name, &error);
	entry = find_loaded(registry, kind, name);
	if (entry)
		return entry;
	registry_load_offered(registry, &error);
	return find_loaded(registry, kind, name);
}
