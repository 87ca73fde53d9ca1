# SPDX-License-Identifier: MIT
"""Aggregates as their consumers see them: unpacked by libraries that nobody here wrote, and filtered as
KCL filters, by the range of hash keys of the shard that they lie on."""
import base64
import hashlib
import importlib
import json
import subprocess
import sys

from .servers import need

HASH_KEYS = 1 << 128
MAGIC = b"\xf3\x89\x9a\xc2"
PROTO = """syntax = "proto2";
message AggregatedRecord { repeated string partition_key_table = 1;
  repeated string explicit_hash_key_table = 2; repeated Record records = 3; }
message Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2;
  required bytes data = 3; repeated Tag tags = 4; }
message Tag { required string key = 1; optional string value = 2; }
"""


def _library():
    """aws_kinesis_agg with the protobuf that it came with."""
    folder = str(need("agg"))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("aws_kinesis_agg.deaggregator")


def hash_key(partition_key, explicit=None):
    if explicit:
        return int(explicit)
    return int.from_bytes(hashlib.md5(partition_key.encode()).digest(), "big")


def unpack(data, partition_key="", explicit=None):
    """[(partition key, explicit hash key or None, data)] of one Kinesis record."""
    library = _library()
    whole = {"kinesis": {"kinesisSchemaVersion": "1.0", "sequenceNumber": "1", "partitionKey":
                         partition_key, "approximateArrivalTimestamp": 0,
                         "data": base64.b64encode(data).decode()}}
    found = [(r["kinesis"]["partitionKey"], base64.b64decode(r["kinesis"]["data"]))
             for r in library.iter_deaggregate_records([whole])]
    if not is_aggregate(data):
        assert len(found) == 1
        return [(partition_key, explicit, data)]
    # That library knows no absent hash key: the generated message beneath it does.
    message = library.messages_pb2.AggregatedRecord()
    message.ParseFromString(data[4:-16])
    keys = [message.explicit_hash_key_table[r.explicit_hash_key_index]
            if r.HasField("explicit_hash_key_index") else None for r in message.records]
    for table in (message.partition_key_table, message.explicit_hash_key_table):
        assert len(set(table)) == len(table), "a key stands in its table twice"
    return [(key, explicit, text) for (key, text), explicit in zip(found, keys, strict=True)]


def packed(records):
    """An aggregate of (key, data)."""
    message = _library().messages_pb2.AggregatedRecord()
    for key, data in records:
        if key not in message.partition_key_table:
            message.partition_key_table.append(key)
        message.records.add(partition_key_index=list(message.partition_key_table).index(key), data=data)
    whole = message.SerializeToString()
    return MAGIC + whole + hashlib.md5(whole).digest()


def is_aggregate(data):
    return data[:4] == MAGIC and hashlib.md5(data[4:-16]).digest() == data[-16:]


def protoc(folder, data):
    """The records of an aggregate as protoc prints them: [(partition key, explicit or None, size)]."""
    (folder / "kpl.proto").write_text(PROTO)
    text = subprocess.run(["protoc", f"-I{folder}", "--decode=AggregatedRecord", "kpl.proto"],
                          input=data[4:-16], capture_output=True, check=True).stdout.decode()
    keys, explicit, records = [], [], []
    for line in map(str.strip, text.splitlines()):
        name, _, value = line.partition(": ")
        if name == "partition_key_table":
            keys.append(json.loads(value))
        elif name == "explicit_hash_key_table":
            explicit.append(json.loads(value))
        elif line.startswith("records"):
            records.append([None, None, None])
        elif name == "partition_key_index":
            records[-1][0] = keys[int(value)]
        elif name == "explicit_hash_key_index":
            records[-1][1] = explicit[int(value)]
        elif name == "data":
            records[-1][2] = value
    return [tuple(r) for r in records]


def node(records):
    """The same by the library for JavaScript: [[(partition key, data)] per record]."""
    program = """
        const agg = require('aws-kinesis-agg');
        const records = JSON.parse(require('fs').readFileSync(0));
        console.log(JSON.stringify(records.map(data => {
            let got;
            agg.deaggregateSync({data, partitionKey: 'a', sequenceNumber: '1'}, true,
                (error, records) => { if (error) throw error; got = records; });
            return got.map(r => [r.partitionKey, r.data]);
        })));"""
    text = json.dumps([base64.b64encode(data).decode() for data in records])
    out = subprocess.run(["node", "-e", program], input=text, capture_output=True, text=True,
                         check=True, cwd=need("npm")).stdout
    return [[(key, base64.b64decode(data)) for key, data in record] for record in json.loads(out)]


# ---- what the Kinesis Producer Library would send ----

AGGREGATE_MAX = 51_200  # its aggregationMaxSize
REQUEST_MAX = 5 << 20   # its collectionMaxSize
REQUEST_RECORDS = 500   # its collectionMaxCount
SHARD_MAX = 256 << 10   # of one shard in a request: with so much or more it goes


