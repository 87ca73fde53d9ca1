# SPDX-License-Identifier: MIT
"""moto: Kinesis, Firehose, S3, STS and IAM in one process, with signatures verified for real."""
import os

from .process import end, free_port, listening, spawn, wait_until
from .servers import need

REGION = "eu-west-1"
# moto serves that many requests before it begins to verify: those that make the user.
SETUP_CALLS = 4
POLICY = ('{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", '
          '"Resource": "*"}]}')


class Moto:
    """One moto server on a free loopback port; `keys` are those of a user who may do everything."""

    def __init__(self, folder, verify=True):
        self.modules = need("moto")
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.verify, self.process = verify, None
        self.keys = ("none", "none")

    def start(self):
        env = {"PYTHONPATH": str(self.modules)}
        if self.verify:
            env["INITIAL_NO_AUTH_ACTION_COUNT"] = str(SETUP_CALLS)
        self.process = spawn(["/usr/bin/python3", "-m", "moto.server", "-H", "127.0.0.1", "-p",
                              str(self.port)], self.folder / "moto.log", env)
        wait_until(lambda: self.process.poll() is not None or listening(self.port), 30, "moto")
        assert self.process.poll() is None, (self.folder / "moto.log").read_text()
        if self.verify:
            self._make_user()
        return self

    def _make_user(self):
        iam = self.client("iam")
        iam.create_user(UserName="weir")
        iam.put_user_policy(UserName="weir", PolicyName="all", PolicyDocument=POLICY)
        key = iam.create_access_key(UserName="weir")["AccessKey"]
        iam.list_users()
        self.keys = (key["AccessKeyId"], key["SecretAccessKey"])

    def client(self, service, keys=None):
        return client(service, self.url, keys or self.keys)

    def options(self, **more):
        """What an output needs to reach it."""
        return {"endpoint": self.url, "region": REGION, "access_key_id": self.keys[0],
                "secret_access_key": self.keys[1], **more}

    def stop(self):
        end(self.process)
        self.process = None


def client(service, url, keys=("none", "none"), verify=True):
    """botocore's client, independent of the environment."""
    import botocore.config
    import botocore.session

    session = botocore.session.Session(profile=None)
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
    config = botocore.config.Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    return session.create_client(service, region_name=REGION, endpoint_url=url,
                                 aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
                                 verify=verify, config=config)


def read_stream(kinesis, stream):
    """The records of a stream: {shard: [(partition key, data), ...]}, in order."""
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    return {shard["ShardId"]: _read_shard(kinesis, stream, shard["ShardId"]) for shard in shards}


def _read_shard(kinesis, stream, shard):
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard,
                                          ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    records = []
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator, Limit=10000)
        records += [(r["PartitionKey"], r["Data"]) for r in answer["Records"]]
        if not answer["Records"] and not answer.get("MillisBehindLatest"):
            break
        iterator = answer.get("NextShardIterator")
    return records
