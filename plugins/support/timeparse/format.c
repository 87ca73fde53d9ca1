// SPDX-License-Identifier: MIT
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "digits.h"

/* Four-year cycles that a 29 February is searched back through: 1900 was no leap year. */
#define YEARS_BACK 8

enum format_kind { FORMAT_DIRECTIVES, FORMAT_ISO, FORMAT_RFC3339, FORMAT_EPOCH };

struct time_format {
	const struct time_zone *zone;
	enum format_kind kind;
	int64_t unit_ns; /* of an epoch */
	char text[];
};

/* What a format has found so far. */
struct found {
	struct calendar when;
	int64_t fraction;
	int64_t epoch;
	int32_t day_of_year, offset, afternoon; /* -1: not given */
	int has_year, has_epoch, has_offset;
};

static const struct {
	const char *word;
	enum format_kind kind;
	int64_t unit_ns;
} words[] = {
	{"iso8601", FORMAT_ISO, 0},          {"rfc3339", FORMAT_RFC3339, 0},
	{"epoch", FORMAT_EPOCH, 1000000000}, {"epoch_ms", FORMAT_EPOCH, 1000000},
	{"epoch_us", FORMAT_EPOCH, 1000},    {"epoch_ns", FORMAT_EPOCH, 1},
};

static int fail(struct weir_error *error, int code, uint32_t offset, const char *text)
{
	error->code = code;
	error->offset = offset;
	(void)snprintf(error->text, sizeof(error->text), "%s", text);
	return code;
}

static int check(const char *text, struct weir_error *error)
{
	for (const char *at = strchr(text, '%'); at; at = strchr(at + 2, '%')) {
		uint32_t offset = (uint32_t)(at - text);

		if (at[1] == '\0' || !strchr("YymdejbBhaAHIpMSTRFDzZsf%nt", at[1])) {
			(void)snprintf(error->text, sizeof(error->text),
				       "the time format \"%s\" has %%%c at byte %u, which is no "
				       "directive; write %%%% for a percent sign",
				       text, at[1] ? at[1] : ' ', offset);
			error->code = WEIR_ERR_INVALID;
			error->offset = offset;
			return WEIR_ERR_INVALID;
		}
	}
	return WEIR_OK;
}

int time_format_create(const char *text, const struct time_zone *zone,
		       struct time_format **ret_format, struct weir_error *error)
{
	struct time_format *format;

	if (check(text, error) != WEIR_OK)
		return WEIR_ERR_INVALID;
	format = calloc(1, sizeof(*format) + strlen(text) + 1);
	if (!format)
		return fail(error, WEIR_ERR_MEMORY, 0, "no memory for a time format");
	memcpy(format->text, text, strlen(text) + 1);
	format->zone = zone;
	format->kind = FORMAT_DIRECTIVES;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i].word) == 0) {
			format->kind = words[i].kind;
			format->unit_ns = words[i].unit_ns;
		}
	if (format->kind == FORMAT_DIRECTIVES && !strchr(text, '%')) {
		time_format_destroy(format);
		(void)snprintf(
			error->text, sizeof(error->text),
			"the time format \"%s\" is neither iso8601, rfc3339, epoch, epoch_ms, "
			"epoch_us, epoch_ns nor has it a directive such as %%Y",
			text);
		error->code = WEIR_ERR_INVALID;
		return WEIR_ERR_INVALID;
	}
	*ret_format = format;
	return WEIR_OK;
}

void time_format_destroy(struct time_format *format)
{
	free(format);
}

/* ---- directives ------------------------------------------------------------------------------ */

static void skip_space(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || (*r->at >= '\t' && *r->at <= '\r')))
		r->at++;
}

