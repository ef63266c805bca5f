"""A throwaway Galera cluster: three real nodes on loopback, each killed and started again at will."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
from servers import LONGEST_WAIT, Server, find, folder, free_port, lacking, stop, unprivileged

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")
NODES = 3


@dataclass
class Node:
    """One node: `ports` are those of SQL, of the group, of incremental and of whole state transfers."""

    home: Path
    ports: list[int]
    command: list[str]
    settings: dict
    server: Server | None = None

    def start(self, *arguments: str) -> None:
        with (self.home / "log").open("a") as log:
            process = subprocess.Popen([*self.command, *arguments], stdout=log, **self.settings)
        self.server = Server("mariadb", self.ports[0], "root", process)

    def url(self, database: str) -> str:
        return f"mariadb://root@127.0.0.1:{self.ports[0]}/{database}"

    def sql(self, statement: str, database: str | None = None) -> list[tuple]:
        """Run one statement; it sees what the other nodes have committed."""
        options = {"database": database, "init_command": "SET SESSION wsrep_sync_wait = 15"}
        return self._query(statement, LONGEST_WAIT, **options)

    def status(self) -> dict[str, str]:
        """What the node thinks of its cluster; it answers this even when it has none."""
        return dict(self._query("SHOW GLOBAL STATUS LIKE 'wsrep%'", 10))

    def _query(self, statement: str, seconds: int, **options: Any) -> list[tuple]:
        """Run it, for at most so long: a node that gives its state to another one may not answer."""
        login = {"host": "127.0.0.1", "port": self.ports[0], "user": "root", "read_timeout": seconds}
        with pymysql.connect(**login, **options, autocommit=True) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())

    def wait(self, size: int, seconds: float = 90) -> None:
        """Until it takes part in a cluster of this size."""
        end = time.monotonic() + seconds
        while True:
            try:
                status = self.status()
                if status["wsrep_ready"] == "ON" and status["wsrep_cluster_size"] == str(size):
                    return
            except pymysql.Error:
                assert self.server.process.poll() is None, (self.home / "log").read_text()[-3000:]
            assert time.monotonic() < end, (self.home / "log").read_text()[-3000:]
            time.sleep(0.1)

    def kill(self) -> None:
        self.server.process.kill()
        self.server.process.wait()


@dataclass
class Cluster:
    nodes: list[Node]

    def restore(self) -> None:
        """Bring back the nodes that a test has killed."""
        for node in self.nodes:
            if node.server.process.poll() is not None:
                node.start()
        for node in self.nodes:
            node.wait(len(self.nodes))


@contextmanager
def cluster() -> Iterator[Cluster]:
    install, mariadbd = find("mariadb-install-db"), find("mariadbd")
    find("wsrep_sst_rsync"), find("rsync")
    if not PROVIDER.exists():
        lacking(f"{PROVIDER} is not there: apt install galera-4")
    with ExitStack() as stack:
        homes = [stack.enter_context(folder()) for _ in range(NODES)]
        ports = [[free_port() for _ in range(4)] for _ in homes]
        members = ",".join(f"127.0.0.1:{group}" for _sql, group, *_ in ports)
        nodes = [_node(mariadbd, *pair, members) for pair in zip(homes, ports, strict=True)]
        options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        command = [install, *options, f"--datadir={homes[0] / 'data'}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **nodes[0].settings)
        try:
            nodes[0].start("--wsrep-new-cluster")
            nodes[0].wait(1)
            for size, node in enumerate(nodes[1:], 2):
                (node.home / "data").mkdir()
                if unprivileged():
                    shutil.chown(node.home / "data", "nobody", "nogroup")
                node.start()
                node.wait(size)
            yield Cluster(nodes)
        finally:
            for node in reversed(nodes):
                if node.server and node.server.process.poll() is None:
                    stop(node.server.process)


def _node(mariadbd: str, home: Path, ports: list[int], members: str) -> Node:
    sql, group, incremental, whole = ports
    command = [mariadbd, "--no-defaults", f"--datadir={home / 'data'}", f"--port={sql}"]
    command += [f"--socket={home / 'socket'}", f"--pid-file={home / 'pid'}", f"--tmpdir={home}"]
    command += ["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]
    command += ["--innodb-buffer-pool-size=32M", "--innodb-autoinc-lock-mode=2", "--binlog-format=ROW"]
    command += ["--wsrep-on=ON", f"--wsrep-provider={PROVIDER}", f"--wsrep-cluster-address=gcomm://{members}"]
    command += [f"--wsrep-node-address=127.0.0.1:{group}", f"--wsrep-node-name=node{sql}"]
    command += ["--wsrep-sst-method=rsync", f"--wsrep-sst-receive-address=127.0.0.1:{whole}"]
    provider = f"gmcast.listen_addr=tcp://127.0.0.1:{group};ist.recv_addr=127.0.0.1:{incremental}"
    command += [f"--wsrep-provider-options={provider};gcache.size=32M"]
    path = f"{os.environ['PATH']}:/usr/sbin:/usr/bin"
    settings = {"cwd": home, "stderr": subprocess.STDOUT, **unprivileged()}
    return Node(home, ports, command, settings | {"env": os.environ | {"HOME": str(home), "PATH": path}})
