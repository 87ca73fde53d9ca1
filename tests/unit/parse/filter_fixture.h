// SPDX-License-Identifier: MIT
/* The filter parse, loaded as the host loads it, with a mock host around it. */
#ifndef FILTER_FIXTURE_H
#define FILTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dlfcn.h>

#include "mock_host.h"
#include "mock_options.h"

struct fixture {
	struct mock_host host;
	struct mock_pool pool;
	const struct weir_filter_ops *ops;
	void *instance;
};

static inline const struct weir_plugin *plugin(void)
{
	void *library = dlopen(WEIR_PLUGIN_DIR "/filter-parse.so", RTLD_NOW | RTLD_LOCAL);
	const struct weir_plugin_list *list;

	if (!library)
		fail_msg("%s", dlerror());
	list = dlsym(library, "weir_plugins");
	assert_non_null(list);
	return list->plugins[0];
}

static inline int create(struct fixture *f, const char *options, struct weir_error *error)
{
	memset(f, 0, sizeof(*f));
	mock_host_create(&f->host);
	f->ops = plugin()->filter;
	return f->ops->create(&f->host.services, mock_context(&f->host),
			      mock_options(&f->pool, plugin()->options, options), &f->instance,
			      error);
}

static inline void start(struct fixture *f, const char *options)
{
	struct weir_error error = {.code = 0};

	if (create(f, options, &error) != WEIR_OK)
		fail_msg("%s", error.text);
}

static inline void done(struct fixture *f)
{
	f->ops->destroy(f->instance);
	mock_host_destroy(&f->host);
	mock_pool_free(&f->pool);
}

static inline struct weir_batch *process(struct fixture *f, const char *lines)
{
	struct weir_batch *batch = mock_batch_lines(&f->host, weir_slice_of(lines), 0);
	struct weir_error error = {.code = 0};

	if (f->ops->process(f->instance, batch, &error) != WEIR_OK)
		fail_msg("%s", error.text);
	return batch;
}

#endif
