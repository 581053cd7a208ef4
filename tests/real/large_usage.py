"""A server of one model whose usage has 15 kB of noise in it, so that a few answers make a large file of rows.

usage: large_usage.py PORT
"""

import base64
import json
import random
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# As much as tokgate keeps of a usage object: 16 KiB, in base64 and with the counts beside it.
NOISE = 11 << 10


class Chat(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    # Head and body in one write: two would wait for an acknowledgement between them.
    wbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", len(body))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply("application/json", json.dumps({"object": "list", "data": [{"id": "mock", "object": "model"}]}).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        noise = base64.b64encode(random.randbytes(NOISE)).decode()
        usage = {"prompt_tokens": 32, "completion_tokens": 2, "total_tokens": 34, "noise": noise}
        choice = lambda delta, end=None: [{"index": 0, "delta": delta, "finish_reason": end}]
        events = [
            {"model": "mock", "choices": choice({"role": "assistant", "content": "so"})},
            {"model": "mock", "choices": choice({"content": " much"}, "length")},
            {"model": "mock", "choices": [], "usage": usage},
        ]
        lines = "".join(f"data: {json.dumps({'object': 'chat.completion.chunk'} | event)}\n\n" for event in events)
        self.reply("text/event-stream", (lines + "data: [DONE]\n\n").encode())


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Chat)
server.daemon_threads = True
server.serve_forever()
