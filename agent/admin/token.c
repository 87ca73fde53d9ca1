// SPDX-License-Identifier: MIT
#include "admin/token.h"

#include <string.h>
#include <strings.h>

static const char scheme[] = "Bearer ";
#define SCHEME_SIZE (sizeof(scheme) - 1)

int token_is(const char *token, const char *given)
{
	size_t size = strlen(token), given_size = given ? strlen(given) : 0;
	unsigned differ = size == 0 || size != given_size;

	for (size_t i = 0; size && i < given_size; i++)
		differ |= (unsigned char)(given[i] ^ token[i % size]);
	return !differ;
}

int token_is_brought(struct MHD_Connection *connection, const char *token, enum MHD_ValueKind kind,
		     const char *name)
{
	const char *authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
								MHD_HTTP_HEADER_AUTHORIZATION);

	if (authorization && strncasecmp(authorization, scheme, SCHEME_SIZE) == 0)
		return token_is(token, authorization + SCHEME_SIZE);
	return token_is(token, MHD_lookup_connection_value(connection, kind, name));
}
