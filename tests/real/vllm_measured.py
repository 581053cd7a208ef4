"""Checks what tokgate measured of a real vLLM.

usage: vllm_measured.py REPORT RESULTS
REPORT is tokgate's JSON, RESULTS the folder with its raw lines.
"""

import json
import pathlib
import sys

OUTPUT_TOKENS = 16


def requests(results):
    for raw in (results / "raw").glob("*.jsonl"):
        yield from (line for line in map(json.loads, raw.open()) if line["kind"] == "request")


def check(cases, records):
    """What is wrong, in words."""
    if not cases:
        yield "no case was measured"
    for record in records:
        if record["outcome"]["is"] != "success":
            yield f"a request failed: {record['outcome']}"
        elif record["usage"]["completion_tokens"] != OUTPUT_TOKENS:
            yield f"{record['usage']['completion_tokens']} tokens instead of {OUTPUT_TOKENS}"
        elif record["usage"]["completion_tokens"] != record["usage"]["raw"]["completion_tokens"]:
            yield "tokens are not those of the server's usage"
    for case in cases:
        if not case["target"]["platform"].startswith("vllm-"):
            yield f"the platform is {case['target']['platform']}"
        if case["target"]["config"].get("max_model_len") != 1024:
            yield f"the configuration is {case['target']['config']}"
        if not case["preparation"].get("model_load_s"):
            yield f"{case['case']}: the load time is not known"


def milliseconds(case, metric):
    value = case["metrics"].get(metric, {}).get("p50")
    return f"{value['value'] * 1e3:8.1f}" if value else "       –"


def main(report, results):
    cases = json.loads(pathlib.Path(report).read_text())["cases"]
    for case in cases:
        rate = case["metrics"]["tok_s"]["value"]["value"]
        load = case["preparation"].get("model_load_s") or 0
        print(f"{case['case']}: {case['target']['engine']}, loaded in {load:.1f} s, {rate:.1f} tok/s")
        print("  " + "  ".join(f"{it} p50 {milliseconds(case, it)} ms" for it in ("ttfr", "ttft", "itl")))
    wrong = sorted(set(check(cases, list(requests(pathlib.Path(results))))))
    if wrong:
        sys.exit("\n".join(f"  wrong: {what}" for what in wrong))


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
