"""What tokgate said of llama.cpp's vectors and of answers from passages, checked.

usage: embeddings.py REPORT_OF_EMBEDDINGS REPORT_OF_RAG
"""

import json
import sys

DIMENSIONS = 576  # of SmolLM2-135M


def cases(path):
    with open(path) as report:
        found = json.load(report)["cases"]
    assert found, f"{path}: nothing was measured"
    for case in found:
        assert case["requests"]["failed"] == 0, case["failures"]
        assert case["target"]["config"]["dimensions"] == DIMENSIONS, case["target"]
    return found


def median_ms(case, metric):
    return case["metrics"][metric]["p50"]["value"] * 1e3


for case in cases(sys.argv[1]):
    asked = case["case"].split("encoding_format=")[1]
    assert case["target"]["config"]["encoding"] == asked, case["target"]
    tokens = case["metrics"]["prompt_tokens"]["mean"]
    assert tokens >= 2 * 16, "two texts of sixteen words"
    print(f"{case['case']}: embed {median_ms(case, 'embed'):.1f} ms, {tokens:.1f} tokens a request")

for case in cases(sys.argv[2]):
    if "engine=flat," in case["case"] + ",":
        recall = case["metrics"]["recall_at_10"]
        assert recall["value"]["value"] == 1.0, recall
    parts = [median_ms(case, f"rag_{part}") for part in ("embed", "search", "generate")]
    ttft = median_ms(case, "ttft")
    assert ttft >= max(parts), (ttft, parts)
    print(f"{case['case']}: ttft {ttft:.1f} ms of", " + ".join(f"{part:.1f}" for part in parts))
