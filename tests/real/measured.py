"""Compares what tokgate measured of llama.cpp's server with the server's own `timings`.

usage: measured.py REPORT RESULTS
REPORT is tokgate's JSON, RESULTS the folder with its raw lines.
"""

import json
import pathlib
import statistics
import sys


def epochs(results):
    """The raw lines of each epoch: its head and its requests."""
    for raw in sorted((results / "raw").glob("*.jsonl")):
        head, *lines = (json.loads(line) for line in raw.open())
        yield head, [line for line in lines if line["kind"] == "request"]


def check(case, records):
    """What is wrong, in words."""
    failed = [record["outcome"] for record in records if record["outcome"]["is"] != "success"]
    if failed:
        yield f"{len(failed)} of {len(records)} requests failed: {failed[0]}"
    usages = [record["usage"] for record in records if record.get("usage")]
    if len(usages) != len(records):
        yield f"{len(records) - len(usages)} requests have no token counts"
    for usage in usages:
        if usage["completion_tokens"] != usage["raw"]["completion_tokens"]:
            yield "tokens are not those of the server's usage"
        if usage["completion_tokens"] != usage["raw"]["timings"]["predicted_n"]:
            yield "the server's usage and its timings count differently"
    mean = case["metrics"]["output_tokens"]["mean"]
    counted = statistics.mean(usage["completion_tokens"] for usage in usages)
    if abs(mean - counted) > 0.5 / len(usages):
        yield f"the report says {mean} output tokens a request, the raw lines {counted}"
    target = case["target"]
    if target["platform"] != "llama-cpp":
        yield f"the platform is {target['platform']}"
    value = lambda name: case["metrics"].get(name, {}).get("value", {}).get("value")
    if not 0 < (value("coherence") or 0) <= 1:
        yield f"the server was asked for probabilities, and coherence is {value('coherence')}"
    if not value("server_running_peak"):
        yield f"the server's own metrics say {value('server_running_peak')} running requests"
    if not case["preparation"].get("model_load_s"):
        yield "the load time of the server is not known"


def side_by_side(case, records):
    """Mean times as measured, and as the server times its own work."""
    timings = [record["usage"]["raw"]["timings"] for record in records]
    mean = lambda name: statistics.mean(timing[name] for timing in timings)
    yield "TTFT", case["metrics"]["ttft"]["mean"] * 1e3, mean("prompt_ms")
    # The first token comes with the prompt: the rest are decoded one by one.
    decoded = statistics.mean(
        timing["predicted_ms"] / max(timing["predicted_n"] - 1, 1) for timing in timings
    )
    yield "TPOT", case["metrics"]["tpot"]["mean"] * 1e3, decoded


def main(report, results):
    cases = {case["case"]: case for case in json.loads(pathlib.Path(report).read_text())["cases"]}
    wrong = [] if cases else ["no case was measured"]
    for head, records in epochs(pathlib.Path(results)):
        case = cases[head["case"]["id"]]
        target, load = case["target"], case["preparation"].get("model_load_s") or 0
        print(f"{case['case']}: {len(records)} requests, {target['engine']}, loaded in {load:.2f} s")
        told = ["coherence", "repetition", "server_running_peak", "server_waiting_peak"]
        values = {name: case["metrics"].get(name, {}).get("value", {}).get("value") for name in told}
        print("  " + ", ".join(f"{name} {value}" for name, value in values.items()))
        for name, ours, theirs in side_by_side(case, records):
            print(f"  {name} {ours:8.2f} ms measured, {theirs:8.2f} ms by the server")
        wrong += [f"{case['case']}: {what}" for what in check(case, records)]
    if wrong:
        sys.exit("\n".join(f"  wrong: {what}" for what in wrong))


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
