"""Compares what tokgate measured of llama.cpp's server with what the server says of itself.

usage: measured.py REPORT RESULTS URL
REPORT is tokgate's JSON of one case, RESULTS the folder with its raw lines, URL the server's. The
server's counters go on from one case to the next: the last ones are kept beside RESULTS, and
whoever starts a server removes them.
"""

import json
import pathlib
import sys
import urllib.request

WAIT_S = 10


def counters(url):
    """The server's counters since its start, by name."""
    with urllib.request.urlopen(url + "/metrics", timeout=WAIT_S) as reply:
        lines = reply.read().decode().splitlines()
    pairs = (line.removeprefix("llamacpp:").rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def since_last_time(url, kept):
    """The counters since the last case measured of this server."""
    now = counters(url)
    before = json.loads(kept.read_text()) if kept.exists() else {}
    kept.write_text(json.dumps(now))
    return {name: value - before.get(name, 0) for name, value in now.items()}


def requests(results):
    """The raw lines of the requests."""
    (raw,) = (results / "raw").glob("*.jsonl")
    lines = (json.loads(line) for line in raw.open())
    return [line for line in lines if line["kind"] == "request"]


def check(case, records, server):
    """What is wrong, in words."""
    failed = [record["outcome"] for record in records if record["outcome"]["is"] != "success"]
    if failed:
        yield f"{len(failed)} of {len(records)} requests failed: {failed[0]}"
    usages = [record["usage"] for record in records if record.get("usage")]
    if any(usage["completion_tokens"] != usage["raw"]["completion_tokens"] for usage in usages):
        yield "tokens are not those of the server's usage"
    tokens = sum(usage["completion_tokens"] for usage in usages)
    if tokens != server["tokens_predicted_total"]:
        yield f"{tokens} output tokens, and the server made {server['tokens_predicted_total']:.0f}"
    events = sum(event["kind"] == "content" for record in records for event in record.get("events", []))
    if not 0 < events <= tokens:
        yield f"{events} events with text and {tokens} tokens"
    mean = case["metrics"]["output_tokens"]["mean"]
    if abs(mean * len(usages) - tokens) > 0.5:
        yield f"the report says {mean} output tokens a request, the raw lines {tokens / len(usages)}"
    target = case["target"]
    if target["platform"] != "llama-cpp":
        yield f"the platform is {target['platform']}"
    if not target["engine"].startswith("llama.cpp "):
        yield f"the engine is {target['engine']}, without its build"


def side_by_side(case, records, server):
    """Mean times as measured, and as the server counts its own work."""
    count = len(records)
    # The first token of an answer comes with the prompt: the rest are decoded one by one.
    decoded = server["tokens_predicted_total"] - count
    prefill = server["prompt_seconds_total"] / count
    decode = server["tokens_predicted_seconds_total"] / decoded
    yield "TTFT", case["metrics"]["ttft"]["mean"], prefill
    yield "TPOT", case["metrics"]["tpot"]["mean"], decode


def main(report, results, url):
    results = pathlib.Path(results)
    (case,) = json.loads(pathlib.Path(report).read_text())["cases"]
    records = requests(results)
    server = since_last_time(url, results.parent / "counters.json")
    target = case["target"]
    print(f"{case['case']}: {len(records)} requests, {target['platform']}, {target['engine']}")
    for name, ours, theirs in side_by_side(case, records, server):
        print(f"  {name} {ours * 1e3:8.2f} ms measured, {theirs * 1e3:8.2f} ms by the server")
    wrong = list(check(case, records, server))
    if wrong:
        sys.exit("\n".join(f"  wrong: {what}" for what in wrong))


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
