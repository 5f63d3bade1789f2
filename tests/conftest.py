"""What pytest collects here, and what its tests can ask for.

unit/t_*     each built program is a test
fuzz/f_*     each built target is a test: it replays its corpus
scenes/      each *.scene file is a test (scene.py reads and plays them)
e2e/         Python, with real peers (peers/)

SALLYPORT_BUILD says where the built tree is (./build), SALLYPORT_BUILD_ASAN
where there is one with the sanitizers: then all but e2e runs there, too, and
of e2e what is marked `core`.
"""

import functools
import os
import pathlib
import signal
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

# pylint: disable=wrong-import-position
from peers.common import new_dir, remove_dir  # noqa: E402
from peers.exim import Exim  # noqa: E402
from peers.postfix import Postfix  # noqa: E402
from peers.sallyport import Sallyport  # noqa: E402
from peers.smtp_sink import SinkProcess, SmtpSink  # noqa: E402

PROGRAM_PATIENCE = 240  # seconds for one unit test program


def pytest_configure():
    """TERM is Ctrl-C: what was started is ended then, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@functools.cache
def builds():
    """[(name, folder)] of the built trees there are to test.  Always the same
    objects: pytest makes a fixture anew when its parameter is another one."""
    plain = pathlib.Path(os.environ.get("SALLYPORT_BUILD")
                         or HERE.parent / "build").resolve()
    found = [("plain", plain)]
    asan = os.environ.get("SALLYPORT_BUILD_ASAN")
    if asan:
        found.append(("asan", pathlib.Path(asan).resolve()))
    return found


# ---- programs as tests -------------------------------------------------------


class ProgramFailed(Exception):
    """A test program ended badly; what it wrote is the message."""


class Program(pytest.Item):
    """Runs a built program; it passes by ending with 0."""

    def __init__(self, *, build, program, words=(), **kwargs):
        super().__init__(**kwargs)
        self.build, self.program, self.words = build, program, words

    def runtest(self):
        path = self.build / self.program
        if not path.exists():
            raise ProgramFailed(f"{path} is not built")
        env = {**os.environ, "SALLYPORT_BUILD": str(self.build),
               "SALLYPORT_TESTS": str(HERE)}
        try:
            done = subprocess.run(
                [path, *self.words], cwd=self.build, env=env, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=PROGRAM_PATIENCE)
        except subprocess.TimeoutExpired as e:
            said = (e.stdout or b"").decode(errors="replace")
            raise ProgramFailed(f"no end after {e.timeout} s\n{said}") from e
        if done.returncode != 0:
            raise ProgramFailed(f"exit {done.returncode}\n"
                                + done.stdout.decode(errors="replace"))

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, ProgramFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, f"{self.program} [{self.name}]"


class Source(pytest.File):
    """The source of a test program: one item for each build."""

    def collect(self):
        program = str(self.path.relative_to(HERE.parent).with_suffix(""))
        words = ()
        if self.path.name.startswith("f_"):
            corpus = HERE / "fuzz" / "corpus" / self.path.stem
            words = tuple(sorted(str(p) for p in corpus.glob("*")))
            assert words, f"no corpus: {corpus}"
        for name, build in builds():
            yield Program.from_parent(self, name=name, build=build,
                                      program=program, words=words)


def pytest_collect_file(file_path, parent):
    name, folder = file_path.name, file_path.parent.name
    if file_path.suffix == ".c" and (
            folder == "unit" and name.startswith("t_")
            or folder == "fuzz" and name.startswith("f_")):
        return Source.from_parent(parent, path=file_path)
    if file_path.suffix == ".scene":
        import scene  # pylint: disable=import-outside-toplevel
        scene.SceneFile.builds = staticmethod(builds)
        return scene.SceneFile.from_parent(parent, path=file_path)
    return None


# ---- builds and peers ---------------------------------------------------------


@pytest.fixture(scope="session")
def build(request):
    """The built tree to test."""
    return request.param


def pytest_generate_tests(metafunc):
    if "build" in metafunc.fixturenames:
        core = metafunc.definition.get_closest_marker("core") is not None
        chosen = [b for b in builds() if core or b[0] == "plain"]
        metafunc.parametrize("build", [b for _, b in chosen],
                             ids=[n for n, _ in chosen], scope="session",
                             indirect=True)


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Leaves what happened in the item, for `gateway` below."""
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed


def collector():
    things = []
    yield things.append
    for thing in reversed(things):
        thing.remove()


@pytest.fixture
def cleanly():
    """Collects what is to be removed at the end, whatever happens."""
    yield from collector()


@pytest.fixture(scope="module")
def module_cleanly():
    """The same at the end of a file of tests."""
    yield from collector()


@pytest.fixture
def gateway(build, cleanly, request):
    """gateway(changes): a Sallyport that was started; see peers/sallyport."""
    made = []

    def make(changes=None, start=True, env=None):
        gw = Sallyport(build, changes, env)
        cleanly(gw)
        made.append(gw)
        return gw.start() if start else gw

    yield make
    for gw in made:
        if getattr(request.node, "failed", False):
            print(f"---- {gw.path}\n{gw.stderr()[-6000:]}")
        wrong = gw.errors()
        assert not wrong, wrong


@pytest.fixture
def sink():
    """A mail server in this process that keeps what it gets."""
    s = SmtpSink().start()
    yield s
    s.stop()


@pytest.fixture
def sink_process(cleanly):
    """The same in a process of its own, slow enough to be killed in time."""
    s = SinkProcess({"dot": {"delay": 0.2}})
    cleanly(s)
    return s.start()


@pytest.fixture
def postfix(cleanly):
    """postfix(...): a Postfix that was started; see peers/postfix."""
    def make(*args, start=True, **kwargs):
        p = Postfix(*args, **kwargs)
        cleanly(p)
        return p.start() if start else p

    return make


@pytest.fixture
def exim(cleanly):
    """An Exim that was started; see peers/exim."""
    e = Exim()
    cleanly(e)
    return e.start()


@pytest.fixture
def folder():
    """A directory that every user may pass through."""
    path = new_dir("test")
    yield path
    remove_dir(path)
