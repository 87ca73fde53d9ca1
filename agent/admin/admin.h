// SPDX-License-Identifier: MIT
/*
 * The admin address: GET /health, /metrics and /status over HTTP on loopback.
 *
 * Lives in a module of its own (weir/modules/admin.so) so that libmicrohttpd and what it pulls in
 * are loaded only when `admin` is on. The module exports `admin_module`.
 *
 * It asks nobody for a password: so it listens on loopback only, and answers only requests that
 * name an address or localhost as their host, which a web page in a browser cannot do.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdint.h>
#include <weir/abi.h>

#include "base/buffer.h"

struct admin;

/* What is asked for each page; called on the module's thread. */
struct admin_source {
	/* Appends plain text; returns 1 when all is well (200), 0 when not (503). */
	int (*health)(void *user, struct buffer *out);
	/* Appends OpenMetrics text. 0, or WEIR_ERR_*. */
	int (*metrics)(void *user, struct buffer *out);
	/* Appends the document of admin/status_json.h. 0, or WEIR_ERR_*. */
	int (*status)(void *user, struct buffer *out);
	void *user;
};

struct admin_module {
	/* host is a loopback address or "localhost"; port 0 = any free one. Starts a thread. */
	int (*open)(const char *host, uint16_t port, const struct admin_source *source,
		    struct admin **ret_admin, uint16_t *ret_port, struct weir_error *error);
	/* Returns when no call into the source runs any more. */
	void (*close)(struct admin *admin);
};

#endif
