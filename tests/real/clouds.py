"""What clouds.sh does to a bucket beside tokgate, by the cloud's own client where there is one.

usage: clouds.py CLOUD make | count | lose | large | fetch FOLDER | sas        (CLOUD: s3, az or gs)
       clouds.py CLOUD between PORT late|cut|complete
       clouds.py gs key FILE URL [open]
The cloud is at "$ENDPOINT"; the account and its key are those of the environment.
"""

import asyncio
import datetime
import json
import os
import sys
import time
import urllib.parse
import urllib.request
from xml.etree import ElementTree

BUCKET = "rows"
# Bytes after which `cut` refuses: the first part of 16 MiB is there, and the next is not.
CUT = 20_000_000


class S3:
    def __init__(self):
        import boto3
        from botocore.config import Config

        config = Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=5)
        self.s3 = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", config=config)

    def create(self):
        self.s3.create_bucket(Bucket=BUCKET)

    def sizes(self):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}

    def open(self):
        return len(self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))

    def delete(self, key):
        self.s3.delete_object(Bucket=BUCKET, Key=key)

    def read(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


class Azure:
    account = os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    key = os.environ.get("AZURE_STORAGE_ACCOUNT_KEY")

    def __init__(self):
        from azure.storage.blob import ContainerClient

        # Azurite knows no newer version than its own.
        self.blobs = ContainerClient(
            f"{os.environ['ENDPOINT']}/{self.account}", BUCKET, self.key,
            api_version="2025-01-05", retry_total=0, connection_timeout=2, read_timeout=5,
        )

    def create(self):
        self.blobs.create_container()

    def sizes(self):
        return {blob.name: blob.size for blob in self.blobs.list_blobs()}

    def open(self):
        return len({blob.name for blob in self.blobs.list_blobs(include=["uncommittedblobs"])} - set(self.sizes()))

    def delete(self, key):
        self.blobs.delete_blob(key)

    def read(self, key):
        return self.blobs.download_blob(key).readall()

    def sas(self):
        """A key to read and list for an hour."""
        from azure.storage.blob import ContainerSasPermissions, generate_container_sas

        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        may = ContainerSasPermissions(read=True, list=True)
        return generate_container_sas(self.account, BUCKET, account_key=self.key, permission=may, expiry=until)


class Google:
    token = os.environ.get("TOKEN", "")

    def ask(self, method, path, **query):
        url = f"{os.environ['ENDPOINT']}/{BUCKET}{path}?{urllib.parse.urlencode(query)}"
        asked = urllib.request.Request(url, method=method, headers={"Authorization": f"Bearer {self.token}"})
        return urllib.request.urlopen(asked, timeout=5).read()

    def create(self):
        self.ask("PUT", "")

    def sizes(self):
        found, query = {}, {"list-type": "2"}
        while True:
            page = ElementTree.fromstring(self.ask("GET", "", **query))
            found |= {item.findtext("Key"): int(item.findtext("Size")) for item in page.iter("Contents")}
            if not page.findtext("NextContinuationToken"):
                return found
            query["continuation-token"] = page.findtext("NextContinuationToken")

    def open(self):
        return len(list(ElementTree.fromstring(self.ask("GET", "", uploads="")).iter("Upload")))

    def delete(self, key):
        self.ask("DELETE", "/" + urllib.parse.quote(key, safe=""))

    def read(self, key):
        return self.ask("GET", "/" + urllib.parse.quote(key, safe=""))

    def key(self, file, url, *is_open):
        """A service account's file, with a private key that was made for it."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        said = {"private_key": pem.decode(), "private_key_id": "first", "client_email": "rows@example.org"}
        with open(file, "w") as out:
            json.dump(said | {"gcs_base_url": url, "disable_oauth": bool(is_open)}, out)


cloud = {"s3": S3, "az": Azure, "gs": Google}[sys.argv[1]]


def make():
    for _ in range(100):
        try:
            return cloud().create()
        except Exception as error:
            told = error
            time.sleep(0.3)
    sys.exit(f"the store did not start: {told}")


def count():
    found = [key for key in cloud().sizes() if key.startswith("a/b/")]
    manifests = [key for key in found if key.endswith(".stored.json")]
    left = cloud().open()
    print(f"{len(found)} objects, {len(manifests)} manifests, {left} uploads left open")
    # Two cases of two epochs, three files each, with what has begun and the manifest.
    if len(found) != 14 or len(manifests) != 1 or left:
        sys.exit("\n".join(found))


def lose():
    for key in cloud().sizes():
        if key.endswith(".stored.json") or "/events/" in key:
            cloud().delete(key)


def large():
    """What is there of the large run: how many objects, bytes of the largest, uploads left open."""
    sizes = [size for key, size in cloud().sizes().items() if key.startswith("large/")]
    print(len(sizes), max(sizes, default=0), cloud().open())


def fetch(folder):
    for key in cloud().sizes():
        if key.startswith("a/b/"):
            path = os.path.join(folder, key.removeprefix("a/b/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(cloud().read(key))


def is_completion(data):
    line = data.split(b"\r\n", 1)[0]
    return (line.startswith(b"POST") and b"uploadId=" in line) or (line.startswith(b"PUT") and b"comp=blocklist" in line)


def between(port, how):
    """Stands between. `late`: begins late, and loses the reply to every fourth request. `cut`: refuses what is put
    after a while. `complete`: loses the reply to the first request that makes an object of its parts."""
    target = int(os.environ["ENDPOINT"].rsplit(":", 1)[1])
    seen = {"asked": 0, "replies": 0, "bytes": 0, "is_lost": False, "is_told": False}

    def refuses(data):
        return how == "cut" and seen["bytes"] > CUT and not data.startswith((b"DELETE", b"GET", b"HEAD"))

    def asks(data):
        seen["bytes"] += len(data)
        if data[:4] in (b"PUT ", b"POST"):
            seen["asked"] += 1
        if how == "complete" and is_completion(data) and not seen["is_told"]:
            seen["is_lost"] = seen["is_told"] = True

    def loses():
        if how == "late" and seen["asked"] % 4 == 2:
            seen["asked"] += 1
        elif how == "complete" and seen["is_lost"]:
            seen["is_lost"] = False
        else:
            return False
        seen["replies"] += 1
        print(f"{seen['replies']} replies lost", flush=True)
        return True

    async def pipe(reader, writer, back, is_reply):
        try:
            while data := await reader.read(65536):
                if not is_reply and refuses(data):
                    print("refused", flush=True)
                    back.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    await back.drain()
                    break
                if not is_reply:
                    asks(data)
                elif data[:5] == b"HTTP/" and loses():
                    break
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async def serve(reader, writer):
        to_store = await asyncio.open_connection("127.0.0.1", target)
        ways = [pipe(reader, to_store[1], writer, False), pipe(to_store[0], writer, writer, True)]
        await asyncio.wait([asyncio.ensure_future(way) for way in ways], return_when="FIRST_COMPLETED")
        writer.close()
        to_store[1].close()

    async def begin():
        await asyncio.sleep(3 if how == "late" else 0)
        await (await asyncio.start_server(serve, "127.0.0.1", int(port))).serve_forever()

    asyncio.run(begin())


def sas():
    print(Azure().sas())


def key(*arguments):
    Google().key(*arguments)


does = [between, make, count, lose, large, fetch, sas, key]
{one.__name__: one for one in does}[sys.argv[2]](*sys.argv[3:])
