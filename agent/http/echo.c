// SPDX-License-Identifier: MIT
#include "http/echo.h"

#include "base/secrets.h"

static void mask(struct buffer *answer, struct weir_slice secret)
{
	char *at = answer->data, *end = answer->data + answer->size;

	while (secret.size >= SECRET_MIN &&
	       (at = memmem(at, (size_t)(end - at), secret.data, secret.size))) {
		memset(at, '*', secret.size);
		at += secret.size;
	}
}

/* "Basic dTpw" as a whole, and without its first word. */
static void mask_header(struct buffer *answer, struct weir_slice header)
{
	const char *end = header.data + header.size;
	const char *colon = memchr(header.data, ':', header.size), *from, *space;

	if (!colon ||
	    !secrets_is_name((struct weir_slice){header.data, (uint64_t)(colon - header.data)}))
		return;
	for (from = colon + 1; from < end && *from == ' ';)
		from++;
	mask(answer, (struct weir_slice){from, (uint64_t)(end - from)});
	space = from < end ? memchr(from, ' ', (size_t)(end - from)) : NULL;
	if (space)
		mask(answer, (struct weir_slice){space + 1, (uint64_t)(end - space - 1)});
}

void echo_mask(struct buffer *answer, const struct weir_http_request *request)
{
	for (uint32_t i = 0; answer->size && i < request->header_count; i++)
		if (request->headers[i].size)
			mask_header(answer, request->headers[i]);
}
