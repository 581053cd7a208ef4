"""Compares what tokgate measured of the mock server with what the mock server really did.

usage: mock_truth.py REPORT RESULTS URL
REPORT is tokgate's JSON of one case, RESULTS the folder with its raw lines, URL the server's, whose
book was empty before the case. Times are compared without the warm-up, which is the first requests.
"""

import json
import pathlib
import sys

from book import quantile, requests, truth


def check(records, deeds):
    """What is wrong, in words."""
    failed = [record["outcome"] for record in records if record["outcome"]["is"] != "success"]
    if failed:
        yield f"{len(failed)} of {len(records)} requests failed: {failed[0]}"
    if len(records) != len(deeds):
        yield f"{len(records)} requests, and the server answered {len(deeds)}"
    said = sum(record["usage"]["completion_tokens"] for record in records if record.get("usage"))
    sent = sum(deed["completion_tokens"] for deed in deeds)
    if said != sent:
        yield f"{said} output tokens, and the server sent {sent}"


QUANTILES = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]


def side_by_side(case, deeds):
    """Each time as measured and as it was, in milliseconds."""
    values = {
        "ttft": [deed["ttft_s"] for deed in deeds],
        "itl": [gap for deed in deeds for gap in deed["itl_s"]],
        "e2e": [deed["e2e_s"] for deed in deeds],
    }
    for metric, real in values.items():
        for name, p in QUANTILES:
            said = case["metrics"][metric][name]["value"]
            yield f"{metric} {name}", said * 1e3, quantile(real, p) * 1e3


def rate(deeds):
    """Output tokens per second, from the first receipt to the last end."""
    window = max(deed["ended_s"] for deed in deeds) - min(deed["received_s"] for deed in deeds)
    return sum(deed["completion_tokens"] for deed in deeds) / window


def in_flight(records):
    """The largest number of requests at once, from their sending to their end."""
    changes = [(record["sent"], 1) for record in records]
    changes += [(record["done"], -1) for record in records]
    now = most = 0
    # Who ends at the moment at which another begins has made room for it.
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def own_lateness(records):
    """From the moment at which a request was due to its first byte, in milliseconds."""
    lags = [(record["sent"] - record["due"]) / 1e6 for record in records]
    return quantile(lags, 0.5), quantile(lags, 0.99)


def main(report, results, url):
    (case,) = json.loads(pathlib.Path(report).read_text())["cases"]
    records, deeds = requests(pathlib.Path(results)), truth(url)
    measured = [record for record in records if record["phase"] == "measured"]
    real = deeds[len(records) - len(measured):]
    print(f"{case['case']}: {len(measured)} requests, {in_flight(measured)} at once")
    for name, said, was in side_by_side(case, real):
        print(f"  {name:<10} {said:11.4f} ms measured {was:11.4f} ms in truth {said - was:+9.4f} ms")
    said, was = case["metrics"]["tok_s"]["value"]["value"], rate(real)
    off = (said / was - 1) * 100
    print(f"  {'tok_s':<10} {said:11.1f}    measured {was:11.1f}    in truth {off:+9.3f} %")
    p50, p99 = own_lateness(measured)
    print(f"  {'send_lag':<10} {p50:11.4f} ms p50      {p99:11.4f} ms p99")
    wrong = list(check(records, deeds))
    if wrong:
        sys.exit("\n".join(f"  wrong: {what}" for what in wrong))


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
