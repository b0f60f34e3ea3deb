"""A small object store on loopback that speaks S3: listings, ranges, If-Match, and the faults of real ones."""

import hashlib
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

MOST_LISTED = 1000
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-may-see",
    "AWS_REGION": "eu-central-1",
}


class Bucket:
    """The objects of a bucket by key, and what goes wrong with it.

    `refusals` has a status and a code for a key (or for "" if a listing fails), `cut` the keys whose next body is cut.
    `seconds` is the latency of each request, and `slow` has more seconds for a key (or for "", a listing). `sent` counts the
    bytes of each key that were sent, `requests` all requests, and `queries` has the queries of objects. If `is_whole`
    is true, it serves no ranges; `tag` replaces the versions, and None leaves them out. Refusals name the `region`.
    """

    def __init__(self, name="logs"):
        self.name, self.objects = name, {}
        self.refusals, self.cut, self.seconds, self.slow = {}, set(), 0.0, {}
        self.sent, self.requests = {}, []
        self.tags, self.lock = {}, threading.Lock()
        self.queries, self.is_whole, self.tag, self.region = set(), False, "", ""

    def size(self, key):
        return len(self.objects[key])

    def etag(self, key):
        if self.tag != "":
            return self.tag
        content = self.objects[key]
        known, tag = self.tags.get(key, (None, ""))
        if known is not content:
            tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
            self.tags[key] = content, tag
        return tag


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        bucket = self.server.bucket
        time.sleep(bucket.seconds)
        url = urlsplit(self.path)
        name, _, key = unquote(url.path.lstrip("/")).partition("/")
        with bucket.lock:
            bucket.requests.append((self.command, key, self.headers.get("Range")))
        time.sleep(bucket.slow.get(key, 0))
        if name != bucket.name:
            self.refuse(404, "NoSuchBucket")
        elif key in bucket.refusals and (self.command == "GET" or "Archived" not in key):
            self.refuse(*bucket.refusals[key])
        elif not key:
            self.list(parse_qs(url.query))
        elif key not in bucket.objects:
            self.refuse(404, "NoSuchKey")
        elif self.headers.get("If-Match") not in (None, bucket.etag(key)):
            self.refuse(412, "PreconditionFailed")
        else:
            bucket.queries.add(url.query)
            self.send(key)

    do_HEAD = do_GET  # noqa: N815  (the name that http.server calls)

    def do_POST(self):
        """Refuse a request to the service that gives roles."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, code):
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        region = self.server.bucket.region
        self.answer(status, body, [("x-amz-bucket-region", region)] if region else ())

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for head, value in headers:
            self.send_header(head, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def send(self, key):
        bucket = self.server.bucket
        content = bucket.objects[key]
        first, behind, status = 0, len(content), 200
        headers = [
            ("ETag", bucket.etag(key)),
            ("Last-Modified", "Sun, 29 Nov 2026 12:00:00 GMT"),
        ]
        if bucket.tag is None:
            del headers[0]
        if not content and self.headers.get("Range"):
            self.refuse(416, "InvalidRange")
            return
        wanted = None if bucket.is_whole else self.headers.get("Range")
        if wanted:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, behind, status = int(begin), min(int(end) + 1, len(content)), 206
            headers.append(("Content-Range", f"bytes {first}-{behind - 1}/{len(content)}"))
        body = content[first:behind]
        if self.command == "GET" and key in bucket.cut:
            bucket.cut.discard(key)
            self.send_response(status)
            for head, value in headers:
                self.send_header(head, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        with bucket.lock:
            if self.command == "GET":
                bucket.sent[key] = bucket.sent.get(key, 0) + len(body)
        self.answer(status, body, headers)

    def list(self, query):
        bucket = self.server.bucket
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", [""])[0]
        delimiter = query.get("delimiter", [""])[0]
        keys = sorted(key for key in bucket.objects if key.startswith(prefix))
        names = dict.fromkeys(cut(key, prefix, delimiter) for key in keys)
        waiting = [name for name in names if name > after]
        listed = waiting[:MOST_LISTED]
        more = len(waiting) > len(listed)
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-29T12:00:00.000Z</LastModified>"
            f"<ETag>{escape(bucket.etag(key))}</ETag><Size>{bucket.size(key)}</Size></Contents>"
            if key in bucket.objects
            else f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
            for key in listed
        )
        token = (
            f"<NextContinuationToken>{escape(listed[-1])}</NextContinuationToken>" if more else ""
        )
        self.answer(
            200,
            f"<ListBucketResult><Name>{bucket.name}</Name><KeyCount>{len(listed)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>".encode(),
            [("Content-Type", "application/xml")],
        )


def cut(key, prefix, delimiter):
    """Return a key, or the folder directly under the prefix that contains it."""
    rest = key[len(prefix) :]
    return prefix + rest[: rest.index(delimiter) + 1] if delimiter and delimiter in rest else key


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Say nothing: a client that goes away is no failure of the test."""


@contextmanager
def serving(bucket):
    """Serve a bucket, and yield the environment in which it is found."""
    server = Server(("127.0.0.1", 0), Handler)
    server.bucket = bucket
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {**ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}
    finally:
        server.shutdown()
        server.server_close()
