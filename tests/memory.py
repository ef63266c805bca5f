"""Keeps the temporary files of the tests in memory, where there is enough of it.

On the disk of a virtual machine a new file costs about a millisecond of processor time, and a database of
PostgreSQL has 300. What is to survive a crash of a server stays on the disk (`DISK`): servers.py.
"""

import getpass
import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # Linux has it, in containers often with 64 MB
ENOUGH = 4 * 1024**3
# The usual folder for temporary files; the processes of pytest-xdist inherit the environment.
DISK = Path(os.environ.setdefault("TESTS_DISK", tempfile.gettempdir()))


def keep_temporary_files_in_memory() -> None:
    """Have this process and those that it starts create their temporary files in memory."""
    if not _is_usable(MEMORY):
        return
    folder = MEMORY / f"tests-{getpass.getuser()}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o1777)  # as /tmp: the servers run as another user
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    # uv links from its cache where it can, and warns where it cannot.
    os.environ.setdefault("UV_LINK_MODE", "copy")


def _is_usable(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    found = os.statvfs(folder)
    kilobytes = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(kilobytes["MemAvailable"].split()[0]) * 1024
    return not found.f_flag & os.ST_NOEXEC and min(found.f_bavail * found.f_frsize, available) >= ENOUGH
