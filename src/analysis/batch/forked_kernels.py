"""Jupyter kernels forked from one warm process: each as isolated as a fresh one, ready in a fraction of the time.

A server process imports the libraries that notebooks use, starts no threads, and forks a child for each kernel that
is asked for; the child becomes an ordinary IPython kernel. The rest is Jupyter as usual: a kernel provisioner
(entry point `forked-kernels` of `jupyter_client.kernel_provisioners`) asks the server, so papermill, nbclient and
nbval need no change, and a papermill engine of the same name does without waits and saves that cost time. This
module depends on `ipykernel`, `jupyter_client` and, for the engine, `papermill`; on nothing else::

    with KernelServer(["pandas", "seaborn"]) as server:
        os.environ |= server.variables  # Jupyter's programs in this process and its children get forked kernels
        papermill.execute_notebook("in.ipynb", "out.ipynb", engine_name="forked-kernels")

A forked kernel has its own session and process group, namespace, environment, working directory, random state,
matplotlib state and zmq context. What it shares with its siblings is what was imported, so preload installed
libraries only, never code that is being worked on, and start a new server for each batch. Kernel and client talk
over Unix sockets in a private folder. Kernels end with the process that asked for them, with the server, and with
the server's owner. Where kernels cannot be forked, or not as asked for, an ordinary one is started with a warning.
Not for code that cannot bear fork: libraries with threads or a graphics device open after import are refused.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import gc
import importlib
import io
import json
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAME = "forked-kernels"  # of the provisioner and of the engine
ADDRESS = "FORKED_KERNELS_ADDRESS"
# What a kernel imports until it runs its first cell.
ALWAYS_PRELOADED = (
    *("bdb", "ctypes", "faulthandler", "pdb", "sqlite3", "tornado.platform.asyncio"),
    *("ipykernel.kernelapp", "ipykernel.debugger", "IPython.core.completerlib", "IPython.core.debugger"),
    *("IPython.core.logger", "IPython.core.oinspect", "IPython.core.pylabtools", "IPython.extensions.storemagic"),
)
# Its import draws for the shell that is there at that moment: without one figures vanish, and nothing says so.
NEVER_PRELOADED = "matplotlib_inline.backend_inline"
# Read when an interpreter starts or a library is imported: a kernel that wants another value cannot be forked.
READ_AT_START = ("PYTHON", "LANG", "LC_", "LD_", "HOME", "XDG_", "MPL", "MATPLOTLIBRC", "OMP_", "OPENBLAS_", "MKL_")
READ_LATER = ("MPLBACKEND", "PYTHONSTARTUP")
# pyarrow's allocator would start a thread; pydevd would write about frozen modules.
SERVER_SETTINGS = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
WATCH_SECONDS = 0.1
PATIENCE_SECONDS = 120  # for a server that is still importing
LONGEST_SOCKET_PATH = 100  # the limit of systems is 104 or 108 bytes
_LOADER = "import runpy, sys; del sys.path[0]; runpy.run_path(sys.argv.pop(1), run_name='__main__')"


class NotForkedError(Exception):
    """Why a kernel cannot be forked."""


class RunTimeoutError(Exception):
    """A notebook was not finished in the time allowed for the whole run."""


class MemoryCeilingError(Exception):
    """A notebook used more memory than allowed for it."""


def unavailable() -> str:
    """Why kernels cannot be forked on this system; empty if they can."""
    if sys.platform == "darwin":
        return "the system libraries of macOS do not bear fork"
    return "" if hasattr(os, "fork") else "this system has no fork"


# ---- the owner's side -------------------------------------------------------------------------------------------


class KernelServer:
    """A server of forked kernels that has the modules `preload` imported; ends with its kernels when closed.

    `environment` is that of the server process, by default the present one. Kernels may have other variables, but
    not other values of those that are read at start (`READ_AT_START`). Raises OSError if there is no fork.
    """

    def __init__(self, preload: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        if reason := unavailable():
            raise OSError(reason)
        self.preload = tuple(preload)
        self.environment = dict(os.environ if environment is None else environment)
        self.folder = _private_folder("")
        self.address = f"{self.folder}/server"
        self._start()

    def _start(self) -> None:
        self._ready = self._ended = False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.address)
        with socket.socket(socket.AF_UNIX) as listener, open(f"{self.folder}/log", "wb") as log:
            listener.bind(self.address)
            listener.listen(128)  # who asks early waits; who asks after the server's end is told at once
            command = [sys.executable, "-c", _LOADER, __file__, str(listener.fileno()), *self.preload]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # its end tells the server that the owner is gone
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment | SERVER_SETTINGS,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables with which Jupyter's programs get their kernels from this server."""
        return {ADDRESS: self.address, "JUPYTER_DEFAULT_PROVISIONER_NAME": NAME}

    def news(self) -> list[str]:
        """What there is to say since the last call; a server that was ended although it had worked is replaced."""
        assert self._process.stdout is not None
        ended = self._process.poll() is not None and not self._ended
        lines = (self._process.stdout.read() or b"").decode().splitlines()
        self._ready |= "ready" in lines
        said = [line for line in lines if line != "ready"]
        if ended and self._ready:
            self._close_pipes()
            self._start()
            return [*said, "the server of forked kernels was ended from outside; another one was started"]
        if ended:
            self._ended = True
            with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as log:
                reason = (log.read().strip().splitlines() or ["no reason given"])[-1]
            said.append(f"ordinary kernels are used, because the server of forked kernels ended: {reason}")
        return said

    def close(self) -> None:
        """End the server with all its kernels, and wait until they are gone."""
        self._close_pipes()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def __enter__(self) -> KernelServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _private_folder(address: str) -> str:
    """A new folder that only this user can enter, beside the server's socket; short, as names of sockets must be."""
    beside = os.path.dirname(address)
    if beside and os.path.isdir(beside):
        return tempfile.mkdtemp(prefix="kernel-", dir=beside)
    folder = tempfile.mkdtemp(prefix="kernel-")
    if len(folder) + len("/kernel-12345678/socket-5") <= LONGEST_SOCKET_PATH:
        return folder
    os.rmdir(folder)
    return tempfile.mkdtemp(prefix="kernel-", dir="/tmp")


