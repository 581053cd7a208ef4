"""Viewers for scripts/viewers.sh: 200 who read and 20 who never do, until the run has ended; and the table."""

import asyncio
import json
import pathlib
import statistics
import sys
import time
import urllib.request

READING, STALLED = 200, 20
MIB = 1 << 20


def rss(pid: str) -> int:
    """Resident memory of a process, bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


def running(page: str) -> str:
    """The run that goes on, once there is one."""
    for _ in range(600):
        runs = json.load(urllib.request.urlopen(f"{page}/v1/live"))["runs"]
        going = [run["run_id"] for run in runs if run["state"] == "running"]
        if going:
            return going[0]
        time.sleep(0.05)
    raise SystemExit("no run began")


async def ask(page: str, run: str):
    host, port = page.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=8 * MIB)
    request = f"GET /v1/live/{run}/events HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n"
    writer.write(request.encode())
    await writer.drain()
    return reader, writer


async def read(page: str, run: str) -> dict:
    """The numbers of all moments, and whether the end was seen."""
    reader, writer = await ask(page, run)
    seen, ended = [], False
    while line := await reader.readline():
        if line.startswith(b"data: {"):
            told = json.loads(line[6:])
            seen += [point["seq"] for point in told.get("points", [])]
            ended = told.get("run", told).get("end") is not None
    writer.close()
    whole = seen == list(range(seen[0], seen[0] + len(seen))) if seen else False
    return {"moments": len(seen), "whole": whole, "ended": ended}


async def stall(page: str, run: str) -> None:
    """Asks and never reads; what Python reads ahead is bounded by its own buffer."""
    _, writer = await ask(page, run)
    writer.transport.pause_reading()
    await asyncio.sleep(3600)


async def look_on(page: str, pid: str) -> None:
    run = running(page)
    before, most = rss(pid), rss(pid)
    stalled = [asyncio.create_task(stall(page, run)) for _ in range(STALLED)]
    reading = [asyncio.create_task(read(page, run)) for _ in range(READING)]
    while not all(task.done() for task in reading):
        most = max(most, rss(pid))
        await asyncio.sleep(0.25)
    for task in stalled:
        task.cancel()
    told = [task.result() for task in reading]
    print(json.dumps({
        "before": before, "most": most,
        "whole": sum(one["whole"] for one in told), "ended": sum(one["ended"] for one in told),
        "moments": statistics.median(one["moments"] for one in told),
    }))


def lateness(file: pathlib.Path) -> tuple[float, float, int]:
    """p50 and p99 of sent - due in milliseconds, and how many requests."""
    case = json.loads(file.read_text())["cases"][0]
    of = case["metrics"]["send_lag"]
    return of["p50"]["value"] * 1e3, of["p99"]["value"] * 1e3, of["n"]


def table(work: pathlib.Path) -> None:
    print("| round | viewers | requests | sent late, p50 | p99 | server's memory grew | saw all, and the end |")
    print("|---|---|---|---|---|---|---|")
    late = {0: [], 1: []}
    for file in sorted(work.glob("[01]-*.json"), key=lambda file: file.stem.split("-")[::-1]):
        viewers, number = file.stem.split("-")
        p50, p99, requests = lateness(file)
        late[int(viewers)].append(p99)
        grew, seen = "", ""
        if viewers == "1":
            told = json.loads((work / f"seen-{number}.json").read_text())
            grew = f"{(told['most'] - told['before']) / MIB:.1f} MiB"
            seen = f"{told['whole']} and {told['ended']} of {READING}"
        who = f"{READING} and {STALLED} stalled" if viewers == "1" else "none"
        print(f"| {number} | {who} | {requests} | {p50:.3f} ms | {p99:.3f} ms | {grew} | {seen} |")
    without, beside = (statistics.median(late[key]) for key in (0, 1))
    print(f"\np99 of how late requests were sent: {without:.3f} ms alone, {beside:.3f} ms beside viewers")


if len(sys.argv) == 3:
    asyncio.run(look_on(sys.argv[1], sys.argv[2]))
else:
    table(pathlib.Path(sys.argv[1]))
