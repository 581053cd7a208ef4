"""What s3.sh does to the bucket beside tokgate.

usage: s3.py make | count | lose | fetch FOLDER
"""

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


{"make": make, "count": count, "lose": lose, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