# ---- the server process -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Order:
    """What a kernel is to be: its command line, environment, working directory; and how to say that it is ready."""

    command: list[str]
    environment: dict[str, str]
    cwd: str
    descriptors: list[int]  # for standard output and standard error
    connection: socket.socket

    @property
    def arguments(self) -> list[str]:
        """What follows the launcher's name in the command."""
        return self.command[self.command.index("ipykernel_launcher") + 1 :]

    def refusal(self) -> str:
        """Why this process cannot fork such a kernel; empty if it can."""
        interpreter = [part for part in self.command[:3] if part != "-Xfrozen_modules=off"][:2]
        if interpreter != [sys.executable, "-m"] or "ipykernel_launcher" not in self.command[:4]:
            return f"{' '.join(self.command[:3])} is not the IPython kernel of {sys.executable}"
        for name in sorted(self.environment.keys() | os.environ.keys()):
            wanted, here = self.environment.get(name), os.environ.get(name)
            if wanted != here and name.startswith(READ_AT_START) and name not in READ_LATER:
                return f"{name} is to be {wanted!r}, but the server was started with {here!r}"
        return ""


class _Server:
    """Forks a kernel for each connection; a byte on it is a signal for the kernel, its end is the kernel's end."""

    def __init__(self, listener: socket.socket, owner: int) -> None:
        self.listener, self.owner = listener, owner
        self.woken, self.waker = socket.socketpair()
        self.waker.setblocking(False)
        self.kernels: dict[socket.socket, int] = {}
        self.selector = selectors.PollSelector()  # unlike epoll it shares nothing with the children
        for source in (listener, owner, self.woken):
            self.selector.register(source, selectors.EVENT_READ)

    def serve(self) -> _Order | None:
        """Serve until the owner is gone. In a child it returns at once, with what the child is to become."""
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj == self.owner:
                    self._end()
                    return None
                if key.fileobj is self.woken:
                    self.woken.recv(4096)
                    self._reap()
                elif key.fileobj is self.listener:
                    if order := self._accept():
                        return order
                elif isinstance(key.fileobj, socket.socket):
                    self._obey(key.fileobj)

    def _accept(self) -> _Order | None:
        connection, _ = self.listener.accept()
        descriptors: list[int] = []
        pid = -1
        try:
            connection.settimeout(10)
            _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
            order = _Order(**json.loads(_read_line(connection)), descriptors=descriptors, connection=connection)
            refusal = order.refusal()
            pid = -1 if refusal else os.fork()
        except (OSError, ValueError, TypeError, AttributeError) as error:
            refusal = f"{type(error).__name__}: {error}"
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for other in (self.listener, self.woken, self.waker, *self.kernels):
                other.close()
            os.close(self.owner)
            return order
        for descriptor in descriptors:
            os.close(descriptor)
        if refusal:
            _say(connection, refused=refusal)
            connection.close()
        else:
            _say(connection, pid=pid)
            self.kernels[connection] = pid
            self.selector.register(connection, selectors.EVENT_READ)
        return None

    def _obey(self, connection: socket.socket) -> None:
        if connection not in self.kernels:
            return  # its kernel ended a moment ago
        try:
            numbers = connection.recv(64)
        except OSError:
            numbers = b""
        if not numbers:
            self.selector.unregister(connection)
        for number in numbers or [signal.SIGKILL]:
            _signal_group(self.kernels[connection], number)

    def _reap(self) -> None:
        """Tell the ends of kernels to those who asked for them, and end what the kernels left running."""
        for connection, pid in list(self.kernels.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _signal_group(pid, signal.SIGKILL)  # before its number is free for others
            _, status = os.waitpid(pid, 0)
            with contextlib.suppress(KeyError):
                self.selector.unregister(connection)
            del self.kernels[connection]
            _say(connection, exit=os.waitstatus_to_exitcode(status))
            connection.close()

    def _end(self) -> None:
        for pid in self.kernels.values():
            _signal_group(pid, signal.SIGKILL)
        for pid in self.kernels.values():
            os.waitpid(pid, 0)
        shutil.rmtree(os.path.dirname(self.listener.getsockname()), ignore_errors=True)


def _signal_group(pid: int, number: int) -> None:
    """Signal a kernel and what it started; a kernel that does not lead a group yet gets the signal alone."""
    with contextlib.suppress(OSError):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)


