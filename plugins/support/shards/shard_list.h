// SPDX-License-Identifier: MIT
/* The answers that tell of a stream's shards: ListShards and DescribeStreamSummary. */
#ifndef SHARD_LIST_H
#define SHARD_LIST_H

#include "support/aws/text.h"
#include "support/shards/shard_map.h"

/* Adds the shards of one page of ListShards; ret_token is where the next one begins, or empty. Returns
 * 0, WEIR_ERR_INVALID when the answer is cut or is something else, or WEIR_ERR_MEMORY. */
int32_t shard_list_read(struct weir_slice answer, struct shard_map *map, struct text *ret_token);

#define DISTRIBUTION_BY_KEY 0
#define DISTRIBUTION_AUTO 1 /* the service spreads records, whatever their keys are */

/* DISTRIBUTION_* of an answer of DescribeStreamSummary; by key when it says nothing. */
int32_t stream_summary_read(struct weir_slice answer, uint32_t *ret_distribution);

#endif
