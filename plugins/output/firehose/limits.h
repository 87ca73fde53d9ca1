// SPDX-License-Identifier: MIT
/* Limits of Amazon Data Firehose. Source: the service model of 2015-08-04, PutRecordBatch. */
#ifndef FIREHOSE_LIMITS_H
#define FIREHOSE_LIMITS_H

#define FIREHOSE_RECORDS_MAX 500
/* Of a record before base64: 1,000 KiB, given in the model as 1024000. */
#define FIREHOSE_RECORD_MAX 1024000u
/* Of all records of a request before base64. */
#define FIREHOSE_REQUEST_MAX (4u << 20)
/* Packs that are filled until the next record would not fit are, two neighbours together, larger
 * than one pack: of this size and more there are fewer than 500 in a request. */
#define FIREHOSE_PACK_MIN (32u << 10)
/* Our own, of records in a request where they are packed: bounds what an answer costs. */
#define FIREHOSE_PACKED_MAX 65536
#define FIREHOSE_STREAM_NAME_MAX 64

#endif
