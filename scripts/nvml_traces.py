#!/usr/bin/env python3
"""Writes the synthetic NVML traces of tests/recorded/nvml/, the same ones each time.

    python3 scripts/nvml_traces.py tests/recorded/nvml

A trace plays an H100 SXM: 70 W and 1980 MHz while idle, then a load that draws 350 to 650 W in the
rhythm of batches. Its clock falls with its power, from 1980 MHz to about 1700, and near the limit
of 700 W the driver says SwPowerCap (0x4). Its energy counter is the integral of its power, its
temperature follows its power with a lag of eight seconds. None of it was measured.
"""

import json
import math
import pathlib
import sys

STEP_S = 0.5
IDLE_UNTIL_S = 2.0
REPEAT_FROM_S = 4.0
END_S = 44.0
IDLE_W = 70.0
SW_POWER_CAP, HW_THERMAL = 0x4, 0x40
CAP_FROM_W = 600.0
# Numbers that no process of Linux has (the largest is 4194304), so that none is taken for one here.
TARGET, OTHER = 4200001, 4200002

GPU = {
    "name": "NVIDIA H100 80GB HBM3",
    "vram_bytes": 81559 << 20,
    "uuid": "GPU-00000000-0000-0000-0000-00000000cafe",
    "driver": "570.124.06",
    "settings": {"power_limit_w": 700, "ecc": True, "mig": False, "persistence": True, "cuda": "12.8"},
}


def power_w(at_s):
    """Idle, then a ramp of half a second, then batches of four seconds between 350 and 650 W."""
    if at_s <= IDLE_UNTIL_S:
        return IDLE_W
    if at_s <= IDLE_UNTIL_S + 0.5:
        return 500.0
    return 500.0 + 150.0 * math.cos(2 * math.pi * (at_s - REPEAT_FROM_S) / 4.0)


def lines(variant):
    joules, celsius, last_w = 1_000_000.0, 31.0, IDLE_W
    for number in range(int(END_S / STEP_S) + 1):
        at_s = number * STEP_S
        watts = power_w(at_s)
        joules += (watts + last_w) / 2 * STEP_S if number else 0.0
        # 30 degrees in the room, and a fifteenth of a degree for each watt.
        celsius += (30.0 + watts / 15.0 - celsius) * STEP_S / 8.0
        last_w = watts
        loaded = at_s > IDLE_UNTIL_S
        throttle = SW_POWER_CAP if watts >= CAP_FROM_W else 0
        clock = round(1980 - 280 * max(0.0, watts - 350.0) / 300.0)
        if not loaded:
            throttle, clock = 0x1, 1980
        if variant == "thermal" and loaded and number % 5 == 0:
            throttle, clock = throttle | HW_THERMAL, 1200
        processes = [TARGET] + ([OTHER] if variant == "neighbour" and loaded else [])
        yield {
            "at_s": at_s,
            "gpus": [{
                "utilization": 0.97 if loaded else 0.0,
                "memory_bytes": (68_000 if loaded else 66_000) << 20,
                "temperature_c": float(round(celsius)),
                "power_w": round(watts, 3),
                "energy_j": round(joules, 3),
                "sm_clock_mhz": clock,
                "memory_clock_mhz": 2619,
                "throttle": throttle,
                "processes": processes,
            }],
        }


WHAT = {
    "load": "synthetic: an H100 under load",
    "thermal": "synthetic: an H100 that is too hot in a fifth of the samples",
    "neighbour": "synthetic: an H100 on which another process computes, too",
}


def main(folder):
    for variant, what in WHAT.items():
        head = {"trace": what, "repeat_from_s": REPEAT_FROM_S, "gpus": [GPU]}
        text = "".join(json.dumps(line) + "\n" for line in [head, *lines(variant)])
        pathlib.Path(folder, f"h100-{variant}.jsonl").write_text(text)


if __name__ == "__main__":
    main(sys.argv[1])