def _say(connection: socket.socket, **message: object) -> None:
    with contextlib.suppress(OSError):  # who asked may be gone
        connection.sendall(json.dumps(message).encode() + b"\n")


def _read_line(connection: socket.socket) -> bytes:
    """One line, and nothing of what follows it. Raises ConnectionError if the connection ends before."""
    line = b""
    while not line.endswith(b"\n"):
        seen = connection.recv(65536, socket.MSG_PEEK)
        if not seen:
            raise ConnectionError("the connection ended")
        line += connection.recv(seen.find(b"\n") + 1 or len(seen))
    return line


def _serve(listener: int, modules: Sequence[str]) -> None:
    """The server process: import, say what is to be said on standard output, serve; a child becomes a kernel."""
    owner, before = os.dup(0), dict(os.environ)
    with os.fdopen(os.dup(1), "w") as messages, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        try:
            messages.writelines(f"{line}\n" for line in _preload([*ALWAYS_PRELOADED, *modules]))
        except NotForkedError as reason:
            os.write(2, f"{reason}\n".encode())
            os._exit(1)  # a thread may be running
        messages.write("ready\n")
    gc.collect()
    gc.freeze()  # otherwise collecting in a child would copy every page it looks at
    sys.stdout.flush()
    sys.stderr.flush()
    made = {name: value for name, value in os.environ.items() if before.get(name) != value}  # by imports
    for name in made:
        del os.environ[name]
    os.environ.update(before)
    if order := _Server(socket.socket(fileno=listener), owner).serve():
        _become_kernel(order, made)


