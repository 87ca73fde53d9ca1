// SPDX-License-Identifier: MIT
#include "base/resident.h"

#include <stdio.h>
#include <unistd.h>

uint64_t resident_bytes(void)
{
	unsigned long long size, resident;
	FILE *file = fopen("/proc/self/statm", "re"); /* both in pages; see proc(5) */
	int found;

	if (!file)
		return 0;
	found = fscanf(file, "%llu %llu", &size, &resident);
	fclose(file);
	return found == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}