def _field(size):
    """Bytes of a field with a length, or of a message within another: tag, length and content."""
    return 1 + max(1, (size.bit_length() + 6) // 7) + size


def _aggregates(records):
    """[(size, first key)] of the Kinesis records that it packs (key, data) into, on one shard: an aggregate
    is full when one more record would make it larger than AGGREGATE_MAX."""
    overhead, packed = len(MAGIC) + 16, []
    keys, size, count, first = {}, overhead, 0, None
    for key, data in records:
        while True:
            index = keys.get(key, len(keys))
            more = _field(1 + max(1, (index.bit_length() + 6) // 7) + _field(len(data)))
            more += 0 if key in keys else _field(len(key.encode()))
            if count == 0 or size + more <= AGGREGATE_MAX:
                break
            packed.append((size, first))
            keys, size, count = {}, overhead, 0
        first = key if count == 0 else first
        keys.setdefault(key, index)
        size, count = size + more, count + 1
    return packed + [(size, first)]


def kpl_sends(records, head_size, stream="s"):
    """What KPL sends of (key, data), all for one shard, when no deadline makes it flush, which is the least
    it can: {"requests", "Kinesis records", "bytes"}, with heads of that size and bodies in JSON, which have
    the partition key "a" and always an explicit hash key, as its KinesisRecord and the AWS SDK for C++
    write them."""
    outside = head_size + len(json.dumps({"StreamName": stream, "Records": []}, separators=(",", ":")))
    packed = _aggregates(records)
    requests = count = waiting = total = 0
    for size, first in packed:
        if count == 0 or count == REQUEST_RECORDS or waiting >= SHARD_MAX \
                or waiting + size + 1 > REQUEST_MAX:
            requests, count, waiting, total = requests + 1, 0, 0, total + outside
        total += len('{"Data":"","PartitionKey":"a","ExplicitHashKey":""}') + 4 * ((size + 2) // 3)
        total += len(str(hash_key(first))) + (count > 0)
        count, waiting = count + 1, waiting + size + 1
    return {"requests": requests, "Kinesis records": len(packed), "bytes": total}


class Shard:
    def __init__(self, number, start, end):
        self.id, self.start, self.end = f"shardId-{number:012}", start, end
        self.open, self.records = True, []  # (partition key, explicit hash key, data)

    def holds(self, key):
        return self.start <= key <= self.end

    def json(self):
        sequence = {"StartingSequenceNumber": "1"} | ({} if self.open else {"EndingSequenceNumber": "9"})
        return {"ShardId": self.id, "SequenceNumberRange": sequence, "HashKeyRange": {
            "StartingHashKey": str(self.start), "EndingHashKey": str(self.end)}}


class Stream:
    """A stream in memory, whose `answer` is for FakeAws. before(stream, operation, number) is called
    with each request, under the lock; fails(shard, data) gives an error code for a record, or None."""

    page = 100

    def __init__(self, shards=1):
        edges = [HASH_KEYS * i // shards for i in range(shards + 1)]
        self.shards = [Shard(i, edges[i], edges[i + 1] - 1) for i in range(shards)]
        self.strategy = "USER_PARTITION_KEY"
        self.before, self.fails = (lambda *_: None), (lambda *_: None)
        self.calls, self.puts = [], []  # names of operations; records of each PutRecords

    def open_shards(self):
        return [s for s in self.shards if s.open]

    def _add(self, start, end):
        self.shards.append(Shard(len(self.shards), start, end))

    def split(self, shard):
        middle = (shard.start + shard.end) // 2
        shard.open = False
        self._add(shard.start, middle)
        self._add(middle + 1, shard.end)

    def merge(self, one, other):
        assert one.end + 1 == other.start
        one.open = other.open = False
        self._add(one.start, other.end)

    # ---- the service ----

    def shard_of(self, record):
        key = hash_key(record["PartitionKey"], record.get("ExplicitHashKey"))
        if self.strategy == "AUTO":
            key = hash_key(record["Data"])
        return next(s for s in self.shards if s.open and s.holds(key))

    def answer(self, request, number):
        operation = request.headers["x-amz-target"].partition(".")[2]
        body = json.loads(request.body)
        self.calls.append(operation)
        fault = self.before(self, operation, self.calls.count(operation))
        if fault:
            return fault
        return 200, getattr(self, "_" + operation)(body)

    def _PutRecords(self, body):
        answers = []
        self.puts.append(body["Records"])
        for record in body["Records"]:
            shard, data = self.shard_of(record), base64.b64decode(record["Data"])
            code = self.fails(shard, data)
            if code:
                answers.append({"ErrorCode": code, "ErrorMessage": "not now"})
                continue
            shard.records.append((record["PartitionKey"], record.get("ExplicitHashKey"), data))
            answers.append({"SequenceNumber": "1", "ShardId": shard.id})
        return {"FailedRecordCount": sum("ErrorCode" in a for a in answers), "Records": answers}

    def _ListShards(self, body):
        first = int(body.get("NextToken", 0))
        assert ("StreamName" in body) != ("NextToken" in body), body
        last = first + self.page
        more = {"NextToken": str(last)} if last < len(self.shards) else {}
        return {"Shards": [s.json() for s in self.shards[first:last]], **more}

    def _DescribeStreamSummary(self, body):
        return {"StreamDescriptionSummary": {"StreamName": body["StreamName"], "StreamStatus": "ACTIVE",
                                             "RecordDistributionStrategy": self.strategy}}

    # ---- consumers ----

    def kinesis_records(self):
        return [r for shard in self.shards for r in shard.records]

    def all(self):
        """Every record that lies in the stream: (shard, partition key, explicit hash key, data)."""
        return [(shard, *found) for shard in self.shards for key, explicit, data in shard.records
                for found in unpack(data, key, explicit)]

    def kcl(self):
        """The data that a consumer on KCL gets: of aggregates, what belongs to the shard."""
        return [data for shard in self.shards for key, explicit, whole in shard.records
                for k, e, data in unpack(whole, key, explicit)
                if not is_aggregate(whole) or shard.holds(hash_key(k, e))]
