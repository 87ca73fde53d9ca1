// SPDX-License-Identifier: MIT
/* Runs a fuzzer's function on the files of a folder: what was once found stays fixed, without
 * libFuzzer and on every compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Larger than any file of a corpus. */
#define FILE_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *data = malloc(FILE_MAX), *exact;
	FILE *file;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file || !data) {
		perror(path);
		free(data);
		return 1;
	}
	size = fread(data, 1, FILE_MAX, file);
	(void)fclose(file);
	exact = realloc(data, size ? size : 1); /* so that a byte too far is seen */
	(void)LLVMFuzzerTestOneInput(exact ? exact : data, size);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	int failed = 0, count = 0;

	if (!folder) {
		(void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		failed |= replay(argv[1], entry->d_name);
		count++;
	}
	(void)closedir(folder);
	(void)printf("%d inputs\n", count);
	return failed || count == 0;
}
