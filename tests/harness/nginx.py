# SPDX-License-Identifier: MIT
"""Debian's nginx as an HTTP destination that notes every body it was sent.

nginx logs $request_body only where the request is proxied, so a second server block answers behind
the first. The log has one JSON object a request: method, uri, status, type, encoding and body.
"""
import json
import pathlib
import shutil
import subprocess

from .process import end, free_port, listening, spawn, wait_until
from .records import lines

CONFIG = """
daemon off;
{user}
worker_processes 1;
error_log {prefix}/error.log notice;
pid {prefix}/nginx.pid;
events {{ worker_connections 512; }}
http {{
  log_format request escape=json '{{"method":"$request_method","uri":"$request_uri",'
    '"status":$status,"type":"$content_type","encoding":"$http_content_encoding",'
    '"protocol":"$server_protocol","connection":$connection,"agent":"$http_user_agent",'
    '"authorization":"$http_authorization","length":"$content_length","body":"$request_body"}}';
  client_body_temp_path {prefix}/body;
  proxy_temp_path {prefix}/proxy;
  fastcgi_temp_path {prefix}/fastcgi;
  uwsgi_temp_path {prefix}/uwsgi;
  scgi_temp_path {prefix}/scgi;
  client_max_body_size {max_body};
  client_body_buffer_size 32m;
  client_body_in_single_buffer on;
  keepalive_requests 1000000;
  {http}
  server {{
    listen 127.0.0.1:{port}{listen};
    {tls}
    access_log {prefix}/requests.log request;
    {server}
    location / {{ {location} proxy_pass http://127.0.0.1:{behind}; }}
  }}
  server {{
    listen 127.0.0.1:{behind};
    access_log off;
    keepalive_requests 1000000;
    location / {{ {answer} }}
  }}
}}
"""


class Nginx:
    """One nginx on a free loopback port. `answer`, `location`, `server`, `http` are its own words."""

    def __init__(self, folder, tls=False, http2=False, answer='return 200 "ok\\n";', location="",
                 server="", http="", max_body="64m", port=None):
        self.prefix = pathlib.Path(folder)
        self.prefix.mkdir(parents=True, exist_ok=True)
        self.port, self.behind = port or free_port(), free_port()
        self.tls, self.process = tls, None
        self.requests_log = self.prefix / "requests.log"
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.cert, key = self.prefix / "cert.pem", self.prefix / "key.pem"
        if tls:
            certificate(self.cert, key)
        root = pathlib.Path("/proc/self").owner() == "root"
        (self.prefix / "nginx.conf").write_text(CONFIG.format(
            prefix=self.prefix, user="user root;" if root else "", max_body=max_body, http=http,
            port=self.port, behind=self.behind, answer=answer, location=location, server=server,
            listen=(" ssl" if tls else "") + (" http2" if http2 else ""),
            tls=f"ssl_certificate {self.cert}; ssl_certificate_key {key};" if tls else ""))

    def start(self):
        self.process = spawn([shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-e",
                              self.prefix / "error.log", "-c", self.prefix / "nginx.conf",
                              "-p", self.prefix], self.prefix / "output.log")
        wait_until(lambda: self.process.poll() is not None or listening(self.port), 10, "nginx")
        assert self.process.poll() is None, (self.prefix / "error.log").read_text()
        return self

    def stop(self):
        end(self.process)
        self.process = None

    def requests(self, skip=0):
        """What was asked so far, one dict a request, without the first `skip`."""
        return [json.loads(line) for line in lines(self.requests_log)[skip:]]

    def records(self, requests=None):
        """The JSON records of the NDJSON bodies that nginx said yes to, in order."""
        return [json.loads(line)
                for request in (self.requests() if requests is None else requests)
                if request["status"] < 300 for line in request["body"].splitlines() if line]


def certificate(cert, key, name="127.0.0.1", days=30):
    """A self-signed certificate for an address or a host name."""
    alternative = ("IP:" if name[0].isdigit() else "DNS:") + name
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                    "-days", str(days), "-subj", f"/CN={name}", "-addext",
                    f"subjectAltName={alternative}"], check=True, capture_output=True)
