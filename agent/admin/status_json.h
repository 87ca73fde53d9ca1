// SPDX-License-Identifier: MIT
/*
 * The document of GET /status and `weir status --json`. Compact JSON, one object; members are only
 * ever added. Counters count from the agent's start.
 *
 *   version         of Weir
 *   host            name of the machine, as in @host
 *   uptime_seconds
 *   state           {dir, stalled}: the state folder; stalled is null, or why commits fail
 *   memory          {used, limit}: bytes, of all pipelines
 *   pipelines       list of
 *     name
 *     state         "running", "stopping", "failed", or "not started"
 *     failure       null, or why
 *     refused       null, or why the last reload left the pipeline as it was
 *     routed        records that came through the filters
 *     unrouted      records of them that no output wanted
 *     memory        {used, peak, limit}: bytes
 *     inputs        list of {name, plugin, sources, bytes, records, lag_bytes, lag_seconds,
 *                   read_errors, dead_lettered}: sources are files that are open or peers; lag is
 *                   what lies unread
 *     filters       list of {name, plugin, dropped, dead_lettered, held, made}: held are records that
 *                   it kept, made those that it sent on in their place
 *     outputs       list of {name, plugin, delivered, dead_lettered, dropped, not_routed,
 *                   delivered_before, lost, queued_before, in_flight, requests, retries, stalled,
 *                   buffer}: records, except for requests and retries; lost are those that its
 *                   queue on disk dropped or found damaged, queued_before those read back from it
 *                   that an earlier run put there; in_flight is records without an outcome, also
 *                   in the queue; stalled is null, or why nothing gets through; buffer is null,
 *                   or its queue: {bytes, limit, durable}
 *     dead_letter   list of the same, for the outputs of the dead letter
 *     dead_reasons  list of {stage, reason, count, error, sample}: dead letters by stage and reason,
 *                   with the error and the beginning of the line of the last; at most 16. sample is
 *                   null for who has not brought a token
 *
 * GET /api/events sends an event named `status` every second, whose data is one such object:
 *
 *   at      milliseconds since 1970
 *   records whether who listens may see records, by the token that was brought
 *   status  the document above
 *   files   list of {pipeline, input, name, position, lag_bytes}: of each pipeline the 100 sources most
 *           behind; everything before position has an outcome at every output
 *   log     list of {time, level, origin, code, text}: the last warnings and errors, the newest first
 */
#ifndef ADMIN_STATUS_JSON_H
#define ADMIN_STATUS_JSON_H

/* The longest document that `weir status` takes. */
#define STATUS_JSON_MAX (64u << 20)

#endif
