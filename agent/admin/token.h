// SPDX-License-Identifier: MIT
/* Whether a request has brought a token. */
#ifndef ADMIN_TOKEN_H
#define ADMIN_TOKEN_H

#include <microhttpd.h>

/* Takes the same time wherever they differ. given may be NULL. */
int token_is(const char *token, const char *given);
/* As "Authorization: Bearer TOKEN"; without that, as the cookie or argument (kind) of that name. */
int token_is_brought(struct MHD_Connection *connection, const char *token, enum MHD_ValueKind kind,
		     const char *name);

#endif
