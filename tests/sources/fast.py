"""A fast object store on loopback: nginx sends the bodies, and the small store of `bucket` the listings.

nginx takes little of the processor time that the test itself needs. It is in Debian's package `nginx-light`, and the
delay of each request in `libnginx-mod-http-echo`. `counted` tells what was sent, by nginx's own log of requests.
"""

import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from socket import socket

from tests.sources.bucket import Bucket, serving

MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
CONFIGURATION = """\
{module}
worker_processes 2;
daemon off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
    log_format bytes '$request_method $uri $body_bytes_sent';
    access_log {folder}/requests bytes buffer=4k flush=100ms;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location / {{
            if ($args ~ list-type) {{ proxy_pass {listings}; }}
            {delay}
        }}
        location @files {{ root {root}; }}
    }}
}}
"""


class Listed(Bucket):
    """A bucket whose objects are files that nginx sends, with nginx's ETags."""

    def __init__(self, root):
        super().__init__()
        self.objects = {
            path.relative_to(root / self.name).as_posix(): path
            for path in sorted((root / self.name).rglob("*"))
            if path.is_file()
        }

    def size(self, key):
        return self.objects[key].stat().st_size

    def etag(self, key):
        status = self.objects[key].stat()
        return f'"{int(status.st_mtime):x}-{status.st_size:x}"'


def free_port():
    """Return a port on loopback that nobody listens on."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def fast_store(root, folder, seconds=0.0):
    """Serve the folder `root/logs` as the bucket `logs`; yield the environment for it, and the log of requests.

    `folder` is for nginx's own files. Each request takes `seconds` longer.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert program, "nginx is missing"
    delay = f"echo_sleep {seconds}; echo_exec @files;" if seconds else ""
    with serving(Listed(root)) as environment:
        for _ in range(5):  # Somebody else may take the port before nginx does.
            port = free_port()
            configuration = folder / "nginx.conf"
            configuration.write_text(
                CONFIGURATION.format(
                    module=f"load_module {MODULE};" if seconds else "",
                    folder=folder,
                    port=port,
                    root=root,
                    listings=environment["AWS_ENDPOINT_URL"],
                    delay=delay,
                )
            )
            server = subprocess.Popen([program, "-c", str(configuration), "-e", f"{folder}/errors"])
            if listens(server, port):
                break
        try:
            yield (
                {**environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"},
                folder / "requests",
            )
        finally:
            server.terminate()
            server.wait(10)


def listens(server, port):
    """Return whether a server that was started listens on a port; False if it has ended."""
    while server.poll() is None:
        with socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(0.2)
                return server.poll() is None
        time.sleep(0.05)
    return False


def bytes_sent(requests):
    """Return how many bytes of each object were sent."""
    time.sleep(0.3)  # nginx writes its log with a delay.
    sent = {}
    for line in requests.read_text().splitlines():
        method, path, size = line.split(" ")
        if method == "GET" and path != "/logs":
            sent[path] = sent.get(path, 0) + int(size)
    return sent
