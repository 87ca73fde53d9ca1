// SPDX-License-Identifier: MIT
#include "catalog.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

void catalog_init(struct catalog *catalog, const struct weir_services *host,
		  struct weir_context *context)
{
	memset(catalog, 0, sizeof(*catalog));
	catalog->host = host;
	catalog->context = context;
	pthread_mutex_init(&catalog->structure_lock, NULL);
	pthread_mutex_init(&catalog->lock, NULL);
}

void catalog_done(struct catalog *catalog)
{
	struct file **lists[] = {&catalog->files, &catalog->ended};

	for (int i = 0; i < 2; i++)
		while (*lists[i]) {
			struct file *file = *lists[i];

			*lists[i] = file->next;
			file_free(file);
		}
	while (catalog->known) {
		struct known *known = catalog->known;

		catalog->known = known->next;
		free(known);
	}
	free(catalog->known_by_inode);
	while (catalog->held) {
		struct held *held = catalog->held;

		catalog->held = held->next;
		free(held);
	}
	pthread_mutex_destroy(&catalog->lock);
	pthread_mutex_destroy(&catalog->structure_lock);
}

/* ---- tables -------------------------------------------------------------------------------- */

/* ext4 numbers the files of each folder from a multiple of its group's size: the low bits of all
 * are much the same, and a plain remainder would put 100,000 files into some hundred buckets. */
uint32_t catalog_bucket(uint64_t inode)
{
	return (uint32_t)(inode * UINT64_C(0x9E3779B97F4A7C15) >> 32) % CATALOG_BUCKETS;
}

static struct file **inode_bucket(struct catalog *catalog, uint64_t inode)
{
	return &catalog->by_inode[catalog_bucket(inode)];
}

static struct file_name **name_bucket(struct catalog *catalog, const char *text)
{
	return &catalog->by_name[XXH3_64bits(text, strlen(text)) % CATALOG_BUCKETS];
}

struct file *catalog_by_inode_locked(const struct catalog *catalog, uint64_t device, uint64_t inode)
{
	struct file *file = catalog->by_inode[catalog_bucket(inode)];

	while (file && (file->identity.inode != inode || file->identity.device != device))
		file = file->next_by_inode;
	return file;
}

int catalog_has_inode(struct catalog *catalog, uint64_t inode)
{
	struct file *file;

	pthread_mutex_lock(&catalog->lock);
	file = *inode_bucket(catalog, inode);
	while (file && file->identity.inode != inode)
		file = file->next_by_inode;
	pthread_mutex_unlock(&catalog->lock);
	return file != NULL;
}

int catalog_has_file(struct catalog *catalog, const struct identity *identity)
{
	struct file *file;

	pthread_mutex_lock(&catalog->lock);
	file = catalog_by_inode_locked(catalog, identity->device, identity->inode);
	pthread_mutex_unlock(&catalog->lock);
	return file && identity_same_file(&file->identity, identity);
}

struct file_name *catalog_by_name_locked(const struct catalog *catalog, const char *path)
{
	struct file_name *name =
		catalog->by_name[XXH3_64bits(path, strlen(path)) % CATALOG_BUCKETS];

	while (name && strcmp(name->text, path) != 0)
		name = name->next;
	return name;
}

static void inode_insert(struct catalog *catalog, struct file *file)
{
	struct file **bucket = inode_bucket(catalog, file->identity.inode);

	file->next_by_inode = *bucket;
	*bucket = file;
	file->listed = 1;
}

static void inode_remove(struct catalog *catalog, struct file *file)
{
	struct file **at = inode_bucket(catalog, file->identity.inode);

	if (!file->listed)
		return;
	while (*at != file)
		at = &(*at)->next_by_inode;
	*at = file->next_by_inode;
	file->listed = 0;
}

static void name_insert(struct catalog *catalog, struct file_name *name)
{
	struct file_name **bucket = name_bucket(catalog, name->text);

	name->next = *bucket;
	*bucket = name;
}

static void name_remove(struct catalog *catalog, struct file_name *name)
{
	struct file_name **at = name_bucket(catalog, name->text);

	while (*at && *at != name)
		at = &(*at)->next;
	if (*at)
		*at = name->next;
}

static struct file_name *name_new(struct file *file, const char *text)
{
	size_t size = strlen(text) + 1;
	struct file_name *name = malloc(sizeof(*name) + size);

