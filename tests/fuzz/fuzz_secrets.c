// SPDX-License-Identifier: MIT
/*
 * A line that is a secret, then lines that are URLs or YAML. What must hold besides not crashing: a byte
 * stays what it was or becomes a star, and the secret does not show any more.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stars(const char *before, const char *after, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (after[i] != before[i] && after[i] != '*')
			abort();
}

static void check_hidden(struct weir_slice secret, const char *text, size_t size)
{
	if (secret.size >= SECRET_MIN && !memchr(secret.data, '*', secret.size) &&
	    memmem(text, size, secret.data, secret.size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *newline = size ? memchr(text, '\n', size) : NULL;
	struct weir_slice secret = {text, newline ? (uint64_t)(newline - text) : 0};
	const char *rest = newline ? newline + 1 : text;
	size_t left = size - (size_t)(rest - text);
	char *line = malloc(left + 1), *copy = malloc(left + 1);
	struct secrets holder = {NULL, 0};

	if (!line || !copy)
		abort();
	if (left)
		memcpy(line, rest, left);
	line[left] = '\0';
	memcpy(copy, line, left + 1);
	secrets_add(&holder, secret);
	secrets_mask(copy, left);
	check_stars(line, copy, left);
	check_hidden(secret, copy, left);
	secrets_add_url(&holder, (struct weir_slice){line, left});
	memcpy(copy, line, left + 1);
	secrets_drop(&holder); /* masked for a while yet */
	secrets_mask_line(copy);
	check_stars(line, copy, strlen(line) + 1);
	check_hidden(secret, copy, strlen(line));
	(void)secrets_is_name((struct weir_slice){line, left});
	free(line);
	free(copy);
	return 0;
}
