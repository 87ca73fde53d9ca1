// SPDX-License-Identifier: MIT
#include "zone.h"

#include <stdio.h>
#include <stdlib.h>

#include "rule.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_LOCAL "/etc/localtime"
/* The largest files of the zone database are below 4 KiB. */
#define ZONE_FILE_MAX 65536
/* tzfile(5): magic, version, 15 reserved bytes, six counts. */
#define HEADER_SIZE 44
#define DAY_S 86400

struct time_zone {
	uint32_t count; /* of changes */
	int32_t before; /* offset before the first change */
	int64_t *changes;
	int32_t *offsets; /* from each change on */
	int32_t has_rule; /* for after the last change */
	struct zone_rule rule;
};

/* The counts of one block of a zone file. */
struct counts {
	uint64_t isut, isstd, leap, time, type, character;
};

static int64_t big_endian(const uint8_t *data, uint32_t bytes)
{
	uint64_t number = data[0] & 0x80 ? ~UINT64_C(0) : 0;

	for (uint32_t i = 0; i < bytes; i++)
		number = number << 8 | data[i];
	return (int64_t)number;
}

static uint64_t count_at(const uint8_t *data)
{
	return (uint64_t)big_endian(data, 4) & 0xffffffff;
}

/* Reads a header; its block's size, or 0 when it is none. */
static uint64_t read_header(const uint8_t *data, uint64_t size, uint32_t time_bytes,
			    struct counts *ret_counts)
{
	struct counts *c = ret_counts;

	if (size < HEADER_SIZE || memcmp(data, "TZif", 4) != 0)
		return 0;
	c->isut = count_at(data + 20);
	c->isstd = count_at(data + 24);
	c->leap = count_at(data + 28);
	c->time = count_at(data + 32);
	c->type = count_at(data + 36);
	c->character = count_at(data + 40);
	if (c->type == 0)
		return 0;
	return HEADER_SIZE + c->time * time_bytes + c->time + c->type * 6 + c->character +
	       c->leap * (time_bytes + 4) + c->isstd + c->isut;
}

static int read_changes(struct time_zone *zone, const uint8_t *times, const struct counts *counts)
{
	const uint8_t *indices = times + counts->time * 8, *types = indices + counts->time;

	zone->changes = calloc(counts->time + 1, sizeof(*zone->changes));
	zone->offsets = calloc(counts->time + 1, sizeof(*zone->offsets));
	if (!zone->changes || !zone->offsets)
		return WEIR_ERR_MEMORY;
	zone->before = (int32_t)big_endian(types, 4);
	for (uint64_t i = 0; i < counts->time; i++) {
		if (indices[i] >= counts->type)
			return WEIR_ERR_INVALID;
		zone->changes[i] = big_endian(times + 8 * i, 8);
		zone->offsets[i] = (int32_t)big_endian(types + 6 * indices[i], 4);
		if (i > 0 && zone->changes[i] < zone->changes[i - 1])
			return WEIR_ERR_INVALID;
	}
	zone->count = (uint32_t)counts->time;
	return WEIR_OK;
}

/* The footer: a rule between two newlines, or nothing between them. */
static int read_footer(struct time_zone *zone, const uint8_t *data, uint64_t size)
{
	const uint8_t *end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;

	if (!end || data[0] != '\n')
		return WEIR_ERR_INVALID;
	if (end == data + 1)
		return WEIR_OK;
	zone->has_rule = 1;
	return zone_rule_parse((const char *)data + 1, (size_t)(end - data - 1), &zone->rule) == 0
		       ? WEIR_OK
		       : WEIR_ERR_INVALID;
}

int time_zone_from_file(const uint8_t *data, uint64_t size, struct time_zone **ret_zone)
{
	struct time_zone *zone;
	struct counts counts;
	uint64_t first = read_header(data, size, 4, &counts), second;
	int result = WEIR_ERR_INVALID;

	/* Version 1 has 32-bit times only, and no system writes it alone any more. */
	if (first == 0 || first > size || data[4] < '2')
		return WEIR_ERR_INVALID;
	second = read_header(data + first, size - first, 8, &counts);
	if (second == 0 || second > size - first)
		return WEIR_ERR_INVALID;
	zone = calloc(1, sizeof(*zone));
	if (!zone)
		return WEIR_ERR_MEMORY;
	result = read_changes(zone, data + first + HEADER_SIZE, &counts);
	if (result == WEIR_OK)
		result = read_footer(zone, data + first + second, size - first - second);
	if (result != WEIR_OK)
		time_zone_destroy(zone);
	else
		*ret_zone = zone;
	return result;
}

void time_zone_destroy(struct time_zone *zone)
{
	if (!zone)
		return;
	free(zone->changes);
	free(zone->offsets);
	free(zone);
}

