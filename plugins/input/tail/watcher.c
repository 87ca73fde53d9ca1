// SPDX-License-Identifier: MIT
/*
 * Watches are kept by (device, inode) of the folder, since the kernel gives one watch per inode
 * whatever the path, and the library's tables break when the same one is added twice. For the same
 * reason each watch is added under a spelling of the path that was never used before.
 *
 * The library can't be interrupted: a private file is watched too, and touching it wakes the thread.
 */
#include "watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <inotifytools/inotifytools.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder_table.h"

#define MASK_FOLDERS                                                                           \
	(IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | \
	 IN_ONLYDIR)
#define MASK_FILES (MASK_FOLDERS | IN_MODIFY | IN_ATTRIB)

static struct {
	pthread_t thread;
	pthread_mutex_t lock; /* guards clients, folders and the library */
	/* Those who use the library in place of the thread, which waits for them. */
	uint32_t guests;
	int parked;
	pthread_cond_t changed; /* one of these two */
	struct watcher_client *clients;
	struct folder_table folders;
	int running;
	int inotify; /* the library works */
	int limit_logged;
	_Atomic int stopping;
	_Atomic int clients_changed;
	int wake_fd;
	int wake_wd;
} watcher = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .wake_fd = -1};

/* ---- watches ------------------------------------------------------------------------------- */

static void watcher_say(uint32_t level, const char *code, const char *text)
{
	for (struct watcher_client *client = watcher.clients; client; client = client->next)
		client->say(client->user, level, code, text);
}

/* The path, written as it never was before: each bit of a counter is "./" or ".//". */
static int spell(const char *path, char *ret_spelled, size_t size)
{
	static uint64_t counter;
	int length = snprintf(ret_spelled, size, "%s/", path);

	if (length < 0 || (size_t)length + 3 * 64 >= size)
		return -1;
	for (uint64_t bits = ++counter; bits; bits >>= 1)
		length += sprintf(ret_spelled + length, "%s", bits & 1 ? ".//" : "./");
	return 0;
}

