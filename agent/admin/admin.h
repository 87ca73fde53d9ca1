// SPDX-License-Identifier: MIT
/*
 * The admin address over HTTP: the status page, GET /health, /metrics and /status, GET /api/events, which
 * sends what the page shows every second as server-sent events, and GET /tap.
 *
 * Lives in a module of its own (weir/modules/admin.so) so that libmicrohttpd and what it pulls in
 * are loaded only when `admin` is on. The module exports `admin_module`.
 *
 * Without a token it asks nobody for a password: so it listens on loopback only, and answers only requests
 * that name an address or localhost as their host, which a web page in a browser cannot do. What shows
 * records (/tap, and the samples in status and events) then wants the token of the state folder, since not
 * every user may read the logs: as `Authorization: Bearer TOKEN`, or as token=TOKEN for an EventSource,
 * which cannot send headers. The page takes it from behind the # of its own address.
 *
 * With a token every request has to bring it: as `Authorization: Bearer TOKEN`, or in a browser once as
 * /?token=TOKEN, which leaves a cookie.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdint.h>
#include <weir/abi.h>

#include "base/buffer.h"

struct admin;
struct tap;

/* What is asked for each page; called on the module's thread. */
struct admin_source {
	/* Appends plain text; returns 1 when all is well (200), 0 when not (503). */
	int (*health)(void *user, struct buffer *out);
	/* Appends OpenMetrics text. 0, or WEIR_ERR_*. */
	int (*metrics)(void *user, struct buffer *out);
	/* Appends the document of admin/status_json.h; parts of records are in it only with `records`. 0,
	 * or WEIR_ERR_*. */
	int (*status)(void *user, int records, struct buffer *out);
	/* Appends the document of an event, which admin/status_json.h describes too. */
	int (*events)(void *user, int records, struct buffer *out);
	/* A tap: see pipeline/tap.h. at and where may be NULL. WEIR_ERR_NOT_FOUND, _REFUSED or _INVALID
	 * with a sentence. */
	int (*tap_open)(void *user, const char *pipeline, const char *at, const char *where,
			uint64_t limit, struct tap **ret_tap, struct weir_error *error);
	/* Appends JSON lines; returns 1 when nothing more comes. */
	int (*tap_read)(struct tap *tap, struct buffer *out, uint64_t *ret_left_out);
	void (*tap_close)(void *user, struct tap *tap);
	/* Of the state folder; lives as long as the module is open; NULL = nobody may see
	 * records. */
	const char *records_token;
	void *user;
};

struct admin_module {
	/* host is an address, without a token (NULL) one of loopback, or "localhost"; port 0 = any free
	 * one. Starts a thread. */
	int (*open)(const char *host, uint16_t port, const char *token,
		    const struct admin_source *source, struct admin **ret_admin, uint16_t *ret_port,
		    struct weir_error *error);
	/* Returns when no call into the source runs any more. */
	void (*close)(struct admin *admin);
};

#endif
