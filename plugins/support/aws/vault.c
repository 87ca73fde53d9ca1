// SPDX-License-Identifier: MIT
#include "support/aws/vault.h"

#include <sys/mman.h>
#include <unistd.h>

static struct weir_slice put(char **at, const struct text *text)
{
	struct weir_slice slice = {*at, text->size};

	if (text->size)
		memcpy(*at, text->data, text->size);
	*at += text->size;
	return slice;
}

int32_t vault_set(struct vault *vault, const struct aws_secret_keys *keys)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = keys->access_key.size + keys->secret_key.size + keys->token.size;
	char *at;
	void *pages;

	size = (size + page) / page * page;
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return WEIR_ERR_MEMORY;
	(void)madvise(pages, size, MADV_DONTDUMP);
	vault_clear(vault);
	at = pages;
	vault->pages = pages;
	vault->size = size;
	vault->keys.access_key = put(&at, &keys->access_key);
	vault->keys.secret_key = put(&at, &keys->secret_key);
	vault->keys.token = put(&at, &keys->token);
	return 0;
}

void vault_clear(struct vault *vault)
{
	if (vault->pages) {
		explicit_bzero(vault->pages, vault->size);
		munmap(vault->pages, vault->size);
	}
	memset(vault, 0, sizeof(*vault));
}
