// SPDX-License-Identifier: MIT
/*
 * The input `tail`: follows files, and loses nothing when they are renamed, copied and truncated,
 * deleted or compressed.
 *
 *   tail.c       the plugin: options, life, timers
 *   survey.c     which files there are      (glob, walk, scan, opened, refusal, hold, known, adopt,
 *                                            legacy, rotated, moves, packed, sibling,
 *                                            lookalike, follow)
 *   watcher.c    what changed               (folder_table; the process's one inotify thread)
 *   catalog.c    the files of an instance   (table, groups, file, identity)
 *   reader.c     reads one file             (fill, mark, lines, multiline, encoding, compressed,
 *                                            note, ending, moved)
 *
 * Threads: workers run read(), serialised per file; the loop's thread runs timer(); the watcher's
 * thread scans, and start() the first time. Locks: see catalog.h.
 */
#include <limits.h>
#include <stdlib.h>
#include <weir/plugin.h>

#include "catalog.h"
#include "preview.h"
#include "hold.h"
#include "legacy.h"
#include "moves.h"
#include "reader.h"
#include "rotated.h"
#include "scan.h"
#include "survey.h"

static const char state_started[] = "started";

static struct weir_metric *counter(const struct catalog *catalog, const char *name,
				   const char *help)
{
	return catalog->host->metric(catalog->context, WEIR_METRIC_COUNTER, name, help);
}

static struct weir_metric *gauge(const struct catalog *catalog, const char *name, const char *help)
{
	return catalog->host->metric(catalog->context, WEIR_METRIC_GAUGE, name, help);
}

static void register_metrics(struct catalog *catalog)
{
	catalog->metrics = (struct catalog_metrics){
		.files = gauge(catalog, "files", "Files that are followed"),
		.open = gauge(catalog, "idle_open_files",
			      "Files read to their end whose descriptor is kept open"),
		.rotated = counter(catalog, "renames_total", "Files found under a new name"),
		.truncated = counter(catalog, "truncations_total", "Files found truncated"),
		.lost_bytes =
			counter(catalog, "lost_bytes_total",
				"Bytes seen in a file that was truncated or deleted before they "
				"could be read"),
		.long_lines = counter(catalog, "long_lines_total", "Lines longer than max_line"),
		.skipped_nul =
			counter(catalog, "skipped_nul_bytes_total", "NUL bytes of holes in files"),
		.unlinked_unread = gauge(catalog, "unlinked_unread_bytes",
					 "Unread bytes of files without a name"),
		.held = gauge(catalog, "held_files",
			      "1 while new files are held as possible copies"),
		.refused = counter(catalog, "unreadable_total",
				   "Files and folders that can't be read"),
		.faults = counter(catalog, "compressed_faults_total",
				  "Compressed files that are damaged or end in the middle"),
		.missed = counter(catalog, "missed_files_total",
				  "Files deleted or moved away before they could be looked at"),
	};
}

static void on_changed(void *user, const struct watcher_event *event)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/%s", event->folder[1] ? event->folder : "",
			      event->name);

	if (length > 0 && (size_t)length < sizeof(path))
		scan_name(user, path, event);
}

/* Every folder is watched before it is read: nothing is missed in between. */
static void on_rescan(void *user)
{
	struct catalog *catalog = user;

	if (catalog->appeared)
		survey_again(catalog);
	else
		survey_first(catalog);
}

static void on_settle(void *user)
{
	struct catalog *catalog = user;

	pthread_mutex_lock(&catalog->structure_lock);
	if (catalog->held)
		hold_settle(catalog);
	if (catalog->moves)
		moves_settle(catalog);
	pthread_mutex_unlock(&catalog->structure_lock);
}

static void on_say(void *user, uint32_t level, const char *code, const char *text)
{
	const struct catalog *catalog = user;

	catalog->host->log(catalog->context, level, code, weir_slice_of(text));
}

static void tail_destroy(void *instance)
{
	struct catalog *catalog = instance;

	if (!catalog)
		return;
	legacy_settle(catalog);
	catalog_done(catalog);
	tail_options_done(&catalog->options);
	free(catalog);
}

static int32_t tail_create(const struct weir_services *host, struct weir_context *context,
			   const struct weir_node *options, void **ret_instance,
			   struct weir_error *error)
{
	struct catalog *catalog = malloc(sizeof(*catalog));
	int status;

	if (!catalog)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for a tail input");
	catalog_init(catalog, host, context);
	status = tail_options_read(&catalog->options, options, error);
	if (status < 0) {
		tail_destroy(catalog);
		return status;
	}
	register_metrics(catalog);
	*ret_instance = catalog;
	return WEIR_OK;
}

static int is_first_run(const struct catalog *catalog)
{
	return catalog->host->state_get(catalog->context, weir_slice_of(state_started), NULL, 0) <
	       0;
}

/* Where files begin that are there and not known. */
static uint32_t place_of(const struct catalog *catalog, uint32_t flags)
{
	int first = is_first_run(catalog);

	if (flags & WEIR_START_BEGINNING)
		return SCAN_PLACE_BEGINNING;
	if (flags & WEIR_START_END)
		return SCAN_PLACE_END;
	if (!first || catalog->options.start_beginning)
		return SCAN_PLACE_BEGINNING;
	/* To ship what is there and begin at its end would ship nothing. */
	if ((flags & WEIR_START_ONCE) && !catalog->options.start_given)
		return SCAN_PLACE_BEGINNING;
	return SCAN_PLACE_END;
}

