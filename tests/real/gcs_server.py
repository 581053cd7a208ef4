"""A small Google Cloud Storage, by the documentation of its XML API: what clouds.sh puts to under gs://.

usage: gcs_server.py PORT SERVICE_ACCOUNT.json|open [TOKEN]
Buckets, objects with x-goog-if-generation-match, lists in pages of five, and uploads in parts, all in memory. Whoever
asks shows a token that the service account signed, or TOKEN; `open` asks nobody, as emulators do. No emulator that is
to be had answers this API whole, which is the one that clients of the Rust crate object_store speak.
"""

import base64
import hashlib
import json
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

# A list may be cut anywhere: here it always is.
PAGE = 5
# No part but the last may be smaller.
LEAST_PART = 5 << 20
WRONG = {
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (404, "The requested upload was not found."),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold."),
    "AuthenticationRequired": (401, "Authentication required."),
    "InvalidPart": (400, "One or more of the specified parts could not be found."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
}
buckets, uploads, lock = {}, {}, threading.RLock()


class Refused(Exception):
    pass


class Kept:
    """An object, as it was put."""

    def __init__(self, data):
        self.data, self.at = data, time.time()
        self.generation = str(time.time_ns() // 1000)
        self.etag = f'"{hashlib.md5(data).hexdigest()}"'

    def headers(self):
        return {"ETag": self.etag, "x-goog-generation": self.generation, "Last-Modified": formatdate(self.at, usegmt=True)}


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_signed(token, account):
    """Whether the account signed this JWT, for itself, for storage, and for now."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        head, claims, signature = token.split(".")
        key = serialization.load_pem_private_key(account["private_key"].encode(), None).public_key()
        key.verify(unpadded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        said = json.loads(unpadded(claims))
        known = json.loads(unpadded(head))["kid"] == account["private_key_id"]
        return known and said["iss"] == account["client_email"] and said["iat"] - 60 < time.time() < said["exp"]
    except (InvalidSignature, ValueError, KeyError):
        return False


def xml(name, fields, body=""):
    inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in fields.items())
    return f"<?xml version='1.0' encoding='UTF-8'?><{name}>{inner}{body}</{name}>".encode()


class Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    # Head and body in one write: two would wait for an acknowledgement between them.
    wbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", len(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = urlsplit(self.path)
        bucket, _, key = target.path.lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(target.query, keep_blank_values=True).items()}
        try:
            self.authorise()
            with lock:
                status, data, headers = act(self.command, unquote(bucket), unquote(key), query, self.headers, body)
            self.reply(status, data, **headers)
        except Refused as refused:
            status, message = WRONG[str(refused)]
            self.reply(status, xml("Error", {"Code": refused, "Message": message}), **{"Content-Type": "application/xml"})

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def authorise(self):
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if ACCOUNT and not (scheme == "Bearer" and (token in TOKENS or is_signed(token, ACCOUNT))):
            raise Refused("AuthenticationRequired")


def act(method, bucket, key, query, headers, body):
    if not key and method == "PUT":
        buckets.setdefault(bucket, {})
        return 200, b"", {}
    if bucket not in buckets:
        raise Refused("NoSuchBucket")
    objects = buckets[bucket]
    if not key:
        return 200, parts_open(bucket) if "uploads" in query else page(objects, query), {}
    if method == "POST" and "uploads" in query:
        upload = hashlib.sha256(f"{key} {time.time_ns()}".encode()).hexdigest()
        uploads[upload] = (bucket, key, {})
        return 200, xml("InitiateMultipartUploadResult", {"Bucket": bucket, "Key": key, "UploadId": upload}), {}
    if "uploadId" in query:
        return of_upload(method, objects, query, body)
    if method == "PUT":
        expected = headers.get("x-goog-if-generation-match")
        there = objects[key].generation if key in objects else "0"
        if expected is not None and expected != there:
            raise Refused("PreconditionFailed")
        objects[key] = Kept(body)
        return 200, b"", objects[key].headers()
    if key not in objects:
        raise Refused("NoSuchKey")
    if method == "DELETE":
        del objects[key]
        return 204, b"", {}
    if method in ("GET", "HEAD"):
        return 200, objects[key].data, objects[key].headers()
    raise Refused("MethodNotAllowed")


def of_upload(method, objects, query, body):
    upload = query["uploadId"]
    if upload not in uploads:
        raise Refused("NoSuchUpload")
    bucket, key, parts = uploads[upload]
    if method == "PUT":
        parts[int(query["partNumber"])] = Kept(body)
        return 200, b"", {"ETag": parts[int(query["partNumber"])].etag}
    if method == "DELETE":
        del uploads[upload]
        return 204, b"", {}
    named = [(int(part.findtext("PartNumber")), part.findtext("ETag")) for part in ElementTree.fromstring(body)]
    if not named or any(number not in parts or parts[number].etag != etag for number, etag in named):
        raise Refused("InvalidPart")
    if any(len(parts[number].data) < LEAST_PART for number, _ in named[:-1]):
        raise Refused("EntityTooSmall")
    objects[key] = Kept(b"".join(parts[number].data for number, _ in named))
    del uploads[upload]
    said = {"Bucket": bucket, "Key": key, "ETag": objects[key].etag}
    return 200, xml("CompleteMultipartUploadResult", said), {"x-goog-generation": objects[key].generation}


def page(objects, query):
    after = query.get("continuation-token", query.get("start-after", ""))
    names = sorted(name for name in objects if name.startswith(query.get("prefix", "")) and name > after)
    shown = names[: min(PAGE, int(query.get("max-keys", PAGE)))]
    said = {"KeyCount": len(shown), "IsTruncated": str(len(shown) < len(names)).lower()}
    if len(shown) < len(names):
        said["NextContinuationToken"] = shown[-1]
    when = lambda kept: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(kept.at)) + f".{int(kept.at % 1 * 1000):03}Z"
    each = lambda name, kept: xml_item({"Key": name, "LastModified": when(kept), "ETag": kept.etag, "Size": len(kept.data)})
    return xml("ListBucketResult", said, "".join(each(name, objects[name]) for name in shown))


def xml_item(fields):
    return "<Contents>" + "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in fields.items()) + "</Contents>"


def parts_open(bucket):
    each = "".join(f"<Upload><UploadId>{upload}</UploadId></Upload>" for upload, of in uploads.items() if of[0] == bucket)
    return xml("ListMultipartUploadsResult", {"Bucket": bucket}, each)


if __name__ == "__main__":
    ACCOUNT = None if sys.argv[2] == "open" else json.load(open(sys.argv[2]))
    TOKENS = sys.argv[3:]
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Asked)
    server.daemon_threads = True
    server.serve_forever()
