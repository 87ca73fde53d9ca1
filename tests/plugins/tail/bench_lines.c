// SPDX-License-Identifier: MIT
/* How fast lines are found, and found and marked, in a block that stays in L2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lines.h"
#include "mark.h"
#include "mock_host.h"

#define BLOCK (128u << 10)
#define LINE 238
#define ROUNDS 20000

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, double started)
{
	double took = seconds() - started;

	printf("%-16s %6.2f GB/s  %5.1f ns a line\n", what, (double)BLOCK * ROUNDS / took / 1e9,
	       took * 1e9 / ((double)BLOCK / LINE * ROUNDS));
}

int main(void)
{
	struct mock_host host;
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	struct file file = {.hole_end = UINT64_MAX};
	struct weir_batch *batch;
	uint32_t ends[1024];
	uint64_t found = 0;
	double started;

	mock_host_create(&host);
	host.roomy = 1;
	catalog->host = &host.services;
	catalog->options.max_line = 1 << 20;
	batch = mock_batch_new(&host);
	(void)mock_batch_reserve(batch, 2048, 2048, BLOCK);
	memset(batch->blocks[0].data, 'x', BLOCK);
	for (uint32_t i = LINE - 1; i < BLOCK; i += LINE)
		batch->blocks[0].data[i] = '\n';
	started = seconds();
	for (int round = 0; round < ROUNDS; round++)
		found += lines_find(batch->blocks[0].data, 0, BLOCK, ends, 1024);
	report("find", started);
	started = seconds();
	for (int round = 0; round < ROUNDS; round++)
		found += lines_find_scalar(batch->blocks[0].data, 0, BLOCK, ends, 1024);
	report("find, memchr", started);
	started = seconds();
	for (int round = 0; round < ROUNDS; round++) {
		struct mark mark = {
			.catalog = catalog, .file = &file, .batch = batch, .size = BLOCK};

		batch->record_count = batch->value_count = 0;
		found += (uint64_t)mark_text(&mark) + batch->record_count;
	}
	report("find and mark", started);
	free(catalog);
	mock_batch_free(batch);
	mock_host_destroy(&host);
	return found == 0;
}
