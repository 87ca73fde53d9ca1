// SPDX-License-Identifier: MIT
/* From an answer to what http_done() says, and to outcomes of records. */
#include <stdlib.h>

#include "support/aws_put/failures.h"
#include "support/aws_put/put_internal.h"

/* ---- the call as a whole ---- */

static uint32_t refuse(struct aws_put *put, struct batching_request *request,
		       const struct aws_error *failure)
{
	char text[PUT_REFUSAL_SIZE];
	const char *reason;

	if (request->records > 1) {
		batching_split(put->batching, request);
		return WEIR_HTTP_FINISHED;
	}
	reason = put_refusal(failure, text);
	put->host->metric_add(put->refused, 1);
	batching_dead(put->batching, request, reason, weir_slice_of(text));
	return WEIR_HTTP_FINISHED;
}

static uint32_t call_failed(struct aws_put *put, struct batching_request *request,
			    const struct weir_http_response *response)
{
	struct aws_error failure;

	if (http_may_repeat(response))
		put->host->metric_add(put->repeated, request->records);
	aws_error_read(response, &failure);
	put_tally_failure(&put->tally, request);
	if (put_class_is_final(failure.class))
		return refuse(put, request, &failure);
	return batching_again(put->batching, request,
			      aws_service_refused(put->service, response, &failure));
}

/* ---- record by record ---- */

struct reading {
	struct batching_fate *fates; /* of the request's records */
	const uint32_t *sizes;       /* of groups; NULL = each is one */
	uint32_t groups, records;    /* expected */
	uint32_t next;               /* record */
	struct put_failures failures;
};

static struct batching_fate fate_of(struct reading *r, const struct put_outcome *outcome,
				    uint32_t records)
{
	struct batching_fate fate = {.outcome = WEIR_OUTCOME_DELIVERED};
	char code[PUT_CODE_SIZE];
	uint32_t class;

	if (outcome->code.size == 0)
		return fate;
	class = put_failures_note(&r->failures, outcome, records, code);
	fate.outcome = 0;
	if (!put_class_is_final(class))
		return fate;
	fate.outcome = WEIR_OUTCOME_DEAD;
	fate.reason = class == AWS_ERROR_TOO_LARGE ? "too_large" : "refused";
	fate.text = weir_slice_of(r->failures.dead_text);
	return fate;
}

static void on_outcome(void *user, const struct put_outcome *outcome)
{
	struct reading *r = user;
	uint32_t size = r->sizes && outcome->index < r->groups ? r->sizes[outcome->index] : 1;
	struct batching_fate fate;

	if (outcome->index >= r->groups || size > r->records - r->next)
		return; /* the count will tell */
	fate = fate_of(r, outcome, size);
	for (uint32_t i = 0; i < size; i++)
		r->fates[r->next++] = fate;
}

static uint32_t settle(struct aws_put *put, struct batching_request *request, struct reading *r)
{
	const struct put_failures *f = &r->failures;
	uint32_t answer;

	put->host->metric_add(put->retried, f->retried);
	put->host->metric_add(put->refused, f->refused);
	weir_logf(put->host, put->options.context, WEIR_LOG_WARNING, "aws_partial",
		  "%s took only a part: %u of %u records are sent again, %u refused (%s: %s)",
		  put->options.service, f->retried, r->records, f->refused, f->code, f->text);
	answer = batching_settle(put->batching, request, r->fates);
	if (answer == WEIR_HTTP_TRY_AGAIN && f->held > 0)
		answer = WEIR_HTTP_TRY_SLOWLY;
	return batching_again(put->batching, request, answer);
}

static uint32_t read_answer(struct aws_put *put, struct batching_request *request,
			    const struct weir_http_response *response, struct reading *r)
{
	int32_t count = put_answer_walk(response->body, put->options.list, on_outcome, r);

	if (count != (int32_t)r->groups || r->next != r->records) {
		weir_logf(put->host, put->options.context, WEIR_LOG_WARNING, "aws_answer",
			  "%s gave an answer that does not tell of %u records; they are sent again "
			  "and may arrive twice",
			  put->options.service, r->groups);
		put->host->metric_add(put->repeated, request->records);
		return batching_again(put->batching, request, WEIR_HTTP_TRY_AGAIN);
	}
	put_tally_answer(&put->tally, request, r->fates);
	if (r->failures.retried || r->failures.refused)
		return settle(put, request, r);
	batching_delivered(put->batching, request);
	return WEIR_HTTP_FINISHED;
}

uint32_t put_outcome(struct aws_put *put, struct batching_request *request,
		     const struct weir_http_response *response)
{
	struct reading reading = {.groups = request->records, .records = request->records};
	uint32_t *sizes = NULL, answer = WEIR_HTTP_TRY_AGAIN;

	if (response->advice != WEIR_HTTP_OK)
		return call_failed(put, request, response);
	if (http_may_repeat(response))
		put->host->metric_add(put->repeated, request->records);
	reading.fates = calloc(request->records, sizeof(*reading.fates));
	if (put->options.groups)
		sizes = calloc(request->records, sizeof(*sizes));
	if (sizes)
		reading.groups = put->options.groups(put->options.user, request, sizes);
	reading.sizes = sizes;
	if (reading.fates && (sizes || !put->options.groups))
		answer = read_answer(put, request, response, &reading);
	free(reading.fates);
	free(sizes);
	return answer;
}
