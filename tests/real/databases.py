"""What tokgate measured of a vector database, a line for each case, and whether it can be true.

usage: databases.py REPORT
Recall is held to what no working database misses; times are printed and never judged.
"""

import json
import sys

# Of 20,000 rows; less is a wrong metric, a wrong order or a wrong row.
LOWEST_RECALL = 0.6
# 8-bit components swap near neighbours even where every row is read.
LOWEST_EXACT_RECALL = 0.9


def value(case, metric, stat="value"):
    """The point of an estimate; 0 where there is none."""
    return case["metrics"].get(metric, {}).get(stat, {}).get("value", 0)


def prepared(case):
    """What came before the first query, in seconds and bytes."""
    told = case["preparation"]
    names = ["ingest_s", "build_s", "index_bytes"]
    return ", ".join(f"{name} {told[name]:.7g}" for name in names if name in told)


def check(case):
    """What is wrong, in words."""
    requests = case["requests"]
    if requests["failed"] or not requests["succeeded"]:
        yield f"{requests['failed']} of {requests['attempted']} queries failed"
    recall = value(case, "recall_at_10")
    exact = case["target"]["config"]["index"] == "exact"
    if recall < (LOWEST_EXACT_RECALL if exact else LOWEST_RECALL):
        yield f"recall@10 is {recall}"
    if not case["preparation"].get("ingest_s"):
        yield "the ingest took no time"


def main(report):
    wrong = 0
    for case in json.load(open(report))["cases"]:
        p50, p95 = (value(case, "query", stat) * 1e3 for stat in ("p50", "p95"))
        print(
            f"{case['case']}: recall@10 {value(case, 'recall_at_10'):.4f}, "
            f"query p50 {p50:.2f} ms p95 {p95:.2f} ms, {value(case, 'qps'):.0f} queries/s, "
            f"{prepared(case)}"
        )
        for fault in check(case):
            print(f"  WRONG: {fault}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