def _preload(modules: Sequence[str]) -> Iterator[str]:
    """Import modules as a kernel would; yields what is wrong with any. Raises NotForkedError if one rules out fork."""
    # Some libraries ask at import whether they are in a kernel, and format their tables accordingly.
    builtins.get_ipython = lambda: types.SimpleNamespace(kernel=None)  # type: ignore[attr-defined]
    shown, warnings.showwarning = warnings.showwarning, lambda message, *_: print(message)
    for name in modules:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            try:
                importlib.import_module(name)
            except Exception as error:
                yield f"preload: {name} is left out, as its import fails ({type(error).__name__}: {error})"
        if printed.getvalue():
            yield f"preload: {name} writes when imported ({printed.getvalue().strip()}): forked kernels do not show it"
        if _threads() > 1:
            raise NotForkedError(f"preload: {name} starts a thread, which a fork would lose; leave it out")
        if NEVER_PRELOADED in sys.modules:
            raise NotForkedError(f"preload: {name} imports {NEVER_PRELOADED}, after which figures vanish; leave it out")
    warnings.showwarning = shown
    del builtins.get_ipython  # type: ignore[attr-defined]


def _threads() -> int:
    """Threads of this process, those unknown to Python included where the system tells them."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _become_kernel(order: _Order, made: Mapping[str, str]) -> None:
    """Make this child what `python -m ipykernel_launcher` would be, and run it until the kernel ends.

    `made` are the environment variables that imports have set.
    """
    os.setsid()
    _end_with_parent()
    for ending in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(ending, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(order.descriptors, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update({**order.environment, **made, "JPY_PARENT_PID": str(os.getppid())})
    os.chdir(order.cwd)
    time.tzset()
    importlib.invalidate_caches()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()  # its global state is a copy of the server's; that of `random` is not
    launcher = importlib.util.find_spec("ipykernel_launcher")
    sys.argv = [str(launcher and launcher.origin), *order.arguments]
    sys.orig_argv = order.command
    _run_kernel(order)


def _run_kernel(order: _Order) -> None:
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance(parent_handle=os.getppid())  # its default was read before the fork
    _send_output_of_children_over_ipc(order.arguments)
    app.initialize(order.arguments)
    if "matplotlib" in sys.modules:  # imported before the kernel had named its backend
        sys.modules["matplotlib"].rcParams["backend"] = os.environ["MPLBACKEND"]
    _say(order.connection, ready=True)  # not before the sockets are bound: zmq asks again only after 100 ms
    order.connection.close()
    app.start()


def _end_with_parent() -> None:
    """On Linux, die with the server even in compiled code; elsewhere ipykernel looks every second."""
    if sys.platform == "linux":
        import ctypes

        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)


def _send_output_of_children_over_ipc(arguments: Sequence[str]) -> None:
    """What processes forked in a notebook print reaches ipykernel over TCP: take a Unix socket for that as well."""
    import zmq
    from ipykernel.iostream import IOPubThread
    from zmq.eventloop.zmqstream import ZMQStream

    file = arguments[arguments.index("-f") + 1] if "-f" in arguments else ""
    known = hasattr(IOPubThread, "_setup_pipe_in") and hasattr(IOPubThread, "_setup_pipe_out")
    with contextlib.suppress(OSError, ValueError), open(file, encoding="utf-8") as content:
        if not known or json.load(content).get("transport") != "ipc":
            return
    url = f"ipc://{os.path.splitext(file)[0]}-output"

    def listen(thread: Any) -> None:
        thread._pipe_uuid = os.urandom(16)
        receiver = thread.socket.context.socket(zmq.PULL)
        receiver.linger = 0
        receiver.bind(url)
        thread._pipe_in = ZMQStream(receiver, thread.io_loop)
        thread._pipe_in.on_recv(thread._handle_pipe_msg)

    def connect(_: Any) -> tuple[Any, Any]:
        context = zmq.Context()  # a new one: this is a forked process
        sender = context.socket(zmq.PUSH)
        sender.linger = 3000
        sender.connect(url)
        return context, sender

    setattr(IOPubThread, "_setup_pipe_in", listen)  # noqa: B010 - a plain assignment is taken for a mistake
    setattr(IOPubThread, "_setup_pipe_out", connect)  # noqa: B010


# ---- the side of those who ask ----------------------------------------------------------------------------------


class ForkedProcess:
    """What a provisioner needs of `subprocess.Popen`, for a kernel that is a child of the server."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid, self.connection = pid, connection
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Exit code, negative for a signal; None while the process runs."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the exit code; None if it is not there after `timeout` seconds."""
        if self.returncode is None:
            try:
                self.connection.settimeout(timeout)
                self.returncode = json.loads(_read_line(self.connection))["exit"]
                self.connection.close()
            except (BlockingIOError, TimeoutError):
                return None
            except OSError:
                self.returncode = -signal.SIGKILL  # the server is gone, and its kernels with it
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Have the server signal the kernel's process group, unless it has ended."""
        with contextlib.suppress(OSError):
            self.connection.send(bytes([number]))

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)


