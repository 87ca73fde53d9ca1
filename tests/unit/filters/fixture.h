// SPDX-License-Identifier: MIT
/* A filter's .so on the mock host: options as JSON in, records as JSON out. */
#ifndef FILTERS_FIXTURE_H
#define FILTERS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>

#include "batch/json.h"
#include "expr/expr.h"
#include "mock_options.h"
#include "one_record.h"

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

struct filter {
	struct mock_host host;
	struct mock_pool pool;
	const struct weir_plugin *plugin;
	void *instance;
	struct weir_error error;
	struct weir_batch *batch;
	char json[4096];
};

/* Loads the plugin and makes an instance; returns what create() answered. */
static inline int filter_try(struct filter *f, const char *name, const char *options)
{
	const struct weir_plugin_list *list;
	char path[4096];
	void *library;

	memset(f, 0, sizeof(*f));
	mock_host_create(&f->host);
	f->host.services.expr_compile = expr_compile;
	f->host.services.expr_select = expr_select;
	f->host.services.expr_text = expr_text;
	f->host.services.expr_value = expr_value;
	f->host.services.expr_free = expr_free;
	(void)snprintf(path, sizeof(path), "%s/filter-%s.so", WEIR_PLUGIN_DIR, name);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		fail_msg("%s", dlerror());
	list = dlsym(library, "weir_plugins");
	assert_non_null(list);
	f->plugin = list->plugins[0];
	return f->plugin->filter->create(&f->host.services, mock_context(&f->host),
					 mock_options(&f->pool, f->plugin->options, options),
					 &f->instance, &f->error);
}

static inline void filter_create(struct filter *f, const char *name, const char *options)
{
	if (filter_try(f, name, options) != WEIR_OK)
		fail_msg("%s", f->error.text);
}

static inline void filter_process(struct filter *f)
{
	if (f->plugin->filter->process(f->instance, f->batch, &f->error) != WEIR_OK)
		fail_msg("%s", f->error.text);
}

/* A new batch, processed. */
static inline void filter_run(struct filter *f, const struct test_field *fields, uint32_t count,
			      uint32_t records, uint32_t spare)
{
	mock_batch_free(f->batch);
	f->batch = one_record_batch(&f->host, fields, count, records, spare);
	filter_process(f);
}

static inline const char *filter_json(struct filter *f, uint32_t record)
{
	const struct weir_encode_spec spec = {.struct_size = sizeof(spec),
					      .format = WEIR_ENCODE_JSON};
	struct buffer out = {0};

	assert_int_equal(json_append_record(&out, f->batch, &f->batch->records[record], &spec,
					    weir_slice_of("")),
			 0);
	(void)snprintf(f->json, sizeof(f->json), "%s", buffer_cstr(&out));
	buffer_done(&out);
	return f->json;
}

static inline void filter_done(struct filter *f)
{
	mock_batch_free(f->batch);
	if (f->instance)
		f->plugin->filter->destroy(f->instance);
	mock_host_destroy(&f->host);
	mock_pool_free(&f->pool);
}

#endif
