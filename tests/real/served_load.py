"""Asks every list of a `tokgate serve` at a fixed rate, whether or not earlier answers have come, and tells how
long each took from the moment at which it was due. Connections are kept; pages are followed.

usage: served_load.py ADDRESS [REQUESTS_A_SECOND [SECONDS]]        (100 and 60 without)
Fails where an answer is no 200, or where the 99th percentile of a route is above 50 ms.
"""

import asyncio
import json
import random
import sys
import time
from urllib.parse import quote

CONNECTIONS = 32
MOST_S = 0.050
# Where pages go on: each of these is asked for its first page, and for the page behind the last that came.
PAGED = ["/v1/runs?limit=100", "/v1/runs?limit=10", "/v1/cases?limit=50", "/v1/history?metric=ttft.p50&limit=100",
         "/v1/history?metric=tok_s&limit=100&model={model}", "/v1/history?metric=tok_s&limit=50&machine={machine}",
         "/v1/history?metric=e2e.p99&limit=100&case={case}", "/v1/alerts?limit=100", "/v1/alerts?limit=20&level=red",
         "/v1/cases/{case}?limit=10", "/v1/runs?limit=50&machine={machine}", "/v1/runs?limit=50&since=2026-10-01"]
WHOLE = ["/v1/benchmarks/models", "/v1/benchmarks/models/{model}?limit=10", "/v1/benchmarks/models/{model}?limit=1000",
         "/v1/benchmarks/estimate?model={model}&num_requests=50000", "/v1/benchmarks/compare?num_requests=200000",
         "/v1/runs/{run}", "/v1/hardware", "/v1/metrics", "/v1/recommend", "/v1/recommend?prefer=largest&context=40000",
         "/v1/status", "/v1/baselines", "/metrics", "/healthz"]


class Connection:
    def __init__(self, host, port):
        self.host, self.port, self.reader = host, port, None

    async def get(self, path):
        """The status and the body; one that was closed between two questions is opened again."""
        for fresh in (False, True):
            if self.reader is None or fresh:
                self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
            try:
                self.writer.write(f"GET {path} HTTP/1.1\r\nhost: {self.host}:{self.port}\r\n\r\n".encode())
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length:")[1].split("\r\n")[0])
                return int(head.split(" ")[1]), await self.reader.readexactly(length)
            except (ConnectionError, asyncio.IncompleteReadError):
                if fresh:
                    raise


class Names:
    """What stands in the store, to ask for."""

    def __init__(self, told):
        self.told, self.luck = told, random.Random(7)

    @classmethod
    async def of(cls, connection):
        async def listed(path, name, key):
            return [one[key] for one in json.loads((await connection.get(path))[1])[name]]
        return cls({"model": await listed("/v1/benchmarks/models", "models", "model"),
                    "run": await listed("/v1/runs?limit=1000", "runs", "run_id"),
                    "case": await listed("/v1/cases?limit=1000", "cases", "case_id"),
                    "machine": await listed("/v1/hardware", "machines", "machine")})

    def fill(self, path):
        for name, known in self.told.items():
            path = path.replace("{%s}" % name, quote(self.luck.choice(known)))
        return path


async def ask(path, due, connections, names, cursors, took):
    connection = await connections.get()
    asked = cursors.pop(path, None) or names.fill(path)
    status, body = await connection.get(asked)
    took.setdefault(path, []).append((time.perf_counter() - due, status))
    connections.put_nowait(connection)
    if path in PAGED and status == 200:
        behind = json.loads(body).get("next")
        if behind:
            cursors[path] = f"{asked.split('&cursor=')[0]}&cursor={behind}"


def row(name, answers):
    times = sorted(took for took, _ in answers)
    of = lambda share: 1000 * times[min(len(times) - 1, int(share * len(times)))]
    bad = sum(status != 200 for _, status in answers)
    print(f"{name:64} {len(times):6} {of(0.5):8.1f} {of(0.99):8.1f} {of(1):8.1f} {bad or ''}", flush=True)
    return bad == 0 and of(0.99) <= 1000 * MOST_S


async def main(address, rate=100, seconds=60):
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    connections = asyncio.Queue()
    for _ in range(CONNECTIONS):
        connections.put_nowait(Connection(host, int(port)))
    names, cursors, took, asking = await Names.of(Connection(host, int(port))), {}, {}, []
    routes, begin = PAGED + WHOLE, time.perf_counter()
    for number in range(int(rate) * int(seconds)):
        due = begin + number / int(rate)
        await asyncio.sleep(max(0, due - time.perf_counter()))
        path = routes[number * 7 % len(routes)]
        asking.append(asyncio.create_task(ask(path, due, connections, names, cursors, took)))
    await asyncio.gather(*asking)
    print(f"{'route':64} {'n':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} bad")
    held = [row(path, took[path]) for path in routes]
    everything = [answer for answers in took.values() for answer in answers]
    sys.exit(0 if row("all", everything) and all(held) else 1)


asyncio.run(main(*sys.argv[1:]))