def fork_kernel(address: str, command: Sequence[str], options: Mapping[str, Any]) -> ForkedProcess:
    """Have the server at `address` fork the kernel that `subprocess.Popen(command, **options)` would start.

    Returns when the kernel listens. Raises NotForkedError if it cannot be had like that.
    """
    if reason := unavailable() or ("" if address else f"there is no server; {ADDRESS} names its socket"):
        raise NotForkedError(reason)
    if options.get("independent"):
        raise NotForkedError("a forked kernel cannot outlive the process that asks for it")
    order = {"command": list(command), "environment": dict(options["env"]), "cwd": options.get("cwd") or os.getcwd()}
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_SECONDS)
    try:
        connection.connect(address)
        with open(os.devnull, "wb") as nothing:
            streams = [_descriptor(options.get(name), standard, nothing) for name, standard in _STREAMS]
            socket.send_fds(connection, [b"+"], streams)
            connection.sendall(json.dumps(order).encode() + b"\n")
        told: dict[str, Any] = {}
        while not {"pid", "ready"} <= told.keys():
            told |= json.loads(_read_line(connection))
            if "refused" in told or "exit" in told:
                raise NotForkedError(told.get("refused") or f"it ended with exit code {told['exit']}")
    except (NotForkedError, OSError) as error:
        connection.close()
        raise error if isinstance(error, NotForkedError) else NotForkedError(f"its server: {error}") from error
    return ForkedProcess(told["pid"], connection)


_STREAMS = (("stdout", 1), ("stderr", 2))


def _descriptor(given: Any, standard: int, nothing: io.BufferedWriter) -> int:
    """The file descriptor that an argument of `subprocess.Popen` means. Raises NotForkedError for a new pipe."""
    if given in (subprocess.PIPE, subprocess.STDOUT):
        raise NotForkedError("its output is to go into a pipe")
    if given is None or given == subprocess.DEVNULL:
        return standard if given is None else nothing.fileno()
    return given if isinstance(given, int) else int(given.fileno())


