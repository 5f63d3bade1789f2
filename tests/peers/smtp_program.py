"""SmtpProgram: the mail server of smtp_sink.py as a program on standard input
and output, one process a dialogue; it does as its script says.

    p = SmtpProgram({"dot": "450 4.2.1 Later"}, ends=False)
    {"next_hop": f"pipe:{p.path} -bs"}
    p.mails(), p.started()
"""

import base64
import json
import os
import shutil

from .common import new_dir, remove_dir
from .smtp_sink import Mail
from .smtp_sink import __file__ as sink_file

PROGRAM = """\
#!/usr/bin/python3 -B
import json, os, signal, socket, sys, time
sys.path.insert(0, {dir!r})
import smtp_sink
what = json.load(open({dir!r} + "/what"))
me = {dir!r} + "/started-%d" % os.getpid()
files = sorted(os.listdir("/proc/self/fd"))
with open(me + ".new", "w") as f:
    json.dump({{"words": sys.argv, "environment": dict(os.environ),
               "directory": os.getcwd(), "uid": os.getuid(),
               "files": files}}, f)
os.rename(me + ".new", me)
for line in what["stderr"]:
    print(line, file=sys.stderr, flush=True)
sink = smtp_sink.SmtpSink(port=1, folder={dir!r}, script=what["script"])
if not what["ends"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
smtp_sink.Connection(sink, socket.socket(fileno=os.dup(0)), 1).serve()
while not what["ends"]:
    time.sleep(1)
sys.exit(what["status"])
"""


class SmtpProgram:
    def __init__(self, script=None, ends=True, stderr=(), status=0):
        self.dir = new_dir("program")
        os.chmod(self.dir, 0o777)
        self.path = f"{self.dir}/sendmail"
        # beside it: the user it runs as may not see this folder
        shutil.copy(sink_file, self.dir)
        with open(f"{self.dir}/what", "w", encoding="ascii") as f:
            json.dump({"script": script or {}, "ends": ends,
                       "stderr": list(stderr), "status": status}, f)
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(PROGRAM.format(dir=self.dir))
        os.chmod(self.path, 0o755)

    def remove(self):
        remove_dir(self.dir)

    def started(self):
        """What each of its processes found: {pid: {...}}."""
        found = {}
        for name in sorted(os.listdir(self.dir)):
            if name.startswith("started-") and not name.endswith(".new"):
                with open(f"{self.dir}/{name}", encoding="utf-8") as f:
                    found[int(name.partition("-")[2])] = json.load(f)
        return found

    def mails(self):
        found = []
        for name in sorted(os.listdir(self.dir)):
            if not name.endswith(".mail"):
                continue
            with open(f"{self.dir}/{name}", encoding="ascii") as f:
                m = json.load(f)
            found.append(Mail(m["sender"], m["recipients"],
                              base64.b64decode(m["data"]), m["parameters"],
                              m["connection"], m["nth"]))
        return found
