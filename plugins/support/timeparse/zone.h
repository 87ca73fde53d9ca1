// SPDX-License-Identifier: MIT
/*
 * Time zones: UTC, a fixed offset, the machine's own (`local`), or a name of the zone database.
 *
 * Named zones are read from the system's zone files (RFC 8536), with the rule in their footer for
 * times after the last listed change. A wall time that occurs twice, when clocks go back, is taken
 * as the first; one that never occurs, when clocks go forward, is read by the offset before the
 * change.
 *
 * Immutable once created: any number of threads may read it. The environment (TZ) is looked at for
 * `local` only, and only on creation.
 */
#ifndef TIMEPARSE_ZONE_H
#define TIMEPARSE_ZONE_H

#include <weir/abi.h>

struct time_zone;

/* name: UTC, Z, local, +02:00, -0530, Europe/Paris. NULL is UTC. */
int time_zone_create(const char *name, struct time_zone **ret_zone, struct weir_error *error);
void time_zone_destroy(struct time_zone *zone);
/* From a zone file's bytes; for tests and fuzzing. */
int time_zone_from_file(const uint8_t *data, uint64_t size, struct time_zone **ret_zone);
/* Seconds east of Greenwich at a moment. */
int32_t time_zone_offset(const struct time_zone *zone, int64_t utc_seconds);
/* The moment of a wall time. zone NULL is UTC. */
int64_t time_zone_to_utc(const struct time_zone *zone, int64_t wall_seconds);
/* `+0200`, `+02:00`, `+02`, `-0530`, `Z`: bytes taken, or 0 when it is no offset. */
uint32_t time_offset_parse(const char *text, uint64_t size, int32_t *ret_offset);

#endif
