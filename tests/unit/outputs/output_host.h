// SPDX-License-Identifier: MIT
/*
 * A host for tests of one output: loads its .so as the agent does, hands it deliveries of lines, and
 * waits for outcomes, which may come from any thread.
 *
 * Encodings are the lines as they are, whatever the format; the spec that was asked for is kept.
 */
#ifndef OUTPUT_HOST_H
#define OUTPUT_HOST_H

#include <dlfcn.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <weir/plugin.h>

#define HOST_OPTIONS_MAX 16
#define HOST_DEADLINE_S 20

struct output_host;

/* One delivery with its batch, made of lines. */
struct weir_delivery {
	struct weir_delivery_view view;
	struct weir_batch batch;
	struct weir_encoding encoding;
	uint64_t selected[16];
	uint32_t starts[1025];
	char *data;
	struct output_host *host;
	int outcomes; /* records with one */
};

struct host_map {
	struct weir_node node;
	struct weir_slice keys[HOST_OPTIONS_MAX];
	struct weir_node values[HOST_OPTIONS_MAX];
	const struct weir_node *items[HOST_OPTIONS_MAX];
};

struct output_host {
	struct weir_services services;
	void *library;
	const struct weir_output_ops *operations;
	void *instance;
	int started;
	struct host_map options, rotate;
	char dir[64];
	char path[128];

	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t delivered;       /* records */
	uint32_t encode_failures; /* encode() fails this often */
	char stalled[1024];
	uint32_t stalls; /* times that a stall began */
	uint32_t logged;
	char log[1024];
	struct weir_encode_spec spec;
	int64_t now_ns; /* 0 = the real time */
};

static struct output_host *the_host; /* services without a context need it */

/* ---- services -------------------------------------------------------------------------------- */

static inline struct output_host *host_of(struct weir_context *context)
{
	return (struct output_host *)(void *)context;
}

static inline void host_log(struct weir_context *context, uint32_t level, const char *code,
			    struct weir_slice text)
{
	struct output_host *host = host_of(context);

	(void)level;
	pthread_mutex_lock(&host->lock);
	host->logged++;
	snprintf(host->log, sizeof(host->log), "%s %.*s", code, (int)text.size, text.data);
	pthread_mutex_unlock(&host->lock);
}

static inline struct weir_metric *host_metric(struct weir_context *context, uint32_t kind,
					      const char *name, const char *help)
{
	(void)kind;
	(void)name;
	(void)help;
	return (struct weir_metric *)(void *)context;
}

static inline void host_metric_add(struct weir_metric *metric, int64_t amount)
{
	(void)metric;
	(void)amount;
}