/* The watch descriptor, or -1 with errno. */
static int watch_add(const char *path, uint32_t mask)
{
	char spelled[PATH_MAX + 256];

	if (spell(path, spelled, sizeof(spelled)) < 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (!inotifytools_watch_file(spelled, (int)mask)) {
		errno = inotifytools_error();
		return -1;
	}
	return inotifytools_wd_from_filename(spelled);
}

static void watch_remove(struct folder *folder)
{
	if (folder->wd >= 0)
		(void)inotifytools_remove_watch_by_wd(folder->wd);
	folder_set_wd(&watcher.folders, folder, -1);
}

static void watch_refused(const char *path, int error)
{
	char text[PATH_MAX + 256];

	if (error != ENOSPC && error != ENOMEM)
		return; /* gone again, or not readable: the rescan sees to it */
	if (watcher.limit_logged++)
		return;
	(void)snprintf(
		text, sizeof(text),
		"can't watch %s: the limit of %d inotify watches is reached; raise sysctl "
		"fs.inotify.max_user_watches. Until then some files are only looked at every "
		"rescan_interval",
		path, inotifytools_get_max_user_watches());
	watcher_say(WEIR_LOG_WARNING, "tail_watch_limit", text);
}

/* What the kernel still has to tell of a watch that is replaced is lost. */
static void look_again(const struct folder *folder, const struct watcher_client *but)
{
	for (const struct folder_ref *ref = folder->refs; ref; ref = ref->next)
		if (ref->client != but)
			ref->client->rescan_wanted = 1;
}

void watcher_folder(struct watcher_client *client, const char *path, int files)
{
	struct stat status;
	struct folder *folder;
	int wd;

	if (!watcher.inotify || stat(path, &status) < 0)
		return;
	folder = folder_take(&watcher.folders, status.st_dev, status.st_ino);
	if (!folder || folder_want(folder, client, path, files, client->generation) < 0)
		return;
	files = folder_wants_files(folder);
	if (folder->wd >= 0 && folder->files >= files)
		return;
	if (folder->wd >= 0)
		look_again(folder, client);
	watch_remove(folder);
	wd = watch_add(path, files ? MASK_FILES : MASK_FOLDERS);
	if (wd < 0)
		watch_refused(path, errno);
	folder->files = files;
	if (wd >= 0 && folder_by_wd(&watcher.folders, wd) == NULL)
		folder_set_wd(&watcher.folders, folder, wd);
}

static void folder_sweep(struct folder *folder)
{
	if (folder->refs)
		return;
	watch_remove(folder);
	folder_free(&watcher.folders, folder);
}

/* ---- events -------------------------------------------------------------------------------- */

static int is_link(const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat status;
	int length = snprintf(path, sizeof(path), "%s/%s", folder, name);

	return length > 0 && (size_t)length < sizeof(path) && lstat(path, &status) == 0 &&
	       S_ISLNK(status.st_mode);
}

static struct watcher_event event_of(const struct inotify_event *event)
{
	return (struct watcher_event){
		.name = event->name,
		.what = event->mask & (IN_DELETE | IN_MOVED_FROM) ? WATCHER_LEFT
			: event->mask & IN_MODIFY                 ? WATCHER_MODIFIED
								  : WATCHER_APPEARED,
		.cookie = event->mask & (IN_MOVED_FROM | IN_MOVED_TO) ? event->cookie : 0,
		.is_new = (event->mask & (IN_CREATE | IN_MOVED_TO)) != 0,
	};
}

static void dispatch_file(const struct folder *folder, const struct inotify_event *inotify)
{
	struct watcher_event event = event_of(inotify);

	for (const struct folder_ref *ref = folder->refs; ref; ref = ref->next) {
		if (event.what == WATCHER_APPEARED && is_link(ref->path, event.name))
			ref->client->rescan_wanted = 1;
		event.folder = ref->path;
		event.files = 1;
		if (ref->files)
			ref->client->changed(ref->client->user, &event);
	}
	if (!folder->refs || !(event.is_new || event.what == WATCHER_LEFT))
		return;
	event.folder = folder->refs->path;
	event.files = 0;
	for (const struct watcher_client *client = watcher.clients; client; client = client->next)
		if (atomic_load(&client->tracks) && !folder_tells(folder, client))
			client->changed(client->user, &event);
}

static void dispatch(const struct inotify_event *event)
{
	struct folder *folder;

	if (event->mask & IN_Q_OVERFLOW) {
		watcher_say(WEIR_LOG_WARNING, "tail_overflow",
			    "the kernel's queue of file events overflowed: looking at everything "
			    "again. If this repeats, raise sysctl fs.inotify.max_queued_events");
		for (struct watcher_client *client = watcher.clients; client; client = client->next)
			client->rescan_wanted = 1;
		return;
	}
	folder = folder_by_wd(&watcher.folders, event->wd);
	if (!folder)
		return;
	if (event->len > 0 && !(event->mask & IN_ISDIR))
		dispatch_file(folder, event);
	else if (!(event->mask & IN_ATTRIB)) /* of the folder itself, which is no news */
		for (const struct folder_ref *ref = folder->refs; ref; ref = ref->next)
			ref->client->rescan_wanted = 1;
	if (event->mask & IN_IGNORED)
		folder_set_wd(&watcher.folders, folder, -1);
}

static void client_rescan(struct watcher_client *client)
{
	client->rescan_wanted = 0;
	client->generation++;
	client->rescan(client->user);
	folder_drop(&watcher.folders, client, client->generation);
}

static void settle(void)
{
	int rescanned = 0;

	for (struct watcher_client *client = watcher.clients; client; client = client->next) {
		uint32_t poked = atomic_exchange(&client->poked, 0);

		if (client->rescan_wanted || (poked & WATCHER_POKE_RESCAN)) {
			client_rescan(client);
			rescanned = 1;
		}
		client->settle(client->user);
	}
	if (rescanned || atomic_exchange(&watcher.clients_changed, 0))
		folder_each(&watcher.folders, folder_sweep);
}

/* Touching the private file is an event; without inotify the descriptor counts pokes. */
static void wake(void)
{
	const uint64_t one = 1;

	if (watcher.inotify)
		(void)futimens(watcher.wake_fd, NULL);
	else
		(void)!write(watcher.wake_fd, &one, sizeof(one));
}

/* The next event; NULL after a poke. */
static struct inotify_event *next_event(void)
{
	struct pollfd poked = {watcher.wake_fd, POLLIN, 0};
	struct inotify_event *event;
	uint64_t pokes;

	if (!watcher.inotify) {
		(void)poll(&poked, 1, -1);
		(void)!read(watcher.wake_fd, &pokes, sizeof(pokes));
		return NULL;
	}
	do {
		event = inotifytools_next_event(-1);
	} while (!event && !atomic_load(&watcher.stopping));
	return event && event->wd != watcher.wake_wd ? event : NULL;
}

static int rescan_is_wanted(void)
{
	int wanted = 0;

	for (const struct watcher_client *client = watcher.clients; client; client = client->next)
		wanted |= client->rescan_wanted != 0;
	return wanted;
}

/* Waits while guests use the library. Under the lock. */
static void park(void)
{
	while (watcher.guests) {
		watcher.parked = 1;
		pthread_cond_broadcast(&watcher.changed);
		pthread_cond_wait(&watcher.changed, &watcher.lock);
	}
	watcher.parked = 0;
}

/* Calls something that uses the library in place of the thread. Under the lock. */
static void be_guest(void (*call)(struct watcher_client *client), struct watcher_client *client)
{
	watcher.guests++;
	wake();
	while (!watcher.parked)
		pthread_cond_wait(&watcher.changed, &watcher.lock);
	call(client);
	watcher.guests--;
	pthread_cond_broadcast(&watcher.changed);
}

/* Rescans wait until the events before them are dealt with: a poke of our own marks the place in the
 * queue. */
static void *watcher_run(void *unused)
{
	int marked = 0;
	sigset_t all;

	(void)unused;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (!atomic_load(&watcher.stopping)) {
		struct inotify_event *event = next_event();

		pthread_mutex_lock(&watcher.lock);
		park();
		if (event) {
			dispatch(event);
			if (!marked && rescan_is_wanted()) {
				marked = 1;
				wake();
			}
		} else {
			marked = 0;
			settle();
		}
		pthread_mutex_unlock(&watcher.lock);
	}
	return NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */

/* Of memory: a folder on disk would outlive the processes that are killed. */
static int wake_file_make(void)
{
	char path[64];

	watcher.wake_fd = memfd_create("weir-wake", MFD_CLOEXEC);
	if (watcher.wake_fd < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", watcher.wake_fd);
	if (!inotifytools_watch_file(path, IN_ATTRIB))
		return -1;
	watcher.wake_wd = inotifytools_wd_from_filename(path);
	return watcher.wake_wd < 0 ? -1 : 0;
}

/* The library waits with select(), which takes descriptors below FD_SETSIZE only. */
static int descriptor_is_low(void)
{
	int probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int low = probe >= 0 && probe < FD_SETSIZE - 1;

	if (probe >= 0)
		(void)close(probe);
	return low;
}

void watcher_start(void)
{
	watcher.limit_logged = 0;
	watcher.wake_fd = -1;
	watcher.wake_wd = -1;
	atomic_store(&watcher.stopping, 0);
	watcher.inotify = descriptor_is_low() && inotifytools_initialize();
	if (watcher.inotify && wake_file_make() == 0)
		return;
	if (watcher.wake_fd >= 0)
		(void)close(watcher.wake_fd);
	watcher.inotify = 0;
	watcher.wake_wd = -1;
	watcher.wake_fd = eventfd(0, EFD_CLOEXEC);
}

void watcher_stop(void)
{
	if (watcher.running) {
		atomic_store(&watcher.stopping, 1);
		wake();
		(void)pthread_join(watcher.thread, NULL);
		watcher.running = 0;
	}
	folder_each(&watcher.folders, folder_sweep);
	inotifytools_cleanup();
	if (watcher.wake_fd >= 0)
		(void)close(watcher.wake_fd);
	watcher.wake_fd = -1;
}

int watcher_add(struct watcher_client *client, struct weir_error *error)
{
	client->generation = 0;
	atomic_store(&client->poked, 0);
	pthread_mutex_lock(&watcher.lock);
	if (!watcher.running) {
		int status = pthread_create(&watcher.thread, NULL, watcher_run, NULL);

		if (status != 0) {
			pthread_mutex_unlock(&watcher.lock);
			return weir_fail(error, WEIR_ERR_IO,
					 "can't start the thread that watches "
					 "files: %s",
					 strerror(status));
		}
		watcher.running = 1;
	}
	client->next = watcher.clients;
	watcher.clients = client;
	if (!watcher.inotify)
		client->say(client->user, WEIR_LOG_WARNING, "tail_no_inotify",
			    "no inotify: files are only looked at every rescan_interval. Raise "
			    "sysctl fs.inotify.max_user_instances");
	be_guest(client_rescan, client);
	pthread_mutex_unlock(&watcher.lock);
	return 0;
}

void watcher_remove(struct watcher_client *client)
{
	struct watcher_client **at = &watcher.clients;

	pthread_mutex_lock(&watcher.lock);
	while (*at && *at != client)
		at = &(*at)->next;
	if (*at) {
		*at = client->next;
		folder_drop(&watcher.folders, client, client->generation + 1);
		atomic_store(&watcher.clients_changed, 1);
	}
	pthread_mutex_unlock(&watcher.lock);
	wake();
}

void watcher_poke(struct watcher_client *client, uint32_t what)
{
	atomic_fetch_or(&client->poked, what);
	wake();
}
