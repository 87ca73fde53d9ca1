// SPDX-License-Identifier: MIT
/* Asks for the local time when it is loaded, under the C library's lock of the time zone. */
#include <time.h>

__attribute__((constructor)) static void at_load(void)
{
	struct tm parts;
	time_t now = time(NULL);

	(void)localtime_r(&now, &parts);
}
