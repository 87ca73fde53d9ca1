# SPDX-License-Identifier: MIT
"""What several tests of faults need."""
import datetime

import pytest

from harness.fake_aws import FakeAws


@pytest.fixture
def two_keys():
    """Credentials of a container: other keys each time they are asked for. `env` has an agent use them."""
    expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=6)
    server = FakeAws(lambda request, number: (200, {
        "AccessKeyId": f"AK{number}", "SecretAccessKey": "SECRET", "Token": "TOKEN",
        "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}))
    server.env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/v1", "AWS_PROFILE": "",
                  "AWS_ACCESS_KEY_ID": "", "AWS_CONFIG_FILE": "/none",
                  "AWS_SHARED_CREDENTIALS_FILE": "/none"}
    yield server
    server.close()