/* A month's or weekday's name: three letters, or all of them. */
static int take_name(struct reader *r, const char *const *names, int32_t count, int32_t *ret_index)
{
	for (int32_t i = 0; i < count; i++) {
		size_t length = strlen(names[i]);

		if ((size_t)(r->end - r->at) < 3 || strncasecmp(r->at, names[i], 3) != 0)
			continue;
		if ((size_t)(r->end - r->at) < length || strncasecmp(r->at, names[i], length) != 0)
			length = 3;
		r->at += length;
		*ret_index = i;
		return 0;
	}
	return -1;
}

static int take_month(struct reader *r, int32_t *ret_month)
{
	static const char *const names[] = {"january",   "february", "march",    "april",
					    "may",       "june",     "july",     "august",
					    "september", "october",  "november", "december"};
	int result = take_name(r, names, 12, ret_month);

	*ret_month += 1;
	return result;
}

static int take_weekday(struct reader *r)
{
	static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
					    "friday", "saturday", "sunday"};
	int32_t ignored;

	return take_name(r, names, 7, &ignored);
}

static int take_half_day(struct reader *r, int32_t *ret_afternoon)
{
	if (r->end - r->at < 2 || (r->at[1] | 0x20) != 'm' ||
	    ((r->at[0] | 0x20) != 'a' && (r->at[0] | 0x20) != 'p'))
		return -1;
	*ret_afternoon = (r->at[0] | 0x20) == 'p';
	r->at += 2;
	return 0;
}

static int take_offset(struct reader *r, struct found *found)
{
	uint32_t taken = time_offset_parse(r->at, (uint64_t)(r->end - r->at), &found->offset);

	r->at += taken;
	found->has_offset = 1;
	return taken ? 0 : -1;
}

static int take_zone_name(struct reader *r, struct found *found)
{
	uint32_t size = r->end - r->at >= 3 && (memcmp(r->at, "UTC", 3) == 0 ||
						memcmp(r->at, "GMT", 3) == 0)
				? 3
				: r->at < r->end && *r->at == 'Z';

	r->at += size;
	found->has_offset = 1;
	found->offset = 0;
	return size ? 0 : -1;
}

static int take_epoch(struct reader *r, struct found *found)
{
	const char *from = r->at;
	int64_t ns;

	(void)take_byte(r, '-');
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	if (epoch_time_parse(from, (uint64_t)(r->at - from), 1000000000, &ns) != 0)
		return -1;
	found->epoch = ns / 1000000000;
	found->has_epoch = 1;
	return 0;
}

static int take_year(struct reader *r, struct found *found, char directive)
{
	int result = take_digits(r, directive == 'Y' ? 4 : 2, &found->when.year);

	if (directive == 'y') /* as POSIX has it */
		found->when.year += found->when.year < 69 ? 2000 : 1900;
	found->has_year = 1;
	return result;
}

static int take_text(struct reader *r, const char *format, struct found *found);

static int take_directive(struct reader *r, char directive, struct found *found)
{
	struct calendar *when = &found->when;

	switch (directive) {
	case 'Y':
	case 'y':
		return take_year(r, found, directive);
	case 'm':
		return take_up_to(r, 2, &when->month);
	case 'd':
	case 'e':
		skip_space(r);
		return take_up_to(r, 2, &when->day);
	case 'j':
		return take_up_to(r, 3, &found->day_of_year);
	case 'b':
	case 'B':
	case 'h':
		return take_month(r, &when->month);
	case 'a':
	case 'A':
		return take_weekday(r);
	case 'H':
	case 'I':
		return take_up_to(r, 2, &when->hour);
	case 'p':
		return take_half_day(r, &found->afternoon);
	case 'M':
		return take_up_to(r, 2, &when->minute);
	case 'S':
		return take_up_to(r, 2, &when->second);
	case 'T':
		return take_text(r, "%H:%M:%S", found);
	case 'R':
		return take_text(r, "%H:%M", found);
	case 'F':
		return take_text(r, "%Y-%m-%d", found);
	case 'D':
		return take_text(r, "%m/%d/%y", found);
	case 'z':
		return take_offset(r, found);
	case 'Z':
		return take_zone_name(r, found);
	case 's':
		return take_epoch(r, found);
	case 'f':
		return take_fraction(r, &found->fraction);
	case '%':
		return take_byte(r, '%') ? 0 : -1;
	default: /* n and t */
		skip_space(r);
		return 0;
	}
}