static int load(const char *path, const char *name, struct time_zone **ret_zone,
		struct weir_error *error)
{
	uint8_t *data = malloc(ZONE_FILE_MAX);
	FILE *file = data ? fopen(path, "rbe") : NULL;
	size_t size = file ? fread(data, 1, ZONE_FILE_MAX, file) : 0;
	int result = file ? time_zone_from_file(data, size, ret_zone) : WEIR_ERR_NOT_FOUND;

	if (file)
		(void)fclose(file);
	free(data);
	if (result == WEIR_OK)
		return result;
	error->code = result;
	(void)snprintf(
		error->text, sizeof(error->text),
		"%s is no time zone that %s has; use UTC, local, an offset such as +02:00, or "
		"a name such as Europe/Paris (the package tzdata)",
		name, ZONE_FOLDER);
	return result;
}

static int load_named(const char *name, struct time_zone **ret_zone, struct weir_error *error)
{
	char path[256];
	int size = snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, name);

	/* A name, not a way out of the folder. */
	if (size < 0 || (size_t)size >= sizeof(path) || name[0] == '/' || strstr(name, ".."))
		path[0] = '\0';
	return load(path, name, ret_zone, error);
}

static int load_local(struct time_zone **ret_zone, struct weir_error *error)
{
	const char *name = getenv("TZ");
	FILE *file;

	if (name && *name == ':')
		name++;
	if (name && *name)
		return time_zone_create(strcmp(name, "local") == 0 ? NULL : name, ret_zone, error);
	file = fopen(ZONE_LOCAL, "rbe");
	if (!file) /* a machine without one runs on UTC */
		return time_zone_create(NULL, ret_zone, error);
	(void)fclose(file);
	return load(ZONE_LOCAL, ZONE_LOCAL, ret_zone, error);
}

int time_zone_create(const char *name, struct time_zone **ret_zone, struct weir_error *error)
{
	int32_t offset = 0;
	int fixed = !name || strcmp(name, "UTC") == 0;

	if (name && strcmp(name, "local") == 0)
		return load_local(ret_zone, error);
	if (!fixed && (!*name || time_offset_parse(name, strlen(name), &offset) != strlen(name)))
		return load_named(name, ret_zone, error);
	*ret_zone = calloc(1, sizeof(**ret_zone));
	if (!*ret_zone) {
		error->code = WEIR_ERR_MEMORY;
		(void)snprintf(error->text, sizeof(error->text), "no memory for a time zone");
		return WEIR_ERR_MEMORY;
	}
	(*ret_zone)->before = offset;
	return WEIR_OK;
}

int32_t time_zone_offset(const struct time_zone *zone, int64_t utc_seconds)
{
	uint32_t low = 0, high = zone->count;

	while (low < high) { /* the number of changes at or before the moment */
		uint32_t middle = low + (high - low) / 2;

		if (zone->changes[middle] <= utc_seconds)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->count && zone->has_rule)
		return zone_rule_offset(&zone->rule, utc_seconds);
	return low ? zone->offsets[low - 1] : zone->before;
}

int64_t time_zone_to_utc(const struct time_zone *zone, int64_t wall_seconds)
{
	int32_t earlier, later;

	if (!zone)
		return wall_seconds;
	if (zone->count == 0 && !zone->has_rule)
		return wall_seconds - zone->before;
	/* The offsets a day before and after: at most one change lies between. */
	earlier = time_zone_offset(zone, wall_seconds - DAY_S);
	if (time_zone_offset(zone, wall_seconds - earlier) == earlier)
		return wall_seconds - earlier;
	later = time_zone_offset(zone, wall_seconds + DAY_S);
	if (time_zone_offset(zone, wall_seconds - later) == later)
		return wall_seconds - later;
	return wall_seconds - earlier;
}

uint32_t time_offset_parse(const char *text, uint64_t size, int32_t *ret_offset)
{
	int32_t digits[4] = {0};
	uint32_t count = 0, at = 1;

	if (size && (*text == 'Z' || *text == 'z')) {
		*ret_offset = 0;
		return 1;
	}
	if (size < 3 || (*text != '+' && *text != '-'))
		return 0;
	for (; at < size && count < 4; at++) {
		if (text[at] >= '0' && text[at] <= '9')
			digits[count++] = text[at] - '0';
		else if (text[at] != ':' || count != 2 || size - at < 3)
			break;
	}
	if (count != 4) {
		if (count < 2)
			return 0;
		at = 3; /* hours only; what follows is not ours */
		digits[2] = digits[3] = 0;
	}
	if (digits[2] > 5)
		return 0;
	*ret_offset = (digits[0] * 10 + digits[1]) * 3600 + (digits[2] * 10 + digits[3]) * 60;
	if (*text == '-')
		*ret_offset = -*ret_offset;
	return at;
}
