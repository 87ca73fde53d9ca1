// SPDX-License-Identifier: MIT
/* The options of aggregation, among those of the output. */
#ifndef KINESIS_PRODUCER_OPTIONS_H
#define KINESIS_PRODUCER_OPTIONS_H

#include "producer_internal.h"

extern const struct weir_option producer_aggregate_members[];

#define PRODUCER_OPTIONS                                                                         \
	HTTP_OPTION("aggregate", WEIR_TYPE_MAP, NULL,                                            \
		    "many records in one, as the Kinesis Producer Library packs them and KCL "   \
		    "unpacks them; true, or a map",                                              \
		    .flags = WEIR_OPTION_SHORT, .members = producer_aggregate_members),          \
		HTTP_OPTION("rate_limit", WEIR_TYPE_INT, KINESIS_RATE_DEFAULT,                   \
			    "with aggregate: percent of what a shard takes (1000 records and "   \
			    "1MiB a second) that is sent to it; less while it throttles; 0: no " \
			    "limit",                                                             \
			    .min = 0, .max = KINESIS_RATE_MAX),                                  \
		HTTP_OPTION("record_ttl", WEIR_TYPE_DURATION, NULL,                              \
			    "with aggregate: a record that can't be delivered for so long goes " \
			    "to the dead letter; none given: it is tried for ever",              \
			    .min = 1000000, .max = 720 * HTTP_OPTION_HOUR)

/* Whether `aggregate` is on. */
int producer_is_wanted(const struct weir_node *node);
/* Reads what is there of the options above and of those about batches. */
int32_t producer_settings_read(const struct producer_options *options,
			       struct producer_settings *ret_settings, struct weir_error *error);

#endif
