"""Finds models outside of models/: they would be missing when a revision is made, and their table dropped."""

import os
import subprocess
import sys

# In a process of its own: what the modules of an application do when they are imported stays there.
EVERY_MODULE = """
import importlib, pkgutil, sys
name = sys.argv[1]
package = importlib.import_module(name)
try:
    load = importlib.import_module(f"{name}.models").load
except (ModuleNotFoundError, AttributeError) as error:
    if getattr(error, "name", None) not in (f"{name}.models", "load"):
        raise
    sys.exit()  # an application that keeps its models in another way
load()
database = importlib.import_module(f"{name}.database")
def tables():
    return {key for each in [*database.db.metadatas.values(), *database.more_metadata] for key in each.tables}
known = tables()
for module in pkgutil.walk_packages(package.__path__, f"{name}."):
    importlib.import_module(module.name)
print(*sorted(tables() - known))
"""


def unregistered(package: str) -> list[str]:
    """Say which tables are known only once every module of the application has been imported."""
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", EVERY_MODULE, package],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        last = result.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return [f"not every module of {package} can be imported: {last[0]}"]
    return [
        f"the model of table {name} is outside of models/: move it there" for name in result.stdout.split()
    ]
