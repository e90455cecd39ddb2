#!/usr/bin/env python3
"""A Docker engine for tests, on a machine with nothing but Debian, root and a mirror: no registry, no systemd.

    tests/engines/docker_engine.py up      prints its address, for DOCKER_HOST; starts one where none answers
    tests/engines/docker_engine.py find    prints the address of one that answers and has the base images
    tests/engines/docker_engine.py down    ends the one that `up` started

The base images `trc-test/python:3.x` are Debian by debootstrap and the Pythons of pyenv on this machine, else Debian's own.
"""
# ruff: noqa: T201

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

FOLDER = Path(os.environ.get("TRC_TEST_ENGINE", "/var/tmp/trc-test-engine"))
OWN = f"unix://{FOLDER}/docker.sock"
PID = FOLDER / "docker.pid"
BRIDGE, NETWORK = "trc-test0", "172.31.79.1/24"
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
# What Pythons from elsewhere are linked with, and the certificates that downloads are held against.
PACKAGES = "ca-certificates libbz2-1.0 libexpat1 libffi8 liblzma5 libncursesw6 libreadline8 libsqlite3-0 libssl3 zlib1g"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def main(command: str) -> int:
    """Does what is asked; answers the exit code."""
    if command == "up":
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = answering() or start()
            make_images(found)
            if os.getuid() == 0 and ask(found, "compose", "version") is None:
                need("docker-compose", "docker-compose")
            if os.getuid() == 0:
                need("docker-registry", "docker-registry")
        print(found)
    elif command == "find":
        address = answering()
        if address is None or not tags(address):
            print("no Docker engine with the tests' base images answers", file=sys.stderr)
            return 1
        print(address)
    elif command == "down":
        end()
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


def answering() -> str | None:
    """The address of an engine that answers: the user's, or the one that was started here."""
    wanted = (os.environ.get("DOCKER_HOST"), "unix:///var/run/docker.sock", OWN)
    return next((one for one in wanted if one and ask(one, "version") is not None), None)


