// SPDX-License-Identifier: MIT
/*
 * The rule by which a zone goes on after its last listed change: the POSIX form of TZ, such as
 * `CET-1CEST,M3.5.0,M10.5.0/3`.
 */
#ifndef TIMEPARSE_RULE_H
#define TIMEPARSE_RULE_H

#include <stddef.h>
#include <stdint.h>

/* A day of the year, and the second in it. */
struct rule_day {
	char kind; /* 'M': week `week` of `month`, weekday `day`; 'J': 1 to 365 without leap
	                  * days; 'N': 0 to 365 */
	uint8_t month;
	uint8_t week;
	int16_t day;
	int32_t second;
};

struct zone_rule {
	int32_t standard; /* seconds east of Greenwich */
	int32_t summer;
	int32_t has_summer;
	struct rule_day start; /* of summer time, on standard time's clock */
	struct rule_day end;   /* of summer time, on its own clock */
};

/* 0, or -1 when the text is no such rule. */
int zone_rule_parse(const char *text, size_t size, struct zone_rule *ret_rule);
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t utc_seconds);

#endif