	if (!name)
		return NULL;
	name->next = NULL;
	name->file = file;
	memcpy(name->text, text, size);
	return name;
}

/* What the path leads to, if it is a symbolic link to a file. */
static struct file_name *target_new(struct file *file, const char *path)
{
	char target[PATH_MAX];
	struct stat status;

	if (lstat(path, &status) < 0 || !S_ISLNK(status.st_mode) || !realpath(path, target))
		return NULL;
	return name_new(file, target);
}

int catalog_name(struct catalog *catalog, struct file *file, const char *path)
{
	struct file_name *name = name_new(file, path);
	struct file_name *target = target_new(file, path);
	struct file_name *old[2];

	if (!name) {
		free(target);
		return WEIR_ERR_MEMORY;
	}
	pthread_mutex_lock(&catalog->lock);
	old[0] = file->path;
	old[1] = file->target;
	file->path = name;
	file->target = target;
	if (file->self) {
		for (int i = 0; i < 2; i++)
			if (old[i])
				name_remove(catalog, old[i]);
		name_insert(catalog, name);
		if (target)
			name_insert(catalog, target);
	}
	pthread_mutex_unlock(&catalog->lock);
	free(old[0]);
	free(old[1]);
	return 0;
}

static void list_insert(struct file **list, struct file *file)
{
	file->next = *list;
	if (file->next)
		file->next->self = &file->next;
	file->self = list;
	*list = file;
}

static void list_remove(struct file *file)
{
	*file->self = file->next;
	if (file->next)
		file->next->self = file->self;
}

static void add_locked(struct catalog *catalog, struct file *file)
{
	inode_insert(catalog, file);
	name_insert(catalog, file->path);
	if (file->target)
		name_insert(catalog, file->target);
	list_insert(&catalog->files, file);
	file->generation = catalog->generation;
	catalog->file_count++;
	catalog->host->metric_add(catalog->metrics.files, catalog->file_count);
}

static void idle_remove(struct catalog *catalog, struct file *file)
{
	if (!file->idle)
		return;
	*(file->idle_older ? &file->idle_older->idle_newer : &catalog->idle_oldest) =
		file->idle_newer;
	*(file->idle_newer ? &file->idle_newer->idle_older : &catalog->idle_newest) =
		file->idle_older;
	file->idle_older = file->idle_newer = NULL;
	file->idle = 0;
	catalog->idle_count--;
}

void catalog_add(struct catalog *catalog, struct file *file)
{
	pthread_mutex_lock(&catalog->lock);
	add_locked(catalog, file);
	pthread_mutex_unlock(&catalog->lock);
}

static void remove_structured(struct catalog *catalog, struct file *file)
{
	pthread_mutex_lock(&catalog->lock);
	if (file->self && !file->finished) {
		inode_remove(catalog, file);
		name_remove(catalog, file->path);
		if (file->target)
			name_remove(catalog, file->target);
		idle_remove(catalog, file);
		list_remove(file);
		list_insert(&catalog->ended, file);
		file->due_ns = 0;
		file->finished = 1;
		catalog->file_count--;
		catalog->host->metric_add(catalog->metrics.files, catalog->file_count);
	}
	pthread_mutex_unlock(&catalog->lock);
}

void catalog_remove(struct catalog *catalog, struct file *file)
{
	pthread_mutex_lock(&catalog->structure_lock);
	remove_structured(catalog, file);
	pthread_mutex_unlock(&catalog->structure_lock);
}

void catalog_unlist(struct catalog *catalog, struct file *file)
{
	pthread_mutex_lock(&catalog->lock);
	inode_remove(catalog, file);
	pthread_mutex_unlock(&catalog->lock);
}

void catalog_forget(struct catalog *catalog, struct file *file)
{
	pthread_mutex_lock(&catalog->structure_lock);
	catalog_forget_locked(catalog, file);
	pthread_mutex_unlock(&catalog->structure_lock);
}

void catalog_forget_locked(struct catalog *catalog, struct file *file)
{
	remove_structured(catalog, file);
	pthread_mutex_lock(&catalog->lock);
	if (file->self)
		list_remove(file);
	pthread_mutex_unlock(&catalog->lock);
	file_free(file);
}

