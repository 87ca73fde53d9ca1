// SPDX-License-Identifier: MIT
/*
 * The time of the common log format, `10/Oct/2000:13:55:36 -0700`: 26 bytes, of which a busy log
 * changes two at a time. The cache remembers the minute and the zone of the last one.
 */
#ifndef TIMEPARSE_CLF_H
#define TIMEPARSE_CLF_H

#include <stdint.h>

#define CLF_TIME_SIZE 26

/* One thread's; all zero at first. */
struct clf_cache {
	char text[CLF_TIME_SIZE];
	int32_t valid;
	int64_t minute_ns; /* of text with its seconds taken as 00 */
};

/* 0, or -1 when the 26 bytes are no such time. */
int clf_time_parse(struct clf_cache *cache, const char *text, int64_t *ret_ns);

#endif