static inline int64_t host_wall_ns(void)
{
	struct timespec now;
	int64_t set;

	pthread_mutex_lock(&the_host->lock);
	set = the_host->now_ns;
	pthread_mutex_unlock(&the_host->lock);
	clock_gettime(CLOCK_REALTIME, &now);
	return set ? set : (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int32_t host_encode(struct weir_delivery *delivery,
				  const struct weir_encode_spec *spec,
				  const struct weir_encoding **ret_encoding)
{
	struct output_host *host = delivery->host;
	int failing;

	pthread_mutex_lock(&host->lock);
	host->spec = *spec;
	failing = host->encode_failures > 0;
	host->encode_failures -= failing;
	pthread_mutex_unlock(&host->lock);
	if (failing)
		return WEIR_ERR_MEMORY;
	*ret_encoding = &delivery->encoding;
	return WEIR_OK;
}

static inline void host_outcome(struct weir_delivery *delivery, const uint32_t *records,
				uint32_t count, uint32_t outcome, const char *reason,
				struct weir_slice text)
{
	struct output_host *host = delivery->host;

	(void)count;
	(void)reason;
	(void)text;
	pthread_mutex_lock(&host->lock);
	assert_null(records);
	assert_int_equal(outcome, WEIR_OUTCOME_DELIVERED);
	assert_int_equal(delivery->outcomes, 0);
	delivery->outcomes = (int)delivery->view.count;
	host->delivered += delivery->view.count;
	pthread_cond_broadcast(&host->changed);
	pthread_mutex_unlock(&host->lock);
	free(delivery->data); /* gone after its last outcome, as with the real host */
	free(delivery);
}

static inline void host_stalled(struct weir_context *context, struct weir_slice why)
{
	struct output_host *host = host_of(context);

	pthread_mutex_lock(&host->lock);
	host->stalls += why.size && !host->stalled[0];
	snprintf(host->stalled, sizeof(host->stalled), "%.*s", (int)why.size, why.data);
	pthread_cond_broadcast(&host->changed);
	pthread_mutex_unlock(&host->lock);
}

/* ---- options --------------------------------------------------------------------------------- */

static inline void option_add(struct host_map *map, const char *name, uint32_t type,
			      const char *text, int64_t number)
{
	uint32_t i = map->node.count++;

	map->node.struct_size = sizeof(map->node);
	map->node.type = WEIR_TYPE_MAP;
	map->node.keys = map->keys;
	map->node.items = map->items;
	map->keys[i] = weir_slice_of(name);
	map->values[i] = (struct weir_node){.struct_size = sizeof(struct weir_node),
					    .type = type,
					    .text = weir_slice_of(text),
					    .i64 = number};
	map->items[i] = &map->values[i];
}

static inline void option_text(struct output_host *host, const char *name, const char *text)
{
	option_add(&host->options, name, WEIR_TYPE_STRING, text, 0);
}

static inline void option_number(struct output_host *host, const char *name, int64_t number)
{
	option_add(&host->options, name, WEIR_TYPE_INT, "", number);
}

static inline void option_rotate(struct output_host *host, int64_t size, int64_t keep, int gzip)
{
	uint32_t i = host->options.node.count;

	option_add(&host->rotate, "size", WEIR_TYPE_SIZE, "", size);
	option_add(&host->rotate, "keep", WEIR_TYPE_INT, "", keep);
	option_add(&host->rotate, "gzip", WEIR_TYPE_BOOL, "", gzip);
	option_add(&host->options, "rotate", WEIR_TYPE_MAP, "", 0);
	host->options.items[i] = &host->rotate.node;
}

/* ---- the instance ---------------------------------------------------------------------------- */

static inline int host_remove(const char *path, const struct stat *info, int type, struct FTW *at)
{
	(void)info;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int host_create(void **user, const char *plugin)
{
	struct output_host *host = calloc(1, sizeof(*host));
	const struct weir_plugin_list *list;
	char path[512];

	snprintf(path, sizeof(path), "%s/output-%s.so", WEIR_PLUGIN_DIR, plugin);
	host->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	list = host->library ? dlsym(host->library, "weir_plugins") : NULL;
	if (!list) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	host->operations = list->plugins[0]->output;
	strcpy(host->dir, "/tmp/weir-output-XXXXXX");
	if (!mkdtemp(host->dir))
		return -1;
	snprintf(host->path, sizeof(host->path), "%s/out", host->dir);
	pthread_mutex_init(&host->lock, NULL);
	pthread_cond_init(&host->changed, NULL);
	host->services = (struct weir_services){
		.struct_size = sizeof(host->services),
		.abi_major = WEIR_ABI_MAJOR,
		.abi_minor = WEIR_ABI_MINOR,
		.log = host_log,
		.metric = host_metric,
		.metric_add = host_metric_add,
		.wall_ns = host_wall_ns,
		.outcome = host_outcome,
		.encode = host_encode,
		.output_stalled = host_stalled,
	};
	the_host = host;
	*user = host;
	return 0;
}

static inline void host_stop(struct output_host *host)
{
	if (host->started)
		host->operations->stop(host->instance);
	if (host->instance)
		host->operations->destroy(host->instance);
	host->started = 0;
	host->instance = NULL;
}

static inline int host_destroy(void **user)
{
	struct output_host *host = *user;

	host_stop(host);
	dlclose(host->library);
	nftw(host->dir, host_remove, 8, FTW_DEPTH | FTW_PHYS);
	pthread_cond_destroy(&host->changed);
	pthread_mutex_destroy(&host->lock);
	free(host);
	return 0;
}

static inline int32_t host_try(struct output_host *host, struct weir_error *error)
{
	int32_t failed;

	memset(error, 0, sizeof(*error));
	failed = host->operations->create(&host->services, (struct weir_context *)(void *)host,
					  &host->options.node, &host->instance, error);
	if (!failed && host->operations->start)
		failed = host->operations->start(host->instance, error);
	host->started = !failed;
	return failed;
}

static inline void host_start(struct output_host *host)
{
	struct weir_error error;

	if (host_try(host, &error) != WEIR_OK)
		fail_msg("%s", error.text);
}

/* A delivery of `count` lines (at most 1024), "PREFIX NUMBER" from `first` on, padded to `width`;
 * the instance gets those whose bit is set in `mask`, repeated every 64. */
static inline struct weir_delivery *host_lines(struct output_host *host, const char *prefix,
					       uint32_t first, uint32_t count, int width,
					       uint64_t mask)
{
	struct weir_delivery *delivery = calloc(1, sizeof(*delivery));
	size_t room = (size_t)count * ((size_t)width + strlen(prefix) + 16), size = 0;

	delivery->host = host;
	delivery->data = malloc(room);
	for (uint32_t i = 0; i < count; i++) {
		delivery->starts[i] = (uint32_t)size;
		size += (size_t)snprintf(delivery->data + size, room - size, "%s %*u\n", prefix,
					 width, first + i);
		if (mask >> (i & 63) & 1) {
			delivery->selected[i >> 6] |= UINT64_C(1) << (i & 63);
			delivery->view.count++;
		}
	}
	delivery->starts[count] = (uint32_t)size;
	delivery->batch.struct_size = sizeof(delivery->batch);
	delivery->batch.record_count = count;
	delivery->encoding = (struct weir_encoding){sizeof(delivery->encoding), count,
						    delivery->data, delivery->starts};
	delivery->view.struct_size = sizeof(delivery->view);
	delivery->view.batch = &delivery->batch;
	delivery->view.selected = delivery->selected;
	delivery->view.handle = delivery;
	return delivery;
}

static inline void host_write(struct output_host *host, const char *prefix, uint32_t first,
			      uint32_t count)
{
	host->operations->write(host->instance,
				&host_lines(host, prefix, first, count, 1, UINT64_MAX)->view);
}

static inline uint32_t delivered_now(struct output_host *host)
{
	uint32_t delivered;

	pthread_mutex_lock(&host->lock);
	delivered = host->delivered;
	pthread_mutex_unlock(&host->lock);
	return delivered;
}

/* Waits until that many records in all have an outcome. */
static inline void await_delivered(struct output_host *host, uint32_t records)
{
	struct timespec until;
	uint32_t delivered;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HOST_DEADLINE_S;
	pthread_mutex_lock(&host->lock);
	while (host->delivered < records &&
	       pthread_cond_timedwait(&host->changed, &host->lock, &until) == 0)
		;
	delivered = host->delivered;
	pthread_mutex_unlock(&host->lock);
	assert_int_equal(delivered, records);
}

/* Waits for a stall whose text holds `word`, or ("") for the end of one. */
static inline void await_stall(struct output_host *host, const char *word)
{
	struct timespec until;
	char stalled[1024];

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HOST_DEADLINE_S;
	pthread_mutex_lock(&host->lock);
	while ((word[0] ? !strstr(host->stalled, word) : host->stalled[0]) &&
	       pthread_cond_timedwait(&host->changed, &host->lock, &until) == 0)
		;
	memcpy(stalled, host->stalled, sizeof(stalled));
	pthread_mutex_unlock(&host->lock);
	if (word[0] ? !strstr(stalled, word) : stalled[0])
		fail_msg("stall is \"%s\", expected \"%s\"", stalled, word);
}

/* The whole file, NUL-terminated, to be freed; NULL when it isn't there. */
static inline char *file_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t capacity = 0;
	ssize_t size;

	if (!file)
		return NULL;
	size = getdelim(&text, &capacity, '\0', file);
	if (size < 0)
		text[0] = '\0';
	fclose(file);
	return text;
}

static inline void assert_file(const char *path, const char *expected)
{
	char *text = file_text(path);

	if (!text)
		fail_msg("%s is missing", path);
	assert_string_equal(text, expected);
	free(text);
}

static inline void file_put(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#endif