void catalog_supersede(struct catalog *catalog, struct file *file, struct file *successor)
{
	pthread_mutex_lock(&catalog->lock);
	inode_remove(catalog, file);
	add_locked(catalog, successor);
	pthread_mutex_unlock(&catalog->lock);
}

int catalog_relocate(struct catalog *catalog, struct file *file, const struct identity *place,
		     const char *path)
{
	if (catalog_name(catalog, file, path) < 0)
		return WEIR_ERR_MEMORY;
	pthread_mutex_lock(&catalog->lock);
	inode_remove(catalog, file);
	file->identity.device = place->device;
	file->identity.inode = place->inode;
	file->identity.birth_ns = place->birth_ns;
	inode_insert(catalog, file);
	file->gone = 0;
	pthread_mutex_unlock(&catalog->lock);
	return 0;
}

void catalog_signal_locked(struct file *file, uint32_t signals)
{
	atomic_fetch_or(&file->signals, signals);
	if (file->source && !atomic_load(&file->catalog->stopped))
		file->catalog->host->source_ready(file->source);
}

/* ---- descriptors and alarms ------------------------------------------------------------------ */

/* A quarter of all descriptors at most, so that outputs and new files always get theirs. */
static void close_idle_locked(struct catalog *catalog)
{
	uint64_t most = file_descriptors_max() / 4;

	if (most > catalog->options.max_open)
		most = catalog->options.max_open;
	while (catalog->idle_count > most) {
		struct file *oldest = catalog->idle_oldest;

		idle_remove(catalog, oldest);
		catalog_signal_locked(oldest, FILE_CLOSE);
	}
}

void catalog_idle(struct catalog *catalog, struct file *file)
{
	pthread_mutex_lock(&catalog->lock);
	idle_remove(catalog, file);
	file->idle = 1;
	file->idle_older = catalog->idle_newest;
	*(file->idle_older ? &file->idle_older->idle_newer : &catalog->idle_oldest) = file;
	catalog->idle_newest = file;
	catalog->idle_count++;
	close_idle_locked(catalog);
	pthread_mutex_unlock(&catalog->lock);
}

void catalog_make_room(struct catalog *catalog)
{
	pthread_mutex_lock(&catalog->lock);
	if (catalog->options.max_open > catalog->idle_count / 2 + 1)
		catalog->options.max_open = catalog->idle_count / 2 + 1;
	close_idle_locked(catalog);
	pthread_mutex_unlock(&catalog->lock);
}

void catalog_busy(struct catalog *catalog, struct file *file)
{
	pthread_mutex_lock(&catalog->lock);
	idle_remove(catalog, file);
	pthread_mutex_unlock(&catalog->lock);
}

/* Sets the timer when this is earlier than what it is set to. */
static void arm_locked(struct catalog *catalog, uint64_t due_ns)
{
	uint64_t now = catalog->host->monotonic_ns();

	if (catalog->next_due_ns && catalog->next_due_ns <= due_ns)
		return;
	catalog->next_due_ns = due_ns;
	(void)catalog->host->timer_set(catalog->context, TIMER_DUE,
				       due_ns > now ? due_ns - now : 0);
}

void catalog_wake_at(struct catalog *catalog, struct file *file, uint64_t due_ns)
{
	pthread_mutex_lock(&catalog->lock);
	file->due_ns = due_ns;
	if (due_ns && !atomic_load(&catalog->stopped))
		arm_locked(catalog, due_ns);
	pthread_mutex_unlock(&catalog->lock);
}

void catalog_wake_due(struct catalog *catalog)
{
	uint64_t now = catalog->host->monotonic_ns();
	uint64_t next = 0;

	pthread_mutex_lock(&catalog->lock);
	catalog->next_due_ns = 0;
	for (struct file *file = catalog->files; file; file = file->next) {
		if (file->due_ns && file->due_ns <= now) {
			file->due_ns = 0;
			catalog_signal_locked(file, 0);
		} else if (file->due_ns && (!next || file->due_ns < next)) {
			next = file->due_ns;
		}
	}
	if (next)
		arm_locked(catalog, next);
	pthread_mutex_unlock(&catalog->lock);
}

char *catalog_path(struct catalog *catalog, const struct file *file)
{
	char *path;

	pthread_mutex_lock(&catalog->lock);
	path = strdup(file->path->text);
	pthread_mutex_unlock(&catalog->lock);
	return path;
}
