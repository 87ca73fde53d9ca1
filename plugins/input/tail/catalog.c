// SPDX-License-Identifier: MIT
#include "catalog.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "known.h"
#include "moves.h"

static struct file *file_of(const struct table_link *by_inode)
{
	return (struct file *)((uintptr_t)by_inode - offsetof(struct file, by_inode));
}

static uint64_t inode_hash(const struct table_link *by_inode)
{
	return table_hash(file_of(by_inode)->identity.inode);
}

static struct file_name *name_of(const struct table_link *by_text)
{
	return (struct file_name *)(uintptr_t)by_text;
}

static uint64_t text_hash(const char *text)
{
	return XXH3_64bits(text, strlen(text));
}

static uint64_t name_hash(const struct table_link *by_text)
{
	return text_hash(name_of(by_text)->text);
}

void catalog_init(struct catalog *catalog, const struct weir_services *host,
		  struct weir_context *context)
{
	memset(catalog, 0, sizeof(*catalog));
	catalog->host = host;
	catalog->context = context;
	table_init(&catalog->by_inode, inode_hash);
	table_init(&catalog->by_name, name_hash);
	known_init(catalog);
	atomic_store(&catalog->descriptors_max, UINT64_MAX);
	catalog_look_at_limit(catalog);
	pthread_mutex_init(&catalog->structure_lock, NULL);
	pthread_mutex_init(&catalog->lock, NULL);
}

/* ---- tables -------------------------------------------------------------------------------- */

struct file *catalog_by_inode_locked(const struct catalog *catalog, uint64_t device, uint64_t inode)
{
	struct table_link *link = table_find(&catalog->by_inode, table_hash(inode));

	while (link &&
	       (file_of(link)->identity.inode != inode || file_of(link)->identity.device != device))
		link = link->next;
	return link ? file_of(link) : NULL;
}

int catalog_has_inode(struct catalog *catalog, uint64_t inode)
{
	struct table_link *link;

	pthread_mutex_lock(&catalog->lock);
	link = table_find(&catalog->by_inode, table_hash(inode));
	while (link && file_of(link)->identity.inode != inode)
		link = link->next;
	pthread_mutex_unlock(&catalog->lock);
	return link != NULL;
}

int catalog_has_file(struct catalog *catalog, const struct identity *identity)
{
	struct file *file;

	pthread_mutex_lock(&catalog->lock);
	file = catalog_by_inode_locked(catalog, identity->device, identity->inode);
	pthread_mutex_unlock(&catalog->lock);
	return file && identity_same_file(&file->identity, identity);
}

static struct file_name *name_from(const struct table_link *link, const char *text)
{
	while (link && strcmp(name_of(link)->text, text) != 0)
		link = link->next;
	return link ? name_of(link) : NULL;
}

struct file_name *catalog_by_name_locked(const struct catalog *catalog, const char *path)
{
	return name_from(table_find(&catalog->by_name, text_hash(path)), path);
}

struct file_name *catalog_same_name_locked(const struct file_name *name)
{
	return name_from(name->by_text.next, name->text);
}

static void lookalike_insert(struct catalog *catalog, struct file *file)
{
	if (catalog->lookalikes)
		file->lookalike = lookalikes_add(catalog->lookalikes, &file->identity,
						 file->path->text, file);
}

static void lookalike_remove(struct catalog *catalog, struct file *file)
{
	lookalikes_remove(catalog->lookalikes, file->lookalike);
	file->lookalike = NULL;
}

static void inode_insert(struct catalog *catalog, struct file *file)
{
	table_insert(&catalog->by_inode, &file->by_inode);
	file->listed = 1;
	lookalike_insert(catalog, file);
}

static void inode_remove(struct catalog *catalog, struct file *file)
{
	if (!file->listed)
		return;
	table_remove(&catalog->by_inode, &file->by_inode);
	file->listed = 0;
	lookalike_remove(catalog, file);
}

