// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "http/client_internal.h"

/* Without success for so long, the output counts as stalled. */
#define CLIENT_STALLED_NS (10 * (uint64_t)NS_PER_SECOND)
/* Of an answer, in the log. */
#define CLIENT_EXCERPT 200

static void say(struct weir_http_client *client, uint32_t level, const char *code, const char *text)
{
	if (client->owner.log)
		client->owner.log(client->owner.user, level, code, text);
}

void client_say_stalled(struct weir_http_client *client, const char *why)
{
	if (!*why && !client->stalled)
		return;
	client->stalled = *why != '\0';
	if (client->owner.stalled)
		client->owner.stalled(client->owner.user, why);
}

void client_say_success(struct weir_http_client *client, const struct job *job, uint64_t now)
{
	char text[512];

	if (client->pace.failing > 0 &&
	    (client->pace.failing >= CLIENT_TROUBLE || client->alarm || client->stalled)) {
		snprintf(text, sizeof(text), "%s accepts requests again after %" PRIu64 " s",
			 job->place,
			 (now - client->pace.failing_since_ns) / (uint64_t)NS_PER_SECOND);
		say(client, WEIR_LOG_INFO, "http_recovered", text);
	}
	client->alarm = 0;
	client_say_stalled(client, "");
}

static void describe(char *text, size_t size, const struct job *job, const struct verdict *verdict,
		     struct weir_slice answer)
{
	int excerpt = answer.size < CLIENT_EXCERPT ? (int)answer.size : CLIENT_EXCERPT;

	snprintf(text, size, "%s: %s%s%.*s", job->place, verdict->text,
		 verdict->status && excerpt ? ": " : "", verdict->status ? excerpt : 0,
		 answer.data ? answer.data : "");
}

void client_say_retry(struct weir_http_client *client, const struct job *job,
		      const struct verdict *verdict, struct weir_slice answer, uint64_t wait_ns)
{
	char what[768], text[1024];
	uint64_t now = clock_monotonic_ns();

	describe(what, sizeof(what), job, verdict, answer);
	snprintf(text, sizeof(text), "%s; try %" PRIu32 ", the next in %.1f s", what,
		 job->request->attempt, (double)wait_ns / 1e9);
	say(client, WEIR_LOG_WARNING, "http_retry", text);
	if (!client->stalled && now - client->pace.failing_since_ns >= CLIENT_STALLED_NS)
		client_say_stalled(client, what);
}

void client_say_hold(struct weir_http_client *client, const struct job *job,
		     const struct verdict_facts *facts, const struct verdict *verdict)
{
	uint32_t reason = (facts->status ? (uint32_t)facts->status : 1000 + facts->code) + 1;
	char what[768], text[1024];

	if (client->alarm == reason)
		return;
	client->alarm = reason;
	describe(what, sizeof(what), job, verdict, facts->answer);
	snprintf(text, sizeof(text),
		 "%s; %s. Nothing is lost: it is tried again about every %.0f s", what,
		 verdict->remedy ? verdict->remedy : "an operator must act",
		 (double)client->pace.wait_max_ns / 1e9);
	say(client, WEIR_LOG_ERROR, "http_hold", text);
	client_say_stalled(client, what);
}
