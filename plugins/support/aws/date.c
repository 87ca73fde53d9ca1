// SPDX-License-Identifier: MIT
#include "support/aws/date.h"

#include <stdlib.h>
#include <time.h>

#define DATE_MAX 64

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

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
	char date[DATE_MAX], month[4] = "";
	const char *found;
	struct tm t = {0};

	if (copy(date, text) || sscanf(date, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &t.tm_mday, month,
				       &t.tm_year, &t.tm_hour, &t.tm_min, &t.tm_sec) != 6)
		return -1;
	found = strlen(month) == 3 ? strstr(months, month) : NULL;
	if (!found || (found - months) % 3)
		return -1;
	t.tm_mon = (int)(found - months) / 3;
	t.tm_year -= 1900;
	return timegm(&t);
}

/* Behind the seconds: a fraction, then Z or +hh:mm. */
static int64_t offset_s(const char *at)
{
	int hours = 0, minutes = 0;

	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	if ((*at == '+' || *at == '-') && sscanf(at + 1, "%2d:%2d", &hours, &minutes) >= 1)
		return (*at == '-' ? -60 : 60) * (hours * 60 + minutes);
	return 0;
}

int64_t date_read_iso(struct weir_slice text)
{
	struct tm t = {0};
	char date[DATE_MAX];
	int used = 0;

	if (copy(date, text) || sscanf(date, "%4d-%2d-%2dT%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon,
				       &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec, &used) != 6)
		return -1;
	t.tm_mon--;
	t.tm_year -= 1900;
	return timegm(&t) - offset_s(date + used);
}
