"""llama.cpp's own HTTP server on 127.0.0.1, out of the wheel `xllamacpp`.

usage: llamacpp.py MODEL ALIAS SECONDS [PORT]
Without PORT a free one. With EMBEDS in the environment it embeds, by the mean of its tokens, and writes
nothing. Prints its address once it listens. Ends after SECONDS at the latest, whoever forgets it.
"""

import os
import signal
import sys

import xllamacpp

SLOTS = 4
TOKENS_PER_SLOT = 2048

model, alias, seconds, *port = sys.argv[1:]
# Without a handler the operating system ends the process, whatever its threads are doing.
signal.alarm(int(seconds))

params = xllamacpp.CommonParams()
params.model.path = model
params.model_alias = {alias}
params.hostnames = ["127.0.0.1"]
params.port = int(port[0]) if port else 0
params.n_parallel = SLOTS
params.n_ctx = SLOTS * TOKENS_PER_SLOT
# One thread, as the embedded driver has: more collapse where anything else runs.
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.endpoint_metrics = True
params.ui = False
if os.environ.get("EMBEDS"):
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN

# The server lives as long as this name.
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