def ask(address: str, *words: str) -> str | None:
    """What a `docker` command prints; None where it does not succeed."""
    if shutil.which("docker") is None:
        return None
    environ = {**os.environ, "DOCKER_HOST": address, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(["docker", *words], env=environ, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def start() -> str:
    """Starts an engine of our own, in a session of its own."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for program, package in (("dockerd", "docker.io"), ("iptables", "iptables"), ("ip", "iproute2")):
        need(program, package)
    if subprocess.run(["ip", "link", "show", BRIDGE], capture_output=True, check=False).returncode != 0:
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "addr", "add", NETWORK, "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
    PID.unlink(missing_ok=True)
    flags = {"host": OWN, "data-root": FOLDER / "data", "exec-root": FOLDER / "exec", "pidfile": PID, "bridge": BRIDGE}
    with (FOLDER / "log").open("ab") as log:
        subprocess.Popen(
            ["dockerd", "--log-level=warn", *(f"--{name}={value}" for name, value in flags.items())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
        )
    until = time.monotonic() + 60
    while ask(OWN, "version") is None:
        if time.monotonic() > until:
            sys.exit(f"dockerd did not come up:\n{(FOLDER / 'log').read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)
    return OWN


def end() -> None:
    """Ends the engine that was started here, and only that."""
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        process = int(PID.read_text())
        if "dockerd" not in Path(f"/proc/{process}/comm").read_text():
            return
        os.kill(process, signal.SIGTERM)
        while Path(f"/proc/{process}").exists():
            time.sleep(0.1)
    subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True, check=False)


def make_images(address: str) -> None:
    """The base images that are not there yet."""
    mark = hashlib.sha256(Path(__file__).read_bytes() + CERTIFICATES.read_bytes()).hexdigest()[:12]
    if (ask(address, "images", "-q", "--filter", f"label=trc.test={mark}") or "").strip():
        return
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = Path(name)
        pythons = found_pythons()
        own = "" if pythons else " python3 python3-pip python3-venv"
        debian(folder / "debian", PACKAGES + own, address)
        made: dict[str, Path | None] = {**pythons} or {debian_python(): None}
        for version, prefix in made.items():
            context = folder / version
            context.mkdir()
            lines = ["FROM trc-test/debian", f"LABEL trc.test={mark}", "ENV LANG=C.UTF-8"]
            lines += [f"ENV {one}={CERTIFICATES}" for one in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")]
            if prefix is not None:
                copy_python(prefix, version, context / "python")
                lines += ["COPY python /usr/local", f"RUN ldconfig && ln -sf python{version} /usr/local/bin/python3"]
            (context / "Dockerfile").write_text("\n".join(lines) + "\n")
            if ask(address, "build", "-q", "-t", f"trc-test/python:{version}", str(context)) is None:
                sys.exit(f"the image of Python {version} cannot be made")


def debian(root: Path, packages: str, address: str) -> None:
    """Debian as it is on this machine, with the same sources and certificates."""
    need("debootstrap", "debootstrap")
    release = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    include = ",".join(packages.split())
    run("debootstrap", "--variant=minbase", f"--include={include}", release[1] if release else "stable", root, mirror())
    for place in ("etc/apt/sources.list.d", "etc/ssl/certs"):
        (root / place).mkdir(parents=True, exist_ok=True)
    shutil.copy(CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
    tar = subprocess.Popen(["tar", "-C", root, "--exclude=./var/cache/apt/*", "-c", "."], stdout=subprocess.PIPE)
    environ = {**os.environ, "DOCKER_HOST": address}
    subprocess.run(
        ["docker", "import", "-", "trc-test/debian"],
        stdin=tar.stdout,
        env=environ,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def mirror() -> str:
    """Where this machine's Debian comes from."""
    texts = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    found = [re.search(r"https?://[^/\s]+/debian/?(?=\s|$)", one.read_text()) for one in texts if one.is_file()]
    return next((one[0] for one in found if one), "http://deb.debian.org/debian")


def found_pythons() -> dict[str, Path]:
    """The newest of each minor version that pyenv has."""
    root = Path(os.environ.get("PYENV_ROOT") or Path("~/.pyenv").expanduser()) / "versions"
    found = {}
    for version in PYTHONS:
        several = sorted(root.glob(f"{version}.*"), key=lambda path: int(path.name.rpartition(".")[2]))
        if several:
            found[version] = several[-1]
    return found


def debian_python() -> str:
    done = subprocess.run(["apt-cache", "show", "python3"], capture_output=True, text=True, check=True)
    found = re.search(r"^Version: (\d+\.\d+)", done.stdout, re.MULTILINE)
    return found[1] if found else sys.exit("this Debian knows no Python")


def copy_python(prefix: Path, version: str, place: Path) -> None:
    """A Python with its pip, without its own tests and what was installed beside."""
    left_out = shutil.ignore_patterns("__pycache__", "test", "tests", "idlelib", "tkinter", "turtledemo", "*.a")
    library = Path("lib", f"python{version}")
    (place / "bin").mkdir(parents=True)
    shutil.copy(prefix / f"bin/python{version}", place / "bin")
    shutil.copytree(prefix / library, place / library, symlinks=True, ignore=left_out)
    shutil.rmtree(place / library / "site-packages")
    for shared in prefix.glob("lib/libpython*.so*"):
        shutil.copy(shared, place / "lib", follow_symlinks=False)
    wheel = next((prefix / library / "ensurepip/_bundled").glob("pip-*.whl"))
    shutil.unpack_archive(wheel, place / library / "site-packages", "zip")


def need(program: str, package: str) -> None:
    """Installs a Debian package for a program that is missing; no daemon of it is started."""
    if shutil.which(program):
        return
    policy = Path("/usr/sbin/policy-rc.d")
    made = not policy.exists()
    if made:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=sys.stderr, env=environ)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        subprocess.run(
            [*install[:1], "-o", "DPkg::Lock::Timeout=300", *install[1:]], check=True, stdout=sys.stderr, env=environ
        )
    finally:
        if made:
            policy.unlink()


def run(*words: str | Path) -> None:
    subprocess.run(words, check=True, stdout=sys.stderr)


def tags(address: str) -> list[str]:
    return (ask(address, "images", "--format", "{{.Tag}}", "trc-test/python") or "").split()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