static int32_t watch(struct catalog *catalog, struct weir_error *error)
{
	catalog->watch = (struct watcher_client){
		.user = catalog,
		.changed = on_changed,
		.rescan = on_rescan,
		.settle = on_settle,
		.say = on_say,
	};
	atomic_store(&catalog->watching, 1);
	(void)catalog->host->timer_set(catalog->context, TIMER_RESCAN, catalog->options.rescan_ns);
	return watcher_add(&catalog->watch, error);
}

static void tell_if_nothing(struct catalog *catalog)
{
	uint32_t count;

	/* Workers read already, and may have come to a file's end. */
	pthread_mutex_lock(&catalog->lock);
	count = catalog->file_count;
	pthread_mutex_unlock(&catalog->lock);
	if (count == 0)
		weir_logf(catalog->host, catalog->context, WEIR_LOG_WARNING, "tail_no_match",
			  "no file matches %s%s yet; files are followed as soon as they appear",
			  catalog->options.paths.globs[0].pattern,
			  catalog->options.paths.count > 1 ? " (or the other patterns)" : "");
}

static int32_t tail_start(void *instance, uint32_t flags, struct weir_error *error)
{
	struct catalog *catalog = instance;
	int32_t status = WEIR_OK;

	catalog->once = flags & WEIR_START_ONCE;
	catalog->place = place_of(catalog, flags);
	catalog->resumed = !is_first_run(catalog);
	rotated_start(catalog, !catalog->resumed);
	if (catalog->once)
		survey_first(catalog);
	else
		status = watch(catalog, error);
	if (status < 0)
		return status;
	rotated_looked(catalog);
	tell_if_nothing(catalog);
	(void)catalog->host->state_set(catalog->context, weir_slice_of(state_started),
				       weir_slice_of("1"));
	return WEIR_OK;
}

static void tail_stop(void *instance)
{
	struct catalog *catalog = instance;

	atomic_store(&catalog->stopped, 1);
	rotated_stop(catalog);
	for (uint32_t id = TIMER_RESCAN; id <= TIMER_MOVES; id++)
		(void)catalog->host->timer_set(catalog->context, id, WEIR_TIMER_OFF);
	if (atomic_exchange(&catalog->watching, 0))
		watcher_remove(&catalog->watch);
	if (!catalog->once)
		legacy_leave(catalog);
}

static int32_t tail_read(void *instance, void *source_user, struct weir_batch *batch,
			 struct weir_error *error)
{
	return reader_read(instance, source_user, batch, error);
}

static void tail_closed(void *instance, void *source_user)
{
	catalog_forget(instance, source_user);
}

static void tail_timer(void *instance, uint32_t id)
{
	struct catalog *catalog = instance;

	if (atomic_load(&catalog->stopped))
		return;
	if (id == TIMER_DUE) {
		catalog_wake_due(catalog);
	} else if (id == TIMER_HELD || id == TIMER_MOVES) {
		watcher_poke(&catalog->watch, WATCHER_POKE_SETTLE);
	} else {
		watcher_poke(&catalog->watch, WATCHER_POKE_RESCAN);
		(void)catalog->host->timer_set(catalog->context, TIMER_RESCAN,
					       catalog->options.rescan_ns);
	}
}

static int32_t tail_plugin_start(const struct weir_services *host, struct weir_error *error)
{
	(void)host;
	(void)error;
	watcher_start();
	return WEIR_OK;
}

static void tail_plugin_stop(void)
{
	watcher_stop();
	legacy_done();
}

static int32_t tail_check(void *instance, struct weir_error *ret_warning)
{
	const struct catalog *catalog = instance;

	return preview(&catalog->options, ret_warning);
}

/* Only in a process that imports: nothing else runs in this instance. */
static int32_t tail_place(void *instance, struct weir_slice path, uint64_t position,
			  struct weir_error *error)
{
	struct catalog *catalog = instance;
	char text[PATH_MAX];
	int32_t status;

	if (path.size >= sizeof(text))
		return weir_fail(error, WEIR_ERR_INVALID, "the path is too long");
	memcpy(text, path.data, path.size);
	text[path.size] = '\0';
	/* From now on files that are not known are new ones, and read from their beginning. */
	(void)catalog->host->state_set(catalog->context, weir_slice_of(state_started),
				       weir_slice_of("1"));
	pthread_mutex_lock(&catalog->structure_lock);
	status = scan_place(catalog, text, position, error);
	pthread_mutex_unlock(&catalog->structure_lock);
	return status;
}

static void tail_fields(void *instance, struct weir_fields *fields)
{
	(void)instance;
	fields->add(fields, weir_slice_of("message"));
}

static const struct weir_input_ops ops = {
	.struct_size = sizeof(ops),
	.create = tail_create,
	.start = tail_start,
	.stop = tail_stop,
	.destroy = tail_destroy,
	.read = tail_read,
	.closed = tail_closed,
	.timer = tail_timer,
	.check = tail_check,
	.place = tail_place,
	.fields = tail_fields,
};

static const struct weir_plugin tail = {
	.struct_size = sizeof(tail),
	.kind = WEIR_INPUT,
	.name = "tail",
	.version = WEIR_VERSION,
	.summary = "Follow log files through rotation, compression and restarts",
	.options = tail_option_list,
	.input = &ops,
	.plugin_start = tail_plugin_start,
	.plugin_stop = tail_plugin_stop,
	.short_option = "paths",
};

static const struct weir_plugin *const plugins[] = {&tail};
WEIR_PLUGINS(plugins);
