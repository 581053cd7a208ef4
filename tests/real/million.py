"""Fills a results folder with epochs like one that was measured: its raw lines many times over, with other
models, machines, cases, paces and endings, and some results of another tool. `tokgate rebuild` makes the
index. tests/real/served_fast.sh runs it.

usage: million.py TEMPLATE.jsonl IMPORTED.jsonl RESULTS [EPOCHS]      (20 000 epochs without)
"""

import datetime
import json
import os
import random
import sys
import zlib

# Of each run: so many cases, so many epochs of each.
CASES, EPOCHS = 10, 2
MODELS = ["google/gemma-3-1b-it 1b", "google/gemma-3-4b-it 4b", "google/gemma-3-12b-it 12b",
          "meta-llama/Llama-3.2-3B-Instruct 3b", "meta-llama/Llama-3.1-8B-Instruct 8b",
          "meta-llama/Llama-3.3-70B-Instruct 70b", "Qwen/Qwen2.5-7B-Instruct 7b",
          "Qwen/Qwen2.5-Coder-32B-Instruct 32b", "mistralai/Mistral-7B-Instruct-v0.3 7b",
          "microsoft/phi-4 14b"]
MACHINES = [("NVIDIA GeForce RTX 4090", 24, "rtx-4090-x1", None), ("NVIDIA L4", 24, "l4-x1", "g6.xlarge"),
            ("NVIDIA A10G", 24, "a10g-x1", "g5.xlarge"), ("NVIDIA A100-SXM4-80GB", 80, "a100-80gb-x1", None),
            ("NVIDIA H100 80GB HBM3", 80, "h100-80gb-x1", None), (None, 0, "cpu-16c-amd-epyc", None)]
PLATFORMS = ["vllm-serve", "ollama", "llama-cpp", "sglang"]
SCENARIOS, IMPORTED = 10, 200
LAST_US = 1_795_996_921_000_000
APART_US = 2 * 3600 * 1_000_000
# One epoch in so many is INVALID; one in so many has requests that failed.
INVALID, FAILED = 31, 17


def line(body):
    """A line as tokgate ends it."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return text[:-1] + b',"crc32":%d}\n' % zlib.crc32(text)


def read(path):
    bodies = [json.loads(text) for text in open(path, encoding="utf-8")]
    for body in bodies:
        body.pop("crc32", None)
    return bodies


def stamp(us):
    at = datetime.datetime.fromtimestamp(us / 1e6, datetime.UTC)
    return at.strftime("%Y-%m-%dT%H%M%S.") + f"{us // 1000 % 1000:03}Z"


class Template:
    def __init__(self, path):
        self.head, *rest = read(path)
        self.end = rest.pop()
        self.rest = rest

    def lines(self, luck, number, runs):
        """Who the epoch is, and its lines."""
        run, at = divmod(number, CASES * EPOCHS)
        case, epoch = divmod(at, EPOCHS)
        started = LAST_US - (runs - run) * APART_US + at * 30_000_000
        model, size = MODELS[run * 7 % len(MODELS)].split()
        gpu, gib, machine, instance = MACHINES[run * 5 % len(MACHINES)]
        platform = PLATFORMS[run * 3 % len(PLATFORMS)]
        scenario = run % SCENARIOS
        booking = f"{stamp(started - at * 30_000_000)}-r{run:05}"
        test_id = f"{platform}-{model.replace('/', '-')}-50-{stamp(started)}-e{number:05}"
        head = json.loads(json.dumps(self.head))
        head.update(booking=booking, booking_id=booking, run_id=booking, test_id=test_id, epoch=epoch,
                    started_us=started, machine=machine)
        head["target"].update(platform=platform, model=model, size_params=size, context_window=131072)
        if gpu:
            head["environment"]["gpus"] = [{"name": gpu, "vram_bytes": gib << 30, "driver": "570.1"}]
        if instance:
            head["case"]["target"]["runs_on"] = {"instance": instance}
        head["case"].update(id=f"scenario-{scenario}/case-{case}", benchmark_type="model_comparison")
        yield test_id
        yield line(head)
        pace = (0.5 + case / 5) * luck.uniform(0.9, 1.1)
        for body in self.rest:
            yield line(self.further(body, epoch, booking, pace, number % FAILED == 0))
        end = dict(self.end, epoch=epoch, booking=booking)
        end.pop("after", None)
        if number % INVALID == 0:
            end.update(validity="INVALID", reasons=[{"reason": "stopped", "why": "a signal"}])
        yield line(end)

    def further(self, body, epoch, booking, pace, fails):
        body = dict(body, epoch=epoch, booking=booking)
        for moment in ("due", "sent", "head", "done", "at"):
            if body.get(moment):
                body[moment] = int(body[moment] * pace)
        if "events" in body:
            body["events"] = [dict(event, at=int(event["at"] * pace)) for event in body["events"]]
            if fails and body["ordinal"] % 10 == 3:
                body["outcome"] = {"is": "failed", "class": "status", "message": "503"}
        return body


def imported(template, number):
    digest = f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}" + template["result"]["source"]["digest"][16:]
    kept = json.loads(json.dumps(template))
    started = LAST_US - number * 3 * APART_US
    model, size = MODELS[number % len(MODELS)].split()
    kept.update(test_id=f"unknown-{model.replace('/', '-')}-100-{stamp(started)}-i{number:05}",
                run_id=f"imported-{digest[:16]}", started_us=started)
    kept["result"].update(measured_us=started, window_s=50.0 + number)
    kept["result"]["source"]["digest"] = digest
    kept["result"]["model"].update(name=model, size_params=size)
    return kept


def main(template, other, results, epochs=20_000):
    raw, luck = os.path.join(results, "raw"), random.Random(7)
    os.makedirs(raw)
    template, other, epochs = Template(template), read(other)[0], int(epochs)
    runs = epochs // (CASES * EPOCHS)
    for number in range(epochs):
        test_id, *lines = template.lines(luck, number, runs)
        with open(os.path.join(raw, f"{test_id}.jsonl"), "wb") as file:
            file.writelines(lines)
    for number in range(IMPORTED):
        kept = imported(other, number)
        with open(os.path.join(raw, f"{kept['test_id']}.jsonl"), "wb") as file:
            file.write(line(kept))


main(*sys.argv[1:])
