"""What runs in a fork server does what a Python of its own does, and nothing of one reaches another."""

import os
import re
import signal
import time

import fork_server
import pytest
from forking import clean_environment, server_for
from project import TEMPLATE, BakedProject
from test_deployments import wait_until

# In this order they work on one project; `run` and `browse` serve until they are stopped and have tests of
# their own (test_first_run.py, test_browse.py), which start them as a user does.
COMMANDS = {
    "db": (),
    "seed": (),
    "migrate": (),
    "status": (),
    "sql": (),
    "erd": (),
    "newmigration": ("m=phone",),
    "checkmigrations": (),
    "backup": (),
    "restore": ("args=--yes",),
    "rollback": ("args=--yes",),
    "adopt": (),
    "rebase": (),
    "squash": ("args=--yes",),
    "shell": (),
}
SERVING = {"run", "browse"}


def targets() -> set[str]:
    """The targets of the generated Makefile that run a `flask` command."""
    text = (TEMPLATE / "{{cookiecutter.project_slug}}" / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):.*\n\t@\$\(FLASK\) ", text, re.MULTILINE))


def test_every_target_is_tried() -> None:
    assert targets() == {*COMMANDS, *SERVING}


def without_numbers(out: str) -> list[str]:
    """Times, revisions and what is derived from them differ from run to run."""
    return [re.sub(r"\S*\d\S*", "#", line) for line in out.splitlines()]


@pytest.mark.slow
def test_every_target_does_the_same_in_a_fork_as_in_a_python_of_its_own(project: BakedProject, bake) -> None:
    other = bake()
    other.forks = False
    for target, arguments in COMMANDS.items():
        for each in (project, other):
            if target == "newmigration":
                each.add_column()
        forked, own = (each.make(target, *arguments, check=False) for each in (project, other))
        assert forked.returncode == own.returncode, (target, forked.out, own.out)
        expected = own.out.replace(str(other.path), str(project.path))
        assert without_numbers(forked.out) == without_numbers(expected), target


def test_a_mistake_has_the_same_exit_code_and_sentence(project: BakedProject, bake) -> None:
    other = bake()
    other.forks = False
    commands = (["db", "upgrade", "nosuch"], ["db", "nosuch"], ["nosuch"], ["--help"], ["db", "--help"], [])
    for command in commands:
        forked, own = (each.flask(*command, check=False) for each in (project, other))
        assert (forked.returncode, forked.out) == (own.returncode, own.out)
    forked, own = (each.alembic("upgrade", "nosuch", check=False) for each in (project, other))
    assert (forked.returncode, forked.out) == (own.returncode, own.out)
    assert "make: ***" in project.make("rollback", check=False).out


LOOK = """
import atexit, os, signal, sys

import click


@click.command()
def look():
    atexit.register(print, "at the end")
    print("arguments", sys.argv)
    print("path", sys.path[0], "from", os.getcwd())
    print("descriptors", len(os.listdir("/dev/fd")))
    print("environment", sorted(set(os.environ) - {"LC_CTYPE"}))  # Python itself sets it
    print("libraries", sorted(name for name in sys.modules if name.startswith("my_app"))[:3])
    print("signals", [signal.getsignal(number) for number in (2, 13, 15, 17)])
    print("terminal", sys.stdin.isatty(), sys.stdout.isatty(), sys.stdout.line_buffering, sys.stdout.encoding)
    print("python", sys.executable, sys.flags, sys.warnoptions, sys.stdin.read())


def init_app(app):
    app.cli.add_command(look)
"""


def test_a_child_is_like_a_new_python(project: BakedProject) -> None:
    (project.path / project.package / "cli.py").write_text(LOOK)
    project.forks = False
    environment = project.python.parent.parent  # a link to the shared one
    own = project.flask("look", THIS="1").out.replace(f"{environment}/lib", f"{environment.resolve()}/lib")
    project.forks = True
    assert project.flask("look", THIS="1").out == own
    assert "at the end" in own


def test_a_child_is_a_process_of_its_own(project: BakedProject) -> None:
    code = "import os, time, click\n\n\n@click.command()\ndef wait():\n    print(os.getpid(), flush=True)\n"
    code += "    os.environ['LEFT'] = '1'\n    time.sleep(60)\n\n\ndef init_app(app):\n"
    code += "    app.cli.add_command(wait)\n"
    (project.path / project.package / "cli.py").write_text(code)
    began = time.monotonic()
    first, second = project.start("wait"), project.start("wait")
    for process in (first, second):
        assert int(process.stdout.readline()) == process.pid != os.getpid()
        assert process.poll() is None
    first.kill()
    assert first.wait(10) == -signal.SIGKILL and second.poll() is None
    second.send_signal(signal.SIGINT)
    out, _ = second.communicate(timeout=10)
    assert second.returncode == 1 and "Aborted!" in out and "Traceback" not in out
    assert time.monotonic() - began < 30


def test_a_command_ends_when_the_make_that_runs_it_is_killed(project: BakedProject) -> None:
    """The program that stands for `python -m flask` hangs up, and the server ends the command."""
    (project.path / project.package / "cli.py").write_text(
        "import time, click\nfrom pathlib import Path\n\n\n@click.command()\ndef wait():\n"
        "    while True:\n        Path('alive').write_text(str(time.monotonic()))\n        time.sleep(0.01)\n"
        "\n\ndef init_app(app):\n    app.cli.add_command(wait)\n"
    )
    env = clean_environment()
    server = server_for(project.python, env)
    assert server
    nothing = os.open(os.devnull, os.O_RDWR)
    connection, answers = fork_server.request(
        server.path, [str(project.python), "-m", "flask", "wait"], str(project.path), env, [nothing] * 3
    )
    os.close(nothing)
    alive = project.path / "alive"
    wait_until(alive.exists)
    answers.close()
    connection.close()
    time.sleep(0.5)
    alive.unlink()
    time.sleep(0.2)
    assert not alive.exists()
    assert project.flask("--version").out  # the server is still there


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONWARNINGS", "LC_ALL", "USER"])
def test_what_python_reads_at_its_start_gets_a_python_of_its_own(project: BakedProject, name: str) -> None:
    assert server_for(project.python, clean_environment() | {"DATABASE_URL": "x", "FLASK_DEBUG": "1"})
    assert server_for(project.python, clean_environment() | {name: "C"}) is None
