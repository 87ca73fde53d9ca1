// SPDX-License-Identifier: MIT
/*
 * MD5 of several texts at once. One text has to be hashed step by step, each step waiting for the one
 * before; with AVX2 the same steps are done for eight texts in eight lanes.
 */
#ifndef AGGREGATE_MD5_LANES_H
#define AGGREGATE_MD5_LANES_H

#include <weir/abi.h>

#define MD5_LANES 8
#define MD5_LANES_DIGEST 16

/* Whether this processor can. */
int md5_lanes_available(void);
/* Up to MD5_LANES texts; only where they are available. */
void md5_lanes(const struct weir_slice *texts, uint32_t count,
	       uint8_t (*ret_digests)[MD5_LANES_DIGEST]);

#endif
