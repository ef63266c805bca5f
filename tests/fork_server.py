"""Runs commands of baked projects in children of one Python that has imported the libraries already.

Nine tenths of the time of a short `flask` command go into importing Flask, SQLAlchemy and Alembic. Here one
Python imports them and then forks for each command. The child is a process of its own: it has no descriptor
but its three, its own working directory, environment and arguments, imports the application itself, and ends
as any Python ends. It can be killed like any other.

There is a Unix socket, with one connection for each command:

- `python fork_server.py serve SOCKET` is the Python that forks.
- `python fork_server.py SOCKET PYTHON MODULE …` takes the place of `PYTHON -m MODULE …` under a real `make`.
  It has to start quickly, so this file imports little.
- forking.py starts the server from pytest, and commands in it.
"""

# pathlib would double the time that the program takes.
# ruff: noqa: PTH100, PTH109, PTH120, PTH208

import json
import os
import signal
import socket
import sys

# The first message: where, how and what to run, and the three standard descriptors. The answers: the process
# id in one line, at once; the exit code in a second line. Who hangs up before that kills the command.
MAXIMUM = 1_000_000


def request(path, command, cwd, env, descriptors):
    """Start a command; return the connection and the lines that are read from it."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    message = json.dumps({"command": command, "cwd": cwd, "env": env}).encode() + b"\n"
    socket.send_fds(connection, [message[:1]], descriptors)
    connection.sendall(message[1:])
    return connection, connection.makefile("r")


def client():
    """The program: `python fork_server.py SOCKET PYTHON flask db upgrade` ends as the command has ended."""
    path, python, module, *arguments = sys.argv[1:]
    env = {name: value for name, value in os.environ.items() if name != "FLASK"}  # what make was handed
    command = [python, "-m", module, *arguments]
    _, answers = request(path, command, os.getcwd(), env, [0, 1, 2])
    answers.readline()
    code = int(answers.readline())
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


# --- The Python that forks --------------------------------------------------------------------------------


def import_libraries():
    """What the commands import, up to the application, which each child imports for itself."""
    import pkgutil
    import ssl
    from contextlib import suppress
    from importlib import import_module

    for name in (
        *("runpy", "logging.config", "uuid", "ast", "sqlite3", "tokenize", "shutil", "subprocess", "gzip"),
        *("tempfile", "filecmp", "glob", "concurrent.futures", "difflib", "dotenv", "flask.cli"),
        *("flask_migrate.cli", "flask_sqlalchemy", "alembic.command", "alembic.config", "alembic.context"),
        *("alembic.op", "alembic.autogenerate", "alembic.operations.batch", "alembic.ddl", "psycopg"),
        *("pymysql", "sqlalchemy.dialects.mysql.pymysql", "sqlalchemy.dialects.sqlite.pysqlite"),
        *("sqlalchemy.dialects.postgresql.psycopg", "mako.template", "mako.lookup", "werkzeug.serving"),
        *("flask_safe_migrations", "flask_safe_migrations.cli", "flask_safe_migrations.environment"),
    ):
        with suppress(ModuleNotFoundError):  # not every environment has all of them
            import_module(name)
    # What the commands import on their way.
    import flask_safe_migrations

    for module in pkgutil.walk_packages(flask_safe_migrations.__path__, "flask_safe_migrations."):
        if not module.name.startswith(("flask_safe_migrations.contrib", "flask_safe_migrations.testing")):
            import_module(module.name)
    skip_default_certificates(ssl)


def skip_default_certificates(ssl):
    """Spare each connection to MariaDB 17 ms, in which PyMySQL loads the certificates of the machine.

    It does so to offer TLS, without verifying anybody. Tests that verify name their own certificates.
    """
    ssl.SSLContext.load_default_certs = lambda *_: None


def serve(path):
    """Take requests until standard input ends. Returns in the children only, with what they have to run."""
    import gc
    import select
    from contextlib import suppress

    import_libraries()
    import kill_points

    gc.collect()
    gc.freeze()  # or the first collection in each child would copy all pages
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is pytest's; the end of its pipe is the end of this
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    os.write(1, b"ready\n")
    running = {}  # process id: connection
    while True:
        readable, _, _ = select.select([0, woken, listener, *running.values()], [], [])
        if woken in readable:
            os.read(woken, 1000)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            connection = running.pop(pid)
            with suppress(OSError):
                connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            connection.close()
            readable = [each for each in readable if each is not connection]
        for pid, connection in running.items():
            if connection in readable and has_hung_up(connection):
                os.kill(pid, signal.SIGKILL)  # nobody has waited for it yet, so the id is still its own
        if listener in readable:
            connection, _ = listener.accept()
            first, descriptors, _, _ = socket.recv_fds(connection, 1, 3)
            if first:
                message = first + connection.makefile("rb").readline()
                pid = os.fork()
                if pid == 0:
                    task = become(json.loads(message), descriptors, [listener, connection, *running.values()])
                    if number := os.environ.pop("KILL_AT", ""):
                        kill_points.install(int(number))
                    return task
                running[pid] = connection
                connection.sendall(b"%d\n" % pid)
            for descriptor in descriptors:
                os.close(descriptor)
        if 0 in readable:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            os._exit(0)


def has_hung_up(connection):
    try:
        return not connection.recv(1)
    except ConnectionResetError:  # without having read all of the answer
        return True


def become(message, descriptors, sockets):
    """Make this process what a new Python would be with this command; return what it has to call."""
    import time

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    for each in sockets:
        each.detach()  # or Python would close the number once more, when it belongs to another file
    os.closerange(3, 1 + max(map(int, os.listdir("/dev/fd"))))
    os.environ.clear()
    os.environ.update(message["env"])
    time.tzset()
    os.chdir(message["cwd"])
    python, *command = message["command"]
    sys.executable = os.path.abspath(python)
    sys.prefix = sys.exec_prefix = os.path.dirname(os.path.dirname(sys.executable))
    import runpy

    if command[0] == "-m":
        sys.path[0] = os.getcwd()
        sys.argv[:] = command[1:]
        return lambda: runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    if command[0] == "-c":
        sys.path[0] = ""
        sys.argv[:] = ["-c", *command[2:]]
        main = sys.modules["__main__"] = type(sys)("__main__")
        return lambda: exec(compile(command[1], "<string>", "exec"), main.__dict__)
    sys.path[0] = os.path.dirname(os.path.abspath(command[0]))
    sys.argv[:] = command
    return lambda: runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        task = serve(sys.argv[2])
        task()
    else:
        sys.exit(client())
