"""What `tokgate ab` says of two mock servers, over and over: of two that are the same, of planted
effects, and of the same with swapped arms.

usage: pairs.py TOKGATE WORK COUNT_SAME COUNT_PLANTED [FIRST_SEED] [WORLDS WITH THIS IN THEIR NAME]

Prints for each world how many comparisons convicted anything, which metrics were said to be worse
and better, and how many were INVALID. Fails where more than 1 % of the comparisons of equal
servers convicted.
"""

import collections
import json
import subprocess
import sys

TOKGATE, WORK, SAME, PLANTED = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
FIRST = int(sys.argv[5]) if len(sys.argv) > 5 else 0
ONLY = sys.argv[6] if len(sys.argv) > 6 else ""
# Latencies vary as those of a busy server do.
USUAL = {"ttft-ms": 20, "itl-ms": 3, "jitter": 0.15}
WORLDS = [
    ("same", {}, SAME),
    ("ttft +10 %", {"ttft-ms": 22}, PLANTED),
    ("ttft -10 %", {"ttft-ms": 18}, PLANTED),
    ("tok_s -10 %", {"slow-down": 1.111}, PLANTED),
    ("tok_s +10 %", {"slow-down": 0.909}, PLANTED),
    # The medians stay; the 95th percentile is 18 % further out, the 99th 26 %.
    ("longer tails", {"jitter": 0.25}, PLANTED),
    ("ttft +5 %", {"ttft-ms": 21}, PLANTED),
    # One gap of 60 takes 6 ms: beyond the 99th percentile, and 1.4 % of the whole. It takes answers that
    # have as many.
    ("p99 alone", {"stall-every": 60, "stall-ms": 6}, PLANTED),
]
# What a world asks for beside the scenario.
ASKED = {"p99 alone": ["--output-tokens", "64"]}


def serve(options, seed):
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [TOKGATE, "mock-server", "--seed", str(seed), "--lifetime-s", "600", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().split()[-1]


def compare(base, head, asked, seed):
    """The report of one comparison, of two servers that live for it alone."""
    servers = [serve({**USUAL, **base}, 2 * seed), serve({**USUAL, **head}, 2 * seed + 1)]
    try:
        (_, a), (_, b) = servers
        done = subprocess.run(
            [TOKGATE, "ab", "tests/real/pairs.toml", "--a", a, "--b", b, "--format", "json",
             "--no-control", "--results-dir", f"{WORK}/results", *asked],
            capture_output=True, text=True, timeout=300, check=False)
    finally:
        for process, _ in servers:
            process.terminate()
            process.wait()
    if not done.stdout:
        raise SystemExit(f"no report: {done.stderr}")
    return json.loads(done.stdout)


def tally(name, base, head, asked, count):
    words, conclusions = collections.Counter(), collections.Counter()
    for seed in range(FIRST, FIRST + count):
        report = compare(base, head, asked, seed)
        conclusions[report["conclusion"]] += 1
        for case in report["cases"]:
            for one in case["verdicts"]:
                if one["verdict"] in ("regressed", "improved"):
                    words[f"{one['metric']} {one['verdict']}"] += 1
        if (seed + 1) % 25 == 0:
            print(f"  {name}: {seed + 1 - FIRST} of {count}: {dict(conclusions)}", file=sys.stderr)
    print(f"{name:14} {count:4} comparisons  {dict(conclusions)}")
    for word, times in sorted(words.items()):
        print(f"               {times:4} x {word}")
    return conclusions["regressed"]


convicted = 0
for world, planted, times in WORLDS:
    if not times or ONLY not in world:
        continue
    asked = ASKED.get(world, [])
    regressed = tally(world, {}, planted, asked, times)
    if not planted:
        convicted = regressed
    else:
        tally(f"{world}, swapped", planted, {}, asked, max(1, times // 4))
sys.exit(f"{convicted} of {SAME} equal pairs convicted" if convicted > SAME / 100 else 0)
