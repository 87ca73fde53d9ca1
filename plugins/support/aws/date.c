// SPDX-License-Identifier: MIT
#include "support/aws/date.h"

#include <stdlib.h>
#include <time.h>

#define DATE_MAX 64

static int copy(char to[DATE_MAX], struct weir_slice text)
{
	if (text.size >= DATE_MAX)
		return -1;
	if (text.size)
		memcpy(to, text.data, text.size);
	to[text.size] = '\0';
	return 0;
}

int64_t date_read_http(struct weir_slice text)
{
	char date[DATE_MAX];
	struct tm t = {0};

	if (copy(date, text) || !strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &t))
		return -1;
	return timegm(&t);
}

/* Behind the seconds: a fraction, then Z or +hh:mm. */
static int64_t offset_s(const char *at)
{
	int64_t sign, hours, minutes = 0;
	char *end;

	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	if (*at != '+' && *at != '-')
		return 0;
	sign = *at == '-' ? -60 : 60;
	hours = strtol(at + 1, &end, 10);
	if (*end == ':')
		minutes = strtol(end + 1, NULL, 10);
	return sign * (hours * 60 + minutes);
}

int64_t date_read_iso(struct weir_slice text)
{
	char date[DATE_MAX];
	const char *rest;
	struct tm t = {0};

	if (copy(date, text))
		return -1;
	rest = strptime(date, "%Y-%m-%dT%H:%M:%S", &t);
	return rest ? timegm(&t) - offset_s(rest) : -1;
}