static int take_text(struct reader *r, const char *format, struct found *found)
{
	for (; *format; format++) {
		if (*format == ' ' || *format == '\t') {
			skip_space(r);
		} else if (*format != '%') {
			if (!take_byte(r, *format))
				return -1;
		} else if (take_directive(r, *++format, found) != 0) {
			return -1;
		}
	}
	return 0;
}

/* ---- what was found, as a moment ------------------------------------------------------------- */

int time_without_year(struct calendar *when, const struct time_zone *zone, int64_t reference_ns,
		      int64_t *ret_utc_seconds)
{
	int64_t latest = reference_ns / 1000000000 + CALENDAR_DAY_S;
	struct calendar year = {.second = 0};

	/* The wall clock may be a day ahead of UTC on top of the day that is allowed. */
	calendar_from_days(latest / CALENDAR_DAY_S + 1, &year);
	for (int32_t back = 0; back <= YEARS_BACK; back++) {
		when->year = year.year - back;
		if (!calendar_valid(when))
			continue;
		*ret_utc_seconds = time_zone_to_utc(zone, calendar_seconds(when));
		if (*ret_utc_seconds <= latest)
			return 0;
	}
	return -1;
}

static int settle_day(struct found *found)
{
	if (found->day_of_year < 0)
		return 0;
	if (!found->has_year || found->day_of_year < 1 ||
	    found->day_of_year > 365 + calendar_is_leap(found->when.year))
		return -1;
	calendar_from_days(calendar_days(found->when.year, 1, 1) + found->day_of_year - 1,
			   &found->when);
	return 0;
}

static int settle_hour(struct found *found)
{
	if (found->afternoon < 0)
		return 0;
	if (found->when.hour < 1 || found->when.hour > 12)
		return -1;
	found->when.hour = found->when.hour % 12 + 12 * found->afternoon;
	return 0;
}

static int settle(struct found *found, const struct time_zone *zone, int64_t reference_ns,
		  int64_t *ret_ns)
{
	int64_t seconds;

	if (found->has_epoch)
		return calendar_ns(found->epoch, found->fraction, ret_ns);
	if (settle_day(found) != 0 || settle_hour(found) != 0)
		return -1;
	if (!found->has_year) {
		/* An offset beside a missing year: the clock is read as if at that offset. */
		if (time_without_year(&found->when, found->has_offset ? NULL : zone,
				      reference_ns + found->offset * INT64_C(1000000000),
				      &seconds) != 0)
			return -1;
	} else if (!calendar_valid(&found->when)) {
		return -1;
	} else {
		seconds = calendar_seconds(&found->when);
		if (!found->has_offset)
			seconds = time_zone_to_utc(zone, seconds);
	}
	return calendar_ns(found->has_offset ? seconds - found->offset : seconds, found->fraction,
			   ret_ns);
}

int time_format_parse(const struct time_format *format, const char *text, uint64_t size,
		      int64_t reference_ns, int64_t *ret_ns)
{
	struct reader r = {text, text + size};
	struct found found = {.when = {.month = 1, .day = 1}, .day_of_year = -1, .afternoon = -1};

	switch (format->kind) {
	case FORMAT_ISO:
	case FORMAT_RFC3339:
		return iso_time_parse(text, size, format->zone, format->kind == FORMAT_RFC3339,
				      ret_ns);
	case FORMAT_EPOCH:
		return epoch_time_parse(text, size, format->unit_ns, ret_ns);
	default:
		if (take_text(&r, format->text, &found) != 0 || r.at != r.end)
			return -1;
		return settle(&found, format->zone, reference_ns, ret_ns);
	}
}