@functools.cache
def _provisioner_class() -> type:
    import asyncio

    from jupyter_client.provisioning import LocalProvisioner
    from traitlets import Unicode

    class ForkedKernelProvisioner(LocalProvisioner):  # type: ignore[misc]
        """Starts kernels by asking a :class:`KernelServer`, or ordinary ones if that is not possible.

        Where it may choose, kernel and client talk over Unix sockets in a folder only this user can enter.
        """

        address = Unicode(help=f"The server's socket; without it {ADDRESS} names it.").tag(config=True)
        folder = ""
        process: Any = None

        async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
            address = self.address or os.environ.get(ADDRESS, "")
            if os.name == "posix" and self.parent is not None and not self.parent.connection_file:
                self.folder = _private_folder(address)
                self.parent.connection_file = f"{self.folder}/kernel.json"
                self.parent.transport, self.parent.ip = "ipc", f"{self.folder}/socket"
            options: dict[str, Any] = await super().pre_launch(**kwargs)
            options["env"].pop(ADDRESS, None)
            return options

        async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
            address = self.address or os.environ.get(ADDRESS, "")
            try:
                self.process = await asyncio.to_thread(fork_kernel, address, cmd, kwargs)
            except NotForkedError as reason:
                warnings.warn(f"an ordinary kernel is used instead of a forked one: {reason}", stacklevel=2)
                return await super().launch_kernel(cmd, **kwargs)
            self.pid, self.pgid = self.process.pid, None  # without a group signals go through the process
            self.cwd = kwargs.get("cwd") or os.getcwd()
            return self.connection_info

        async def kill(self, restart: bool = False) -> None:
            await super().kill(restart)
            if isinstance(self.process, ForkedProcess):
                self.process.wait(1)  # a few milliseconds, where looking again would take 100

        async def cleanup(self, restart: bool = False) -> None:
            await super().cleanup(restart)
            if self.folder and not restart:
                shutil.rmtree(self.folder, ignore_errors=True)

    return ForkedKernelProvisioner


def __getattr__(name: str) -> Any:
    """The provisioner is made when asked for: its base class takes longer to import than all else here."""
    if name == "ForkedKernelProvisioner":
        return _provisioner_class()
    raise AttributeError(name)


# ---- papermill --------------------------------------------------------------------------------------------------


class ForkedKernelEngine:
    """Papermill's own way of running a notebook, on any kernel, without fixed waits; writes the notebook once.

    Two options more, for `papermill.execute_notebook(…, engine_name="forked-kernels")`: `run_timeout_seconds` for the
    whole notebook and `memory_mb` for the kernel with its processes (0: no limit). A run beyond either ends with
    RunTimeoutError or MemoryCeilingError. What a failed notebook has come to is written before the exception leaves.
    """

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        *,
        memory_mb: int = 0,
        run_timeout_seconds: int = 0,
        progress_bar: Any = True,
        log_output: bool = False,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **options: Any,
    ) -> Any:
        """Execute `nb` in place; called by papermill."""
        from jupyter_client import AsyncKernelManager  # these here because papermill imports this module
        from papermill.clientwrap import PapermillNotebookClient
        from papermill.engines import NotebookExecutionManager
        from papermill.iorw import write_ipynb

        for unused in ("input_path", "autosave_cell_every"):
            options.pop(unused, None)
        manager = AsyncKernelManager(kernel_name=kernel_name, client_factory=_prompt_client_class())
        book = NotebookExecutionManager(nb, progress_bar=progress_bar, log_output=log_output)
        options |= {"timeout": execution_timeout, "startup_timeout": start_timeout, "log_output": log_output}
        client = PapermillNotebookClient(book, km=manager, kernel_name=kernel_name, **options)
        finished = False
        book.notebook_start()
        try:
            with _watched(manager, memory_mb, run_timeout_seconds):
                client.execute(cleanup_kc=True)
            finished = True
        finally:
            book.cleanup_pbar()
            book.notebook_complete()
            if output_path and not finished:  # papermill writes the others
                write_ipynb(book.nb, output_path)
        return book.nb

    @staticmethod
    def nb_kernel_name(nb: Any, name: str | None = None) -> str:
        """The kernel that the notebook names, unless `name` is given."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @staticmethod
    def nb_language(nb: Any, language: str | None = None) -> str:
        """The language that the notebook names, unless `language` is given."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))


