"""What keeps the template from being checked out, and a project from being used, on Windows; by rules, as
there is none here. tests/template/test_any_name.py looks at file names, too, as they are after rendering.
"""

import ast
import itertools
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ENGINES, TEMPLATE, Bake, BakedProject
from test_any_name import FORBIDDEN

# Not on Windows, or not what it is elsewhere: https://docs.python.org/3/library/ ("Availability: Unix")
MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
FUNCTIONS = re.compile(
    r"os\.(chown|chroot|fchmod|fchown|fork|forkpty|get[e]?[ug]id|getgroups|getlogin|getpg(id|rp)|kill|killpg|"
    r"lchown|mkfifo|mknod|nice|openpty|popen|set[e]?[ug]id|setsid|sync|system|tcgetpgrp|uname|umask|wait\w*)|"
    r"os\.O_(CLOEXEC|DIRECTORY|NOFOLLOW|SYNC)|signal\.(alarm|pause|pthread_\w+|setitimer|sigwait)|"
    r"signal\.SIG(ALRM|CHLD|HUP|KILL|PIPE|QUIT|STOP|TSTP|USR[12])|socket\.AF_UNIX|select\.(e?poll|kqueue)"
)
GUARD = re.compile(r"os\.name|sys\.platform|hasattr\(|ImportError|AttributeError")


def unguarded(tree: ast.Module) -> list[str]:
    """Return what only Unix has, outside of an `if`, a `try` or an `x if y else z` that asks first."""
    found = []

    def visit(node: ast.AST, guarded: bool) -> None:
        guards = [getattr(node, "test", None), *getattr(node, "handlers", [])]
        text = " ".join(ast.unparse(part) for part in guards if part is not None)
        guarded = guarded or bool(GUARD.search(text))
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name in MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name for name in names if node.module in MODULES or FUNCTIONS.fullmatch(name)]
        elif isinstance(node, ast.Attribute):
            names = [name for name in [ast.unparse(node)] if FUNCTIONS.fullmatch(name)]
        elif isinstance(node, ast.keyword) and node.arg in {"shell", "preexec_fn", "start_new_session"}:
            names = [f"{node.arg}={ast.unparse(node.value)}"]
        found.extend(names if not guarded else [])
        for child in ast.iter_child_nodes(node):
            visit(child, guarded)

    visit(tree, False)
    return found


def code(project: BakedProject) -> Iterator[tuple[str, ast.Module]]:
    """All code that runs on a user's machine: the generated project's, and the library's."""
    for root in (project.path, TEMPLATE / "src"):
        for path in root.rglob("*.py"):
            yield str(path.relative_to(root)), ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("database", ENGINES)
def test_the_code_asks_before_it_uses_what_only_unix_has(render: Bake, database: str) -> None:
    read = dict(code(render(database=database)))
    assert {"my_app/database.py", "flask_safe_migrations/environment.py"} < set(read)
    assert {name: names for name, tree in read.items() if (names := unguarded(tree))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import fcntl",
        "from os import fork",
        "os.kill(pid, 9)",
        "signal.signal(signal.SIGKILL, x)",
        "subprocess.run(line, shell=True)",
        "if debug:\n    os.getuid()",
    ],
)
def test_the_rule_finds(code: str) -> None:
    assert unguarded(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None",
        "x = os.getuid() if hasattr(os, 'getuid') else 0",
        "if os.name == 'posix':\n    os.kill(pid, 0)",
        "os.replace(a, b)",
    ],
)
def test_the_rule_lets_through(code: str) -> None:
    assert not unguarded(ast.parse(code))


def test_the_code_says_how_it_reads_and_writes_text(render: Bake) -> None:
    """Windows takes its own encoding where none is named: a revision with an umlaut would not be read."""
    found = []
    for file, tree in code(render()):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            keywords = {keyword.arg for keyword in node.keywords}
            modes = [part.value for part in node.args if isinstance(part, ast.Constant)]
            binary = any(isinstance(mode, str) and re.fullmatch(r"[rwax]b\+?", mode) for mode in modes)
            another = name == "open" and len(modes) < len(node.args)  # of something else than a file
            texts = name in {"read_text", "write_text"} or (name == "open" and not binary and not another)
            if texts and "encoding" not in keywords:
                found.append(f"{file}:{node.lineno} {ast.unparse(node)}")
    assert found == []


def test_the_template_can_be_checked_out() -> None:
    """No name that Windows cannot have, none that differs in case only; lines end with a line feed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=TEMPLATE, capture_output=True, check=True, text=True
    )
    names = [name for name in listed.stdout.split("\0") if name]
    assert [name for name in names if any(FORBIDDEN.search(part) for part in Path(name).parts)] == []
    folders = {str(parent) for name in names for parent in Path(name).parents}
    for group in (names, folders):
        lower = Counter(name.lower() for name in group)
        assert [name for name, times in lower.items() if times > 1] == []
    assert max(map(len, names)) < 160  # 260 with the folder it is checked out to
    assert [name for name in names if (TEMPLATE / name).is_symlink()] == []
    existing = [TEMPLATE / name for name in names if (TEMPLATE / name).exists()]
    texts = [path for path in existing if path.suffix not in {".png", ".whl"}]
    assert [path for path in texts if b"\r" in path.read_bytes()] == []


def test_line_endings_stay_what_they_are(render: Bake, tmp_path: Path) -> None:
    """Checked out by a git that is set to Windows' line endings: make and sh would stumble over them."""
    project = render()
    git = ["git", "-c", "core.autocrlf=true", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=project.path, check=True, capture_output=True)
    copy = tmp_path / "copy"
    subprocess.run([*git, "clone", "-q", project.path, copy], check=True)
    files = [path for path in copy.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert len(files) > 50
    texts = [path for path in files if path.suffix != ".whl"]
    assert [path for path in texts if b"\r\n" in path.read_bytes()] == []
    # And a wheel is no text: one byte that differs is a hash error.
    (wheel,) = (path for path in files if path not in texts)
    assert wheel.read_bytes() == (project.path / "vendor" / wheel.name).read_bytes()


def test_no_file_collides_with_another_where_case_does_not_count(render: Bake) -> None:
    for database, examples in itertools.product(ENGINES, [True, False]):
        project = render(database=database, example_models=examples)
        names = [str(path.relative_to(project.path)).lower() for path in project.path.rglob("*")]
        assert len(names) == len(set(names))
