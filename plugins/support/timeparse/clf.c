// SPDX-License-Identifier: MIT
#include "clf.h"

#include <string.h>

#include "calendar.h"

/* Offsets in `10/Oct/2000:13:55:36 -0700`. */
#define CLF_SECOND 18

/* Two digits, or a negative number. */
static inline int32_t two_digits(const char *text)
{
	unsigned tens = (unsigned char)text[0] - '0', ones = (unsigned char)text[1] - '0';

	return tens <= 9 && ones <= 9 ? (int32_t)(tens * 10 + ones) : -10000;
}

static inline uint64_t load(const char *text)
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return word;
}

/* All but the seconds, by words that overlap, and without a branch for each. */
static inline int same_minute(const struct clf_cache *cache, const char *text)
{
	static const unsigned char zone[8] = {0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint64_t mask, differs;

	memcpy(&mask, zone, sizeof(mask));
	differs = (load(cache->text) ^ load(text)) | (load(cache->text + 8) ^ load(text + 8)) |
		  (load(cache->text + CLF_SECOND - 8) ^ load(text + CLF_SECOND - 8)) |
		  ((load(cache->text + CLF_SECOND) ^ load(text + CLF_SECOND)) & mask);
	return cache->valid && differs == 0;
}

static int minute_parse(const char *text, int64_t *ret_ns)
{
	struct calendar when = {.second = 0};
	int32_t zone_hour = two_digits(text + 22), zone_minute = two_digits(text + 24);
	int64_t offset;

	if (text[2] != '/' || text[6] != '/' || text[11] != ':' || text[14] != ':' ||
	    text[17] != ':' || text[20] != ' ' || (text[21] != '+' && text[21] != '-'))
		return -1;
	when.day = two_digits(text);
	when.month = calendar_month_named(text + 3);
	when.year = two_digits(text + 7) * 100 + two_digits(text + 9);
	when.hour = two_digits(text + 12);
	when.minute = two_digits(text + 15);
	if (when.year < 0 || !calendar_valid(&when) || zone_hour < 0 || zone_minute < 0 ||
	    zone_minute > 59)
		return -1;
	offset = zone_hour * 3600 + zone_minute * 60;
	if (text[21] == '-')
		offset = -offset;
	/* A minute later must fit too: the seconds are added without a check. */
	if (calendar_ns(calendar_seconds(&when) - offset + 60, 0, ret_ns) != 0)
		return -1;
	*ret_ns -= INT64_C(60000000000);
	return 0;
}

int clf_time_parse(struct clf_cache *cache, const char *text, int64_t *ret_ns)
{
	int32_t second = two_digits(text + CLF_SECOND);

	if (second < 0 || second > 60)
		return -1;
	if (!same_minute(cache, text)) {
		cache->valid = 0;
		if (minute_parse(text, &cache->minute_ns) != 0)
			return -1;
		memcpy(cache->text, text, CLF_TIME_SIZE);
		cache->valid = 1;
	}
	*ret_ns = cache->minute_ns + (int64_t)second * 1000000000;
	return 0;
}