@functools.cache
def _prompt_client_class() -> type:
    from queue import Empty

    from jupyter_client import AsyncKernelClient

    class PromptClient(AsyncKernelClient):  # type: ignore[misc]
        """A client that is ready as soon as the kernel answers and its outputs arrive, without a fixed wait."""

        async def wait_for_ready(self, timeout: float | None = None) -> None:
            deadline = time.monotonic() + (timeout or float("inf"))
            while time.monotonic() < deadline:
                self.kernel_info()
                with contextlib.suppress(Empty):
                    reply = await self.get_shell_msg(timeout=1)
                    await self.get_iopub_msg(timeout=0.2)
                    self._handle_kernel_info_reply(reply)
                    return
                if not await self.is_alive():
                    raise RuntimeError("Kernel died before replying to kernel_info")
            raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")

    return PromptClient


@contextlib.contextmanager
def _watched(manager: Any, memory_mb: int, seconds: int) -> Iterator[None]:
    """End the manager's kernel when the time or memory of its run is used up, and say so by an exception."""
    verdict: list[Exception] = []
    over = threading.Event()
    deadline = time.monotonic() + (seconds or float("inf"))

    def watch() -> None:
        while not verdict and not over.wait(WATCH_SECONDS):
            pid = getattr(manager.provisioner, "pid", None)
            used = _memory_mb(pid, memory_mb) if memory_mb and pid else 0
            if used > memory_mb:
                message = f"the run used {used} MB of memory, {memory_mb} MB are allowed, so its kernel was ended"
                verdict.append(MemoryCeilingError(message))
            elif time.monotonic() > deadline:
                verdict.append(RunTimeoutError(f"the run was not finished after {seconds} s, so its kernel was ended"))
        if verdict:
            _kill(manager.provisioner)

    watcher = threading.Thread(target=watch, daemon=True)
    if memory_mb or seconds:
        watcher.start()
    try:
        yield
    except Exception as error:
        if verdict:
            raise verdict[0] from error
        raise
    finally:
        over.set()


def _kill(provisioner: Any) -> None:
    with contextlib.suppress(OSError, AttributeError):  # it may have ended by itself
        if provisioner.pgid:
            os.killpg(provisioner.pgid, signal.SIGKILL)
        else:
            provisioner.process.kill()


def _memory_mb(pid: int, ceiling: int) -> int:
    """Memory that a process and its descendants take of the machine, shared pages by share; 0 up to the ceiling.

    The limits that systems set on processes themselves count reserved memory as well, of which libraries take a lot.
    Where there is no /proc nothing is found.
    """
    found, pending = [], [pid]
    while pending:
        folder = f"/proc/{pending.pop()}"
        with contextlib.suppress(OSError):  # it may have ended meanwhile
            found.append(folder)
            for task in os.listdir(f"{folder}/task"):
                pending += [int(child) for child in _read(f"{folder}/task/{task}/children").split()]
    resident = sum(int(_read(f"{folder}/statm").split()[1]) for folder in found) * os.sysconf("SC_PAGE_SIZE") >> 20
    if resident <= ceiling:
        return 0
    by_share = [re.search(r"(?m)^Pss: +(\d+) kB", _read(f"{folder}/smaps_rollup")) for folder in found]
    return sum(int(share[1]) for share in by_share if share) >> 10


def _read(path: str) -> str:
    """Content of a file of /proc; zeros if its process is gone."""
    try:
        with open(path, encoding="ascii") as content:
            return content.read()
    except OSError:
        return "0 0"


if __name__ == "__main__":
    _serve(int(sys.argv[1]), sys.argv[2:])
