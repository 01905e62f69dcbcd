"""How long does it take to obtain a copy of production's size, beside the plain tools?

    python benchmarks/obtain.py [--gigabytes 2] [--rounds 5] [--folder FOLDER]

Makes a copy like production's once (kept in the folder for the next time), serves it on this
machine by SFTP (OpenSSH) and HTTPS, and measures `ethelred obtain` and the plain tools in turn:
wall time and CPU of the client's side, best of the rounds, and peak memory. The servers' CPU is
not counted, but runs on the same machine. Needs: openssh-server, openssh-client, curl, zstd,
openssl, and 4 GB of free memory.
"""

import argparse
import getpass
import os
import random
import resource
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

USERS = 25_000


@dataclass
class Measure:
    """What a command took: seconds, seconds of CPU, and megabytes at its peak."""

    wall: float
    cpu: float
    peak_mb: float


def make_copy(folder: Path, gigabytes: float) -> Path:
    """Make a database with 25,000 users and code lists around them, compressed like a backup."""
    copy = folder / "2026-03-30-db.sqlite3.zst"
    if copy.exists():
        return copy
    plain = folder / "plain.sqlite3"
    generator = random.Random(1)  # noqa: S311
    words = [generator.randbytes(6).hex() for _ in range(20_000)]
    with closing(sqlite3.connect(plain)) as base:
        base.executescript(
            "pragma journal_mode = off; create table opencodelists_user(password, last_login,"
            " username varchar primary key not null, name, email, is_active, is_admin);"
            "create table codes(id integer primary key, content text)"
        )
        rows = ((f"user{n}", f"2026-03-{n % 28 + 1:02} 10:00:00.{n:06}") for n in range(USERS))
        base.executemany("insert into opencodelists_user(username, last_login) values (?, ?)", rows)
        while plain.stat().st_size < gigabytes * 1e9:
            text = ((" ".join(generator.choices(words, k=40)),) for _ in range(20_000))
            base.executemany("insert into codes(content) values (?)", text)
            base.commit()
    with plain.open("r+b") as file:  # as in production: the header says WAL
        file.seek(18)
        file.write(b"\2\2")
    subprocess.run(["zstd", "-q", "-3", "--rm", plain, "-o", copy], check=True)
    return copy


def measured(command: str, environment: dict[str, str]) -> Measure:
    """Run a command, and take its time and memory, and that of the programs it starts."""
    began = time.perf_counter()
    process = subprocess.Popen(["bash", "-c", command], env=os.environ | environment)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    status = process.wait()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        raise SystemExit(f"failed: {command}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measure(wall, cpu, after.ru_maxrss / 1024)


def apart(command: str, environment: dict[str, str]) -> Measure:
    """Measure a command in a process of its own, so that peaks of memory don't mix."""
    touch_memory()
    code = "import sys; from obtain import measured; m = measured(sys.argv[1], {});"
    code += "print(m.wall, m.cpu, m.peak_mb)"
    line = subprocess.run(
        [sys.executable, "-c", code, command],
        env=os.environ | environment,
        cwd=Path(__file__).parent,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return Measure(*map(float, line.split()))


def touch_memory() -> None:
    """Use 4 GB of memory for a moment.

    A virtual machine gets memory back from its host slowly: 3 s for 4 GB. Without this, the tool
    that is measured first would wait for it.
    """
    subprocess.run([sys.executable, "-S", "-c", "b'x' * (4 << 30)"], check=True)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def ssh_server(folder: Path) -> Iterator[int]:
    """Serve SFTP with OpenSSH on a free port; keys lie in the folder."""
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", folder / name], check=True)
    port, config = free_port(), folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nPermitRootLogin yes\n"
        "Subsystem sftp internal-sftp\n"
    )
    public = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin") or "sshd"
    process = subprocess.Popen([program, "-D", "-f", config])
    time.sleep(0.5)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def https_server(folder: Path, files: Path) -> Iterator[int]:
    """Serve files by HTTPS on a free port; the certificate lies in the folder."""
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    place = str(folder / "tls.pem")
    command = ["openssl", "req", *options.split(), "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", place, "-out", place], check=True, capture_output=True)
    port = free_port()
    code = (
        "import functools, http.server, ssl, sys\n"
        "handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[2])\n"
        "server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), handler)\n"
        "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
        "context.load_cert_chain(sys.argv[3])\n"
        "server.socket = context.wrap_socket(server.socket, server_side=True)\n"
        "server.serve_forever()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(port), files, place], stderr=subprocess.DEVNULL
    )
    time.sleep(0.7)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Make the copy, run everything in turn, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "ethelred-benchmark"
    )
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    copy = make_copy(options.folder, options.gigabytes)
    print(f"The copy: {copy.stat().st_size / 1e6:,.0f} MB stored\n")
    print("| source | tool | wall, s | CPU, s | peak, MB | times the plain tools |")
    print("|---|---|---|---|---|---|")
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
        ssh = stack.enter_context(ssh_server(work))
        https = stack.enter_context(https_server(work, options.folder))
        sources = commands(copy, work, ssh, https)
        for name, (address, plain, environment) in sources.items():
            compare(name, address, plain, environment, work, options.rounds)


def commands(
    copy: Path, work: Path, ssh: int, https: int
) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Return for each source its address, what a person would run, and the settings of ours."""
    out, user = work / "plain.sqlite3", getpass.getuser()
    known = f"-o UserKnownHostsFile={work}/known_hosts -o StrictHostKeyChecking=yes"
    scp = f"scp -q -i {work}/user -P {ssh} {known} {user}@127.0.0.1:{copy} {work}/got.zst"
    url = f"https://localhost:{https}/{copy.name}"
    return {
        "file": (str(copy), f"zstd -dqf {copy} -o {out}", {}),
        "sftp": (
            f"sftp://{user}@127.0.0.1:{ssh}{copy}",
            f"{scp} && zstd -dqf --rm {work}/got.zst -o {out}",
            {
                "ETHELRED_SSH_KEY": (work / "user").read_text(),
                "ETHELRED_SSH_KNOWN_HOSTS": str(work / "known_hosts"),
            },
        ),
        "https": (
            url,
            f"curl -sSf --cacert {work}/tls.pem {url} | zstd -dqf -o {out}",
            {"SSL_CERT_FILE": str(work / "tls.pem")},
        ),
    }


def compare(
    name: str, address: str, plain: str, environment: dict[str, str], work: Path, rounds: int
) -> None:
    """Measure one source both ways, and print two rows."""
    program = shlex.join([sys.executable, "-m", "ethelred_runner", "obtain", address])
    environment = environment | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    runs = [
        (
            apart(f"{plain} && rm {work}/plain.sqlite3", {}),
            apart(f"{program} --to {work}/to >&2 && rm -r {work}/to", environment),
        )
        for _ in range(rounds)
    ]
    by_tools, by_us = (min(each, key=lambda run: run.wall) for each in zip(*runs, strict=True))
    for tool, run in (("plain tools", by_tools), ("ethelred", by_us)):
        print(
            f"| {name} | {tool} | {run.wall:.1f} | {run.cpu:.1f} | {run.peak_mb:.0f} |"
            f" {run.wall / by_tools.wall:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
