// SPDX-License-Identifier: MIT
/*
 * The document of GET /status and `weir status --json`, and that of GET /api/events: compact JSON, one
 * object; members are only ever added. packaging/docs/api.md explains each, and a test compares.
 */
#ifndef ADMIN_STATUS_JSON_H
#define ADMIN_STATUS_JSON_H

/* The longest document that `weir status` takes. */
#define STATUS_JSON_MAX (64u << 20)

#endif
