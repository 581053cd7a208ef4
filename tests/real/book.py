"""What was measured of the mock server, and what it really did, request by request."""

import json
import urllib.request

WAIT_S = 10


def truth(url):
    """Every request as it really went, in the order of receipt."""
    with urllib.request.urlopen(url + "/truth?requests=true", timeout=WAIT_S) as reply:
        told = json.load(reply)
    return sorted(told["requests"], key=lambda deed: deed["ordinal"])


def requests(results):
    """The raw lines of the requests."""
    (raw,) = (results / "raw").glob("*.jsonl")
    lines = (json.loads(line) for line in raw.open())
    return [line for line in lines if line["kind"] == "request"]


def quantile(values, p):
    """Type 7, as tokgate and the server have it."""
    values = sorted(values)
    rank = p * (len(values) - 1)
    low = int(rank)
    high = min(low + 1, len(values) - 1)
    return values[low] + (rank - low) * (values[high] - values[low])
