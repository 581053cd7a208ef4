"""For namespaces.sh: hands connections on, and lists what workers and server say was sent."""

import asyncio
import json
import pathlib
import sys
import urllib.request


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def forward(at, to, peers):
    (host, port), (there, its) = at.split(":"), to.split(":")

    async def take(reader, writer):
        with open(peers, "a") as known:
            known.write(writer.get_extra_info("peername")[0] + "\n")
        out, into = await asyncio.open_connection(there, int(its))
        await asyncio.gather(pump(reader, into), pump(out, writer))

    server = await asyncio.start_server(take, host, int(port))
    await server.serve_forever()


def sent(results, url, peers):
    lines, late = [], []
    for part in sorted(pathlib.Path(results).rglob("part.json")):
        for epoch in json.loads(part.read_text())["epochs"]:
            late.append(epoch["late_s"])
            said = [json.loads(line) for line in open(part.parent / f"{epoch['test_id']}.jsonl")]
            case = said[0]["case"]
            for one in (line for line in said if line["kind"] == "request"):
                # Only an open loop has moments that follow from the plan.
                is_planned = case["workload"]["kind"] == "open" and one["phase"] == "measured"
                due = one["due"] - epoch["origin_ns"] if is_planned else ""
                lines.append(f"{case['id']} {one['phase']} {one['ordinal']:06} {due}")
    base = url.removesuffix("/v1")
    truth = json.load(urllib.request.urlopen(f"{base}/truth?requests=true"))
    urllib.request.urlopen(urllib.request.Request(f"{base}/truth/reset", method="POST", data=b""))
    assert len(truth["requests"]) == len(lines), (len(truth["requests"]), len(lines))
    lines += [f"prompt {one['prompt']}" for one in truth["requests"]]
    print("\n".join(sorted(lines)))
    addresses = set(pathlib.Path(peers).read_text().split())
    print(f"from {len(addresses)} addresses, the latest began {max(late):.4f} s late", file=sys.stderr)


match sys.argv[1:]:
    case ["forward", at, to, peers]:
        asyncio.run(forward(at, to, peers))
    case ["sent", results, url, peers]:
        sent(results, url, peers)
