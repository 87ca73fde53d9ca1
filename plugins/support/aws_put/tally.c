// SPDX-License-Identifier: MIT
/* Source of the names: KinesisSender.java and FirehoseSender.java of amazon-kinesis-agent. */
#include "support/aws_put/tally.h"

static const struct cloudwatch_metric attempts = {"RecordSendAttempts", CLOUDWATCH_COUNT, 0};
static const struct cloudwatch_metric errors = {"RecordSendErrors", CLOUDWATCH_COUNT, 0};
static const struct cloudwatch_metric sent = {"RecordsSent", CLOUDWATCH_COUNT, 0};
static const struct cloudwatch_metric bytes = {"BytesSent", CLOUDWATCH_BYTES, 0};
static const struct cloudwatch_metric service_errors = {"ServiceErrors", CLOUDWATCH_COUNT, 0};

int32_t put_tally_init(struct put_tally *tally, struct cloudwatch *cloudwatch, const char *kind,
		       const char *name)
{
	struct cloudwatch_dimension dimension = {.name = "Destination", .of = CLOUDWATCH_OF_ALL};
	struct text value = {0};
	int32_t code;

	tally->cloudwatch = cloudwatch;
	text_add_string(&value, kind);
	text_add_string(&value, ":");
	text_add_string(&value, name);
	dimension.value = text_slice(&value);
	tally->attempts = cloudwatch_series(cloudwatch, &attempts, &dimension, 1);
	tally->errors = cloudwatch_series(cloudwatch, &errors, &dimension, 1);
	tally->sent = cloudwatch_series(cloudwatch, &sent, &dimension, 1);
	tally->bytes = cloudwatch_series(cloudwatch, &bytes, &dimension, 1);
	tally->service_errors = cloudwatch_series(cloudwatch, &service_errors, &dimension, 1);
	code = value.failed ? WEIR_ERR_MEMORY : 0;
	text_done(&value);
	return code;
}

void put_tally_answer(const struct put_tally *tally, const struct batching_request *request,
		      const struct batching_fate *fates)
{
	struct batching_cursor cursor = {.request = request};
	struct batching_record record;
	int64_t size = 0, count = 0;

	if (!tally->cloudwatch)
		return;
	for (uint32_t i = 0; batching_next(&cursor, &record); i++) {
		if (fates && fates[i].outcome != WEIR_OUTCOME_DELIVERED)
			continue;
		size += (int64_t)record.data.size + tally->newline;
		count++;
	}
	cloudwatch_add(tally->cloudwatch, tally->attempts, request->records);
	cloudwatch_add(tally->cloudwatch, tally->errors, request->records - count);
	cloudwatch_add(tally->cloudwatch, tally->sent, count);
	cloudwatch_add(tally->cloudwatch, tally->bytes, size);
	cloudwatch_add(tally->cloudwatch, tally->service_errors, 0);
}

void put_tally_failure(const struct put_tally *tally, const struct batching_request *request)
{
	cloudwatch_add(tally->cloudwatch, tally->attempts, request->records);
	cloudwatch_add(tally->cloudwatch, tally->service_errors, 1);
}
