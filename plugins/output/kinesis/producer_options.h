// SPDX-License-Identifier: MIT
/* The options of aggregation, among those of the output. */
#ifndef KINESIS_PRODUCER_OPTIONS_H
#define KINESIS_PRODUCER_OPTIONS_H

#include "producer_internal.h"

extern const struct weir_option producer_aggregate_members[];

#define PRODUCER_OPTIONS                                                                       \
	HTTP_OPTION("aggregate", WEIR_TYPE_MAP, NULL,                                          \
		    "many records in one, as the Kinesis Producer Library packs them and KCL " \
		    "unpacks them; true, or a map",                                            \
		    .flags = WEIR_OPTION_SHORT, .members = producer_aggregate_members),        \
		HTTP_OPTION("rate_limit", WEIR_TYPE_INT, NULL,                                 \
			    "percent of what a shard takes (1000 records and 1MiB a second) "  \
			    "that is sent to it; less while it throttles; 0: no limit; none "  \
			    "given: 150 with aggregate, no limit without",                     \
			    .min = 0, .max = KINESIS_RATE_MAX)

/* Whether `aggregate` is on, or a rate for each shard, which takes all of it but the aggregates. */
int producer_is_wanted(const struct weir_node *node);
/* Reads what is there of the options above and of those about batches. */
int32_t producer_settings_read(const struct producer_options *options,
			       struct producer_settings *ret_settings, struct weir_error *error);

#endif
