"""A site for a browser to look at, on whichever server serves files: a page with
a script, a tool to take, and one that is not to be had."""

import os

from corpus_mail import eicar

PAGE = """<!DOCTYPE html><html lang="en"><title>A site</title>
<link rel="icon" href="data:,"><h1>All quiet</h1>{more}
<p><a id="get" href="/tool.bin" download>a tool</a></p>
<p><a id="bad" href="/bad.com">another</a></p>
<p id="said">nothing</p><script src="/site.js"></script></html>
"""
SCRIPT = "document.getElementById('said').textContent = 'the script ran';\n"

# To be run in a page, filled with host:port: what an echo sends back.
SECURE_SOCKET = """new Promise((done, fail) => {
    const ws = new WebSocket("wss://%s/ws");
    ws.onerror = () => fail(new Error("no WebSocket"));
    ws.onopen = () => ws.send("hello");
    ws.onmessage = (m) => { done(m.data); ws.close(1000); };
})"""


def put_site(server, more=""):
    """more: of the page."""
    server.put("index.html", PAGE.format(more=more).encode())
    server.put("site.js", SCRIPT.encode())
    server.put("tool.bin", os.urandom(1_000_000))
    server.put("bad.com", eicar())
