"""What s3.sh does to the bucket beside tokgate.

usage: s3.py make | count | lose | fetch FOLDER | between PORT
"""

import asyncio
import os
import sys
import time

import boto3
from botocore.config import Config

config = Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=5)
s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT"], region_name="us-east-1", config=config)


def keys():
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="rows")
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def make():
    for _ in range(100):
        try:
            return s3.create_bucket(Bucket="rows")
        except Exception:
            time.sleep(0.3)
    sys.exit("the store did not start")


def count():
    found = keys()
    manifests = [key for key in found if key.endswith(".stored.json")]
    open_parts = s3.list_multipart_uploads(Bucket="rows").get("Uploads", [])
    print(f"{len(found)} objects, {len(manifests)} manifests, {len(open_parts)} uploads left open")
    # Two cases of two epochs, three files each, with what has begun and the manifest.
    if len(found) != 14 or len(manifests) != 1 or open_parts:
        sys.exit("\n".join(found))


def lose():
    for key in keys():
        if key.endswith(".stored.json") or "/events/" in key:
            s3.delete_object(Bucket="rows", Key=key)


def fetch(folder):
    for key in keys():
        path = os.path.join(folder, key.removeprefix("a/b/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        s3.download_file("rows", key, path)


def between(port):
    """Stands between: begins late, and loses the reply to every fourth request."""
    target = int(os.environ["AWS_ENDPOINT"].rsplit(":", 1)[1])
    lost = {"asked": 0, "replies": 0}

    async def pipe(reader, writer, is_reply):
        try:
            while data := await reader.read(65536):
                if not is_reply and data[:4] in (b"PUT ", b"POST"):
                    lost["asked"] += 1
                if is_reply and data[:5] == b"HTTP/" and lost["asked"] % 4 == 2:
                    lost["asked"] += 1
                    lost["replies"] += 1
                    print(f"{lost['replies']} replies lost", flush=True)
                    break
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async def serve(reader, writer):
        to_store = await asyncio.open_connection("127.0.0.1", target)
        ways = [pipe(reader, to_store[1], False), pipe(to_store[0], writer, True)]
        done, running = await asyncio.wait([asyncio.ensure_future(way) for way in ways], return_when="FIRST_COMPLETED")
        writer.close()
        to_store[1].close()

    async def begin():
        await asyncio.sleep(3)
        await (await asyncio.start_server(serve, "127.0.0.1", int(port))).serve_forever()

    asyncio.run(begin())


{"between": between, "make": make, "count": count, "lose": lose, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
