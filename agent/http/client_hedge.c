// SPDX-License-Identifier: MIT
/*
 *   late ──▶ two copies under way ──┬─▶ one is answered: the other is broken off
 *                                   └─▶ one fails: the other goes on
 *
 * A copy takes one of the places for requests in flight, before anything new does, and is only sent
 * while the destination works.
 */
#include "base/clock.h"
#include "http/client_internal.h"

static void send_copy(struct weir_http_client *client, struct transfer *late)
{
	struct transfer *copy;

	if (!hedge_take(&client->hedge) || client_carry(client, late->job, 1, &copy))
		return;
	copy->began_ns = late->began_ns;
	copy->is_asked = 1;
	copy->copies = late->copies = 2;
	copy->twin = late;
	late->twin = copy;
}

static int has_room(const struct weir_http_client *client, uint64_t now)
{
	return client->pace.failing == 0 && client->not_before_ns <= now &&
	       client->in_flight < pace_limit(&client->pace);
}

void client_hedge(struct weir_http_client *client)
{
	uint64_t now, due, next_ns = UINT64_MAX;

	if (!client->hedge.late_ns)
		return;
	now = clock_monotonic_ns();
	/* Copies are put before those that are looked at. */
	for (struct transfer *transfer = client->running; transfer; transfer = transfer->next) {
		due = transfer->began_ns + client->hedge.late_ns;
		if (transfer->is_asked)
			continue;
		if (due > now) {
			next_ns = due < next_ns ? due : next_ns;
		} else if (has_room(client, now)) {
			transfer->is_asked = 1;
			send_copy(client, transfer);
		}
	}
	if (next_ns == UINT64_MAX)
		loop_timer_stop(client->http->loop, &client->hedge_timer);
	else
		loop_timer_set(client->http->loop, &client->hedge_timer, next_ns - now);
}

int client_hedge_ended(struct weir_http_client *client, struct transfer *transfer,
		       const struct verdict *verdict)
{
	struct transfer *twin = transfer->twin;
	struct verdict_facts facts;

	twin->twin = transfer->twin = NULL;
	if (!client_is_answered(verdict)) {
		twin->has_landed |= verdict->may_have_landed;
		return 1;
	}
	engine_remove(client->http, twin->easy);
	transfer_facts(twin, CURLE_OK, &facts);
	if (facts.sent == 0)
		transfer->copies = 1;
	client_unlink(client, twin);
	client_put_down(client, twin);
	return 0;
}
