"""What a container engine would do with Dockerfile and compose, as far as it goes without one.

Every instruction is carried out, the very commands are run, in the order of the file; /app is a folder of a
fresh root, and what is installed goes into environments of that root. Not done: base images, and the walls.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

SYSTEM = "/usr/local/bin:/usr/bin:/bin"
# In the image Python is in /usr/local; here the one that an unprivileged user may start, too.
PYTHON = shutil.which("python3", path=SYSTEM) or sys.executable


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, without comments, each on one line."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines()]


def ignored(name: str, patterns: list[str]) -> bool:
    parts = name.split("/")
    heads = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return any(
        fnmatch(head, pattern) or (pattern.startswith("**/") and fnmatch(parts[n], pattern[3:]))
        for pattern in patterns
        for n, head in enumerate(heads)
    )


@dataclass
class Image:
    """Built with `build`; then `run` starts a command, or its CMD, as its user and with its settings."""

    root: Path
    context: Path
    env: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    cmd: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    stages: dict[str, Path] = field(default_factory=dict)

    @property
    def app(self) -> Path:
        return self.root / "app"

    def here(self, text: str) -> str:
        return re.sub(r"(?<![\w.])/app\b", str(self.app), text)

    def build(self) -> "Image":
        for name, rest in instructions((self.context / "Dockerfile").read_text()):
            getattr(self, f"_{name.lower()}")(rest)
        return self

    def _from(self, rest: str) -> None:
        if self.app.exists():
            self.app.rename(self.root / "stage")
            self.stages = {"build": self.root / "stage"}
        self.env = {"PATH": SYSTEM, "HOME": str(self.root / "home")}
        assert re.match(r"python:3\.\d+-slim\b", rest)

    def _workdir(self, rest: str) -> None:
        Path(self.here(rest)).mkdir(parents=True)

    def _env(self, rest: str) -> None:
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            self.env[name] = self.here(value).replace("$PATH", self.env["PATH"])

    def _run(self, rest: str) -> None:
        if rest.startswith("pip install"):
            subprocess.run([PYTHON, "-m", "venv", self.root / "usr"], check=True)
            self.env["PATH"] = f"{self.root / 'usr' / 'bin'}:{SYSTEM}"
        if os.geteuid() != 0:
            rest = re.sub(r"-[og] www-data ", "", rest)
        where = self.app if self.app.exists() else self.root
        # what leads to packages on this machine is none of the image's business, but needed
        ways = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "SSL_"))}
        subprocess.run(["sh", "-c", self.here(rest)], cwd=where, env=ways | self.env, check=True)

    def _copy(self, rest: str) -> None:
        if rest == "--from=build /app /app":
            shutil.copytree(self.stages["build"], self.app, symlinks=True, dirs_exist_ok=True)
            return
        *sources, target = rest.split()
        # A folder's contents are copied, not the folder: https://docs.docker.com/reference/dockerfile/#copy
        assert target in {"./", "."} or [target] == [f"./{name}" for name in sources]
        patterns = (self.context / ".dockerignore").read_text().splitlines()
        for path in sorted(self.context.rglob("*")):
            name = path.relative_to(self.context).as_posix()
            asked = sources == ["."] or name.partition("/")[0] in sources
            if asked and path.is_file() and not ignored(name, patterns):
                (self.app / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, self.app / name)

    def _user(self, rest: str) -> None:
        self.user = rest

    def _expose(self, rest: str) -> None:
        assert rest == self.env["PORT"]

    def _healthcheck(self, rest: str) -> None:
        self.healthcheck = yaml.safe_load(rest.partition("CMD ")[2])

    def _cmd(self, rest: str) -> None:
        self.cmd = yaml.safe_load(rest)

    def run(self, command: list[str] | None = None, **env: str) -> subprocess.Popen:
        who: dict[str, Any] = {}
        if self.user and os.geteuid() == 0:
            user, group = map(int, self.user.split(":"))
            who = {"user": user, "group": group, "extra_groups": []}
        return subprocess.Popen(
            command or self.cmd,
            cwd=self.app,
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            executable=shutil.which((command or self.cmd)[0], path=self.env["PATH"]),
            **who,
        )


def compose(path: Path, env: dict[str, str]) -> dict[str, Any]:
    """Return the services with their variables filled in, as `docker compose config` shows them."""

    def fill(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(":")
        assert name in env or default[:1] == "-", f"required variable {name} is missing a value"
        return env.get(name) or default[1:]

    def filled(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: filled(value) for name, value in node.items()}
        if isinstance(node, list):
            return [filled(value) for value in node]
        return re.sub(r"\$\{([^}]+)\}", fill, node) if isinstance(node, str) else node

    return filled(yaml.safe_load(path.read_text()))["services"]
