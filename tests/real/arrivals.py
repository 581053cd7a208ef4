"""Compares when requests were planned, when they were sent, and when the mock server received them.

usage: arrivals.py NAME RESULTS URL
NAME is that of a case of arrivals.toml, RESULTS the folder with its raw lines, URL the server's, whose
book was empty before the case. Counts are judged, and that a part of the plan has as many requests
as its rate says; how late they went is printed.
"""

import json
import math
import pathlib
import sys

from book import quantile, requests, truth

TRACE = pathlib.Path(__file__).with_name("arrivals.jsonl")
# Parts of the plan: seconds, and the rates at the beginning and at the end.
PARTS = {
    "constant": [(12, 200, 200)],
    "poisson": [(12, 200, 200)],
    "gamma": [(12, 200, 200)],
    "ramp": [(4, 20, 300), (4, 300, 300), (4, 300, 20)],
    "spike": [(3, 50, 50), (3, 400, 400), (6, 50, 50)],
    "steps": [(4, 50, 50), (4, 300, 300), (4, 100, 100)],
}
# How uneven a part may be, as a factor of the square root of its count: an even plan is off by one
# at its borders, four standard deviations are beyond chance for a Poisson process, and gaps of a
# gamma distribution of shape 1/4 vary twice as much.
ODDS = {"poisson": 4, "gamma": 8}


def planned(name):
    """The parts: from when to when, in seconds, and how many requests."""
    begin = 0.0
    for duration, first, last in PARTS[name]:
        yield begin, begin + duration, duration * (first + last) / 2
        begin += duration


def inside(moments, begin, end):
    return sum(begin <= moment < end for moment in moments)


def in_parts(name, due, sent, received):
    """One line a part; what is wrong, in words."""
    for begin, end, count in planned(name):
        counts = [inside(moments, begin, end) for moments in (due, sent, received)]
        print(f"  {begin:4.0f} to {end:4.0f} s {count:8.0f} planned"
              f" {counts[0]:6} due {counts[1]:6} sent {counts[2]:6} received")
        if abs(counts[0] - count) > max(1.5, ODDS.get(name, 0) * math.sqrt(count)):
            yield f"{counts[0]} requests due from {begin} to {end} s, not {count}"


def as_recorded(due):
    """The offsets of a trace that is sent twice as fast, from its first request."""
    times = [json.loads(line)["timestamp"] / 1e3 for line in TRACE.open()]
    recorded = [(time - times[0]) / 2 for time in times]
    off = max(abs(one - other) for one, other in zip(due, recorded))
    print(f"  {len(recorded)} recorded, {len(due)} due, at most {off * 1e3:.4f} ms apart")
    if len(recorded) != len(due) or off > 1e-6:
        yield "the plan is not the trace"


def main(name, results, url):
    records, deeds = requests(pathlib.Path(results)), truth(url)
    measured = [record for record in records if record["phase"] == "measured"]
    received = [deed["received_s"] for deed in deeds[len(records) - len(measured):]]
    measured.sort(key=lambda record: record["due"])
    due = [record["due"] / 1e9 for record in measured]
    sent = sorted(record["sent"] / 1e9 for record in measured)
    lags = [(record["sent"] - record["due"]) / 1e6 for record in measured]
    # The loop begins with its first part, which the plan's first arrival does not: it is found by
    # the spacing of even plans, half a gap in, and is at most that far off for the others.
    start = due[0]
    clock = received[0] - sent[0]
    print(f"{name}: {len(measured)} requests, {len(received)} received;"
          f" sent late by {quantile(lags, 0.5):.3f} ms p50, {quantile(lags, 0.99):.3f} ms p99")
    relative = [[moment - start for moment in moments] for moments in (due, sent)]
    relative.append([moment - clock - start for moment in received])
    wrong = list(as_recorded(relative[0]) if name == "trace" else in_parts(name, *relative))
    if len(received) != len(measured):
        wrong.append(f"{len(measured)} requests were sent, and the server received {len(received)}")
    if wrong:
        sys.exit("\n".join(f"  wrong: {what}" for what in wrong))


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