static void name_insert(struct catalog *catalog, struct file_name *name)
{
	table_insert(&catalog->by_name, &name->by_text);
}

static void name_remove(struct catalog *catalog, struct file_name *name)
{
	table_remove(&catalog->by_name, &name->by_text);
}

static struct file_name *name_new(struct file *file, const char *text)
{
	size_t size = strlen(text) + 1;
	struct file_name *name = malloc(sizeof(*name) + size);

	if (!name)
		return NULL;
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

int catalog_name(struct catalog *catalog, struct file *file, const char *path, int may_be_link)
{
	struct file_name *name = name_new(file, path);
	struct file_name *target = may_be_link ? target_new(file, path) : NULL;
	struct file_name *old[2];

	if (!name) {
		free(target);
		return WEIR_ERR_MEMORY;
	}
	pthread_mutex_lock(&catalog->lock);
	old[0] = file->path;
	old[1] = file->target;
	lookalike_remove(catalog, file);
	file->path = name;
	file->target = target;
	if (file->listed)
		lookalike_insert(catalog, file);
	if (file->self && !file->finished) {
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
	catalog->host->metric_add(catalog->metrics.open, catalog->idle_count);
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
	if (atomic_load(&catalog->watching))
		moves_ended(catalog, file);
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

void catalog_set_head(struct catalog *catalog, struct file *file, const struct identity *head)
{
	pthread_mutex_lock(&catalog->lock);
	lookalike_remove(catalog, file);
	file->identity.head = head->head;
	file->identity.head_size = head->head_size;
	if (file->listed)
		lookalike_insert(catalog, file);
	pthread_mutex_unlock(&catalog->lock);
}

static struct file *file_before(const struct catalog *catalog, const struct file *file)
{
	return file->self == &catalog->files
		       ? NULL
		       : (struct file *)((uintptr_t)file->self - offsetof(struct file, next));
}

/* The oldest go in first, as they would have if it had been there. */
struct lookalikes *catalog_lookalikes_locked(struct catalog *catalog)
{
	struct file *file = catalog->files;

	catalog->lookalikes_asked = 1;
	if (catalog->lookalikes)
		return catalog->lookalikes;
	catalog->lookalikes = lookalikes_create();
	while (file && file->next)
		file = file->next;
	for (; file; file = file_before(catalog, file))
		if (file->listed)
			lookalike_insert(catalog, file);
	return catalog->lookalikes;
}

static void lookalikes_drop(struct catalog *catalog)
{
	for (struct file *file = catalog->files; file && catalog->lookalikes; file = file->next)
		lookalike_remove(catalog, file);
	lookalikes_free(catalog->lookalikes);
	catalog->lookalikes = NULL;
}

void catalog_rest_lookalikes(struct catalog *catalog)
{
	pthread_mutex_lock(&catalog->lock);
	if (!catalog->lookalikes_asked)
		lookalikes_drop(catalog);
	catalog->lookalikes_asked = 0;
	pthread_mutex_unlock(&catalog->lock);
}

void catalog_done(struct catalog *catalog)
{
	struct file **lists[] = {&catalog->files, &catalog->ended};

	lookalikes_drop(catalog);
	for (int i = 0; i < 2; i++)
		while (*lists[i]) {
			struct file *file = *lists[i];

			*lists[i] = file->next;
			file_free(file);
		}
	while (catalog->known) {
		struct known *known = catalog->known;

		catalog->known = known->next;
		lookalikes_remove(catalog->known_alike, known->lookalike);
		free(known);
	}
	lookalikes_free(catalog->known_alike);
	table_done(&catalog->known_by_inode);
	table_done(&catalog->by_inode);
	table_done(&catalog->by_name);
	while (catalog->held) {
		struct held *held = catalog->held;

		catalog->held = held->next;
		free(held);
	}
	moves_done(catalog);
	pthread_mutex_destroy(&catalog->lock);
	pthread_mutex_destroy(&catalog->structure_lock);
}

int catalog_relocate(struct catalog *catalog, struct file *file, const struct identity *place,
		     const char *path)
{
	if (catalog_name(catalog, file, path, 1) < 0)
		return WEIR_ERR_MEMORY;
	pthread_mutex_lock(&catalog->lock);
	inode_remove(catalog, file);
	file->identity.device = place->device;
	file->identity.inode = place->inode;
	file->identity.birth_ns = place->birth_ns;
	inode_insert(catalog, file);
	file->gone = file->told_gone = 0;
	pthread_mutex_unlock(&catalog->lock);
	return 0;
}

void catalog_signal_locked(struct file *file, uint32_t signals)
{
	atomic_fetch_or(&file->signals, signals);
	if (file->source && !atomic_load(&file->catalog->stopped))
		file->catalog->host->source_ready(file->source);
}

static void wake_gathered(struct catalog *catalog)
{
	pthread_mutex_lock(&catalog->lock);
	for (uint32_t i = 0; i < catalog->gathered_count; i++)
		catalog_signal_locked(catalog->gathered[i], 0);
	pthread_mutex_unlock(&catalog->lock);
	catalog->gathered_count = 0;
}

void catalog_wake(struct catalog *catalog, struct file *file)
{
	/* None of them goes before the structure lock is given back: that takes this lock. */
	catalog->gathered[catalog->gathered_count++] = file;
	if (!catalog->gathering || catalog->gathered_count == CATALOG_GATHER)
		wake_gathered(catalog);
}

void catalog_gather_begin(struct catalog *catalog)
{
	catalog->gathering = 1;
}

void catalog_gather_end(struct catalog *catalog)
{
	catalog->gathering = 0;
	wake_gathered(catalog);
}

/* ---- descriptors and alarms ------------------------------------------------------------------ */

void catalog_look_at_limit(struct catalog *catalog)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		atomic_store(&catalog->descriptors_max, limit.rlim_cur);
}

/* A quarter of all descriptors at most, so that outputs and new files always get theirs. */
static uint64_t idle_most(const struct catalog *catalog)
{
	uint64_t most = atomic_load(&catalog->descriptors_max) / 4;

	return most < catalog->options.max_open ? most : catalog->options.max_open;
}

/* The oldest idle file of those that are too many, at its turn and off the list; NULL when there is
 * none. One that is being read closes its descriptor itself. Whoever has the turn of an idle file
 * keeps it from ending, and so from being freed. */
static struct file *take_oldest(struct catalog *catalog)
{
	struct file *oldest = NULL;

	pthread_mutex_lock(&catalog->lock);
	while (!oldest && catalog->idle_count > idle_most(catalog)) {
		oldest = catalog->idle_oldest;
		idle_remove(catalog, oldest);
		if (!file_try_turn(oldest)) {
			catalog_signal_locked(oldest, FILE_CLOSE);
			oldest = NULL;
		}
	}
	pthread_mutex_unlock(&catalog->lock);
	return oldest;
}

static void close_idle(struct catalog *catalog)
{
	struct file *file;

	while ((file = take_oldest(catalog))) {
		if (file_may_rest(file)) {
			(void)close(file->fd);
			file->fd = -1;
		} else {
			pthread_mutex_lock(&catalog->lock);
			catalog_signal_locked(file, FILE_CLOSE);
			pthread_mutex_unlock(&catalog->lock);
		}
		file_leave_turn(file);
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
	catalog->host->metric_add(catalog->metrics.open, catalog->idle_count);
	pthread_mutex_unlock(&catalog->lock);
	close_idle(catalog);
}

void catalog_make_room(struct catalog *catalog)
{
	catalog_look_at_limit(catalog);
	pthread_mutex_lock(&catalog->lock);
	if (catalog->options.max_open > catalog->idle_count / 2 + 1)
		catalog->options.max_open = catalog->idle_count / 2 + 1;
	pthread_mutex_unlock(&catalog->lock);
	close_idle(catalog);
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
