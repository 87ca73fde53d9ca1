// SPDX-License-Identifier: MIT
/*
 * The two ends of a pipeline under test: an input that reads a text, in place of inputs that read no
 * files, and an output that keeps what it gets, in place of every output.
 */
#ifndef CLI_TEST_ENDS_H
#define CLI_TEST_ENDS_H

#include <pthread.h>
#include <weir/plugin.h>

/* What one output got: each record a JSON object with @timestamp, @source and @position. */
struct test_records {
	char **items;
	size_t count, capacity;
	int failed; /* no memory for one of them */
	pthread_mutex_t lock;
};

/* Options of the two plugins; what follows the node is read by them only. */
struct test_feed_options {
	struct weir_node node;
	const char *text; /* lines, each with its newline */
	size_t size;
	const struct weir_node
		*records; /* MAPs of fields in place of text; @timestamp is their time */
};

struct test_collect_options {
	struct weir_node node;
	struct test_records *records;
};

extern const struct weir_plugin test_feed_plugin;
extern const struct weir_plugin test_collect_plugin;

void test_records_init(struct test_records *records);
void test_records_done(struct test_records *records);

#endif
