"""Lists and calls each tool of `tokgate mcp` by the official Python client, and prints what came.

usage: python mcp_client.py TOKGATE RESULTS     (needs the package `mcp`, 2.3 or newer)

Both ways of beginning a session are tried: the handshake of earlier revisions of the protocol, and what the
client prefers by itself. Fails where a tool is missing, answers without text or figures, takes a wrong
argument, or where a tool that there is not is answered.
"""

import asyncio
import sys

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

QUESTIONS = [
    ("list", {}),
    ("estimate", {"requests": 50_000}),
    ("compare", {"requests": [50_000, 200_000]}),
    ("compare", {"sort_by": "cost_efficiency"}),
    ("recommend", {"prefer": "smallest"}),
    ("history", {"metric": "ttft.p50"}),
]
WRONG = [
    ("estimate", {}),
    ("estimate", {"requests": "many"}),
    ("compare", {"colour": "red"}),
    ("history", {"metric": "speed"}),
]
# Longest that all of it may take, seconds.
LONGEST = 120


def check(is_so, what):
    if not is_so:
        raise SystemExit(f"mcp_client: {what}")


def first_lines(text, count=4):
    lines = [line[:110] for line in text.splitlines() if line.strip()]
    return "\n".join(f"      {line}" for line in lines[:count])


async def called(client, name, arguments):
    result = await client.call_tool(name, arguments)
    texts = [block.text for block in result.content if block.type == "text"]
    check(len(texts) == 1 and texts[0], f"{name} {arguments} has no text")
    return result, texts[0]


async def session(program, results, mode):
    server = StdioServerParameters(command=program, args=["mcp", "--results-dir", results])
    async with Client(stdio_client(server), mode=mode) as client:
        print(f"== mode {mode}: protocol {client.session.protocol_version}, server {client.session.server_info}")
        listed = await client.list_tools()
        names = [tool.name for tool in listed.tools]
        check(set(names) == {name for name, _ in QUESTIONS}, f"the tools are {names}")
        for tool in listed.tools:
            arguments = ", ".join(sorted(tool.input_schema["properties"]))
            print(f"  {tool.name}: {len(tool.description)} characters of description; arguments {arguments}")
        for name, arguments in QUESTIONS:
            result, text = await called(client, name, arguments)
            check(not result.is_error, f"{name} {arguments}: {text}")
            check(isinstance(result.structured_content, dict), f"{name} {arguments} has no figures")
            print(f"    {name} {arguments}: {sorted(result.structured_content)}\n{first_lines(text)}")
        for name, arguments in WRONG:
            result, text = await called(client, name, arguments)
            check(result.is_error, f"{name} {arguments} was answered")
            print(f"    {name} {arguments}: refused: {text[:140]}")
        try:
            await client.call_tool("delete", {})
        except MCPError as error:
            print(f"    delete: no such tool: {error}")
        else:
            check(False, "a tool that there is not was answered")


async def main(program, results):
    for mode in ("legacy", "auto"):
        await asyncio.wait_for(session(program, results, mode), LONGEST)
    print("every tool was listed, called and refused what is wrong, in both modes")


if __name__ == "__main__":
    check(len(sys.argv) == 3, "usage: mcp_client.py TOKGATE RESULTS")
    asyncio.run(main(sys.argv[1], sys.argv[2]))
