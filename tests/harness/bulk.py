# SPDX-License-Identifier: MIT
"""A `_bulk` of our own, for answers that a healthy server does not give. What a real server does is
tested with harness.opensearch; this one is only as strict as the tests need."""
import gzip
import json
import threading

from .scripted import Scripted


class Bulk:
    """fate(document, tries) -> status of an item; whole(body, number) -> an answer in its place."""

    def __init__(self, fate=lambda document, tries: 201, whole=lambda body, number: None):
        self.fate, self.whole, self.lock = fate, whole, threading.Lock()
        self.tries, self.stored, self.actions = {}, {}, {}
        self.server = Scripted(self.answer)
        self.url = self.server.url

    def answer(self, body, number):
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        instead = self.whole(body, number)
        if instead is not None and not callable(instead):
            return instead
        text = json.dumps(self.take(body))
        if instead:
            text = instead(text)
        return 200, {"Content-Type": "application/json"}, text.encode()

    def take(self, body):
        assert body.endswith(b"\n")
        lines = body.decode().split("\n")[:-1]
        items = []
        for action, source in zip(lines[::2], lines[1::2], strict=True):
            action, document = json.loads(action), json.loads(source)
            assert list(action) == ["create"]
            items.append({"create": self.item(action["create"], document)})
        return {"took": 1, "errors": any(i["create"]["status"] > 299 for i in items),
                "items": items}

    def item(self, action, document):
        key = action.get("_id", f"none-{document['message']}")
        with self.lock:
            self.tries[key] = self.tries.get(key, 0) + 1
            status = 409 if key in self.stored else self.fate(document, self.tries[key])
            if status < 300:
                self.stored[key], self.actions[key] = document, action
        found = {"_id": key, "status": status}
        if status == 409:
            found["error"] = {"type": "version_conflict_engine_exception", "reason": "exists"}
        elif status > 299:
            found["error"] = {"type": f"made_up_{status}", "reason": f"as the test wants: {status}"}
        return found

    def messages(self):
        with self.lock:
            return sorted(document["message"] for document in self.stored.values())

    def close(self):
        self.server.close()
