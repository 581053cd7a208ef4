"""Asks `tokgate serve` at port 4080 as it is printed, by curl and by httpx, and recomputes what it says.

usage: python rest_client.py RESULTS SCRIPT     (needs curl; SCRIPT needs the package `httpx`)

Fails where an answer has other keys or types than the printed one, where a figure is another than the one that
follows from the requests and seconds in the database, where a model is missing or the order is not by speed, and
where the printed script does not end with the two lines that follow from the same.
"""

import json
import pathlib
import shlex
import sqlite3
import subprocess
import sys

PRINTED = pathlib.Path("tests/imports/earlier")
HOST = "http://localhost:4080"
CURLS = {
    "rest_models": f"curl {HOST}/v1/benchmarks/models",
    "rest_model": f"curl {HOST}/v1/benchmarks/models/gemma3:4b",
    "rest_estimate": f'curl "{HOST}/v1/benchmarks/estimate?model=gemma3:4b&num_requests=50000"',
    "rest_compare": f'curl "{HOST}/v1/benchmarks/compare?num_requests=200000"',
}
# Of these, some rows have none.
MAY_LACK = {"avg_prompt_tokens": int, "avg_completion_tokens": int, "model_size_params": str}
HOUR, DAY = 3600.0, 86_400.0


def check(is_so, what):
    if not is_so:
        raise SystemExit(f"rest_client: {what}")


def asked(line):
    """The answer to a request as it is printed."""
    told = subprocess.run([*shlex.split(line), "--silent", "--fail"], capture_output=True, timeout=30)
    check(told.returncode == 0, f"{line}: {told.returncode} {told.stderr.decode()}")
    return json.loads(told.stdout)


def same_shape(found, printed, at):
    """That an answer has the keys and types of the printed one; of lists, each row those of the first."""
    if isinstance(printed, dict):
        check(isinstance(found, dict) and set(found) == set(printed), f"{at}: other keys than printed: {found}")
        for key, value in printed.items():
            if key in MAY_LACK:
                is_right = found[key] is None or type(found[key]) is MAY_LACK[key]
                check(is_right, f"{at}.{key} is {found[key]!r}")
            else:
                same_shape(found[key], value, f"{at}.{key}")
    elif isinstance(printed, list):
        check(isinstance(found, list) and found, f"{at} is not a list with rows")
        for row in found:
            same_shape(row, printed[0], at)
    else:
        check(type(found) is type(printed), f"{at}: {found!r} is not of the type of {printed!r}")


def rounds(found, exact, decimals, at):
    """That a figure is this one to so many decimals, or more of them."""
    check(abs(found - exact) <= 0.5 * 10**-decimals + 1e-9, f"{at} is {found}, by hand {exact}")


def rates(results):
    """Successful requests a second of each model's newest row, from requests and seconds."""
    query = """SELECT model_name, successful_requests, total_time_seconds FROM benchmark_results
               WHERE validity = 'VALID' AND kind <> 'retrieval' AND platform <> 'simulated'
               ORDER BY started_us"""
    database = sqlite3.connect(f"file:{results}/tokgate.sqlite?mode=ro", uri=True)
    return {model: count / seconds for model, count, seconds in database.execute(query)}


def listed(found, by_hand):
    order = sorted(by_hand, key=by_hand.get, reverse=True)
    check([row["model"] for row in found["models"]] == order, f"not the fastest first: {found}")
    check(found["total"] == len(order), f"total is {found['total']}")
    for row in found["models"]:
        rounds(row["rate_req_per_sec"], by_hand[row["model"]], 2, row["model"])


def one(found, by_hand):
    check(found["total"] == len(found["benchmarks"]) == 2, f"a run and an import were expected: {found}")
    check(found["benchmarks"][0]["created_at"] > found["benchmarks"][1]["created_at"], "not the newest first")
    rate = by_hand["gemma3:4b"]
    rounds(found["benchmarks"][0]["rate_req_per_sec"], rate, 2, "rate")
    rounds(found["benchmarks"][0]["time_per_request_sec"], 1 / rate, 2, "time of a request")
    rounds(found["benchmarks"][1]["rate_req_per_sec"], 0.52, 2, "rate of the import")


def estimated(found, by_hand):
    seconds = 50_000 / by_hand["gemma3:4b"]
    told = found["estimate"]
    rounds(told["total_time_seconds"], seconds, 1, "seconds")
    rounds(told["total_time_hours"], seconds / HOUR, 1, "hours")
    rounds(told["total_time_days"], seconds / DAY, 2, "days")
    rounds(told["rate_req_per_sec"], by_hand["gemma3:4b"], 2, "rate")
    check(found["based_on_benchmark"]["workers"] == 4, "workers")
    check(found["based_on_benchmark"]["test_size"] == 20, "size of the test")


def compared(found, by_hand):
    order = sorted(by_hand, key=by_hand.get, reverse=True)
    slowest = min(by_hand.values())
    check([row["model"] for row in found["models"]] == order, f"not the fastest first: {found}")
    check(found["total_models"] == len(order), f"total_models is {found['total_models']}")
    for row in found["models"]:
        rate, at = by_hand[row["model"]], row["model"]
        rounds(row["estimated_time_hours"], 200_000 / rate / HOUR, 1, f"hours of {at}")
        rounds(row["estimated_time_days"], 200_000 / rate / DAY, 2, f"days of {at}")
        rounds(row["speedup_vs_slowest"], rate / slowest, 2, f"speed-up of {at}")
        rounds(row["time_saved_hours"], 200_000 * (1 / slowest - 1 / rate) / HOUR, 1, f"hours saved by {at}")


def script(path, by_hand):
    told = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    check(told.returncode == 0, f"{path}: {told.stderr}")
    print(told.stdout, end="")
    fastest = max(by_hand, key=by_hand.get)
    # What it prints has one decimal of what is answered, which has one or more itself.
    for line, start, hours in zip(
        told.stdout.splitlines(),
        ["Estimated time: ", f"Fastest model: {fastest} ("],
        [50_000 / by_hand["gemma3:4b"] / HOUR, 200_000 / by_hand[fastest] / HOUR],
        strict=True,
    ):
        check(line.startswith(start), f"{line!r} does not begin with {start!r}")
        check(abs(float(line.removeprefix(start).split()[0]) - hours) <= 0.1, f"{line!r}, by hand {hours}")


def main():
    results, path = sys.argv[1:]
    by_hand = rates(results)
    check({"gemma3:1b", "gemma3:4b", "hf.co/org/fast:q4"} <= set(by_hand), f"models are missing: {by_hand}")
    checks = {"rest_models": listed, "rest_model": one, "rest_estimate": estimated, "rest_compare": compared}
    for name, line in CURLS.items():
        found = asked(line)
        same_shape(found, json.loads((PRINTED / f"{name}.json").read_text()), name)
        checks[name](found, by_hand)
        print(line)
    name = asked(f"curl {HOST}/v1/benchmarks/models/hf.co/org/fast:q4?limit=10")
    check(name["model"] == "hf.co/org/fast:q4" and name["total"] == 1, f"{name}")
    script(path, by_hand)
    print(f"rest_client: {len(CURLS)} requests and the script, {len(by_hand)} models: as printed")


main()
