"""A driver is alive while its process is there, and no other process of that number will do."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trc.runtime import drivers
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import is_alive, this_driver
from trc.runtime.store.journal import Driver

HERE = this_driver(SystemClock())
NOW = 1000.0

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told apart by /proc")

DESCRIBE = """
import sys
from dataclasses import astuple
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import this_driver
print(*astuple(this_driver(SystemClock())), flush=True)
sys.stdin.read()
"""


def driver_of(process: subprocess.Popen[str]) -> Driver:
    assert process.stdout is not None
    name, host, boot, pid, start = process.stdout.readline().split()
    return Driver(name, host, boot, int(pid), int(start))


def other_process() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", DESCRIBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_this_process_is_alive_whatever_its_lease() -> None:
    assert HERE.pid == os.getpid()
    assert HERE.boot_id
    assert is_alive(HERE, NOW - 1, NOW, HERE)


def test_each_driver_has_an_id_of_its_own() -> None:
    again = this_driver(SystemClock())
    assert again.id != HERE.id
    assert len(again.id) == 32
    assert replace(again, id=HERE.id) == HERE


def test_another_process_is_alive_until_it_ends() -> None:
    with other_process() as process:
        driver = driver_of(process)
        assert (driver.host, driver.boot_id, driver.pid) == (HERE.host, HERE.boot_id, process.pid)
        assert is_alive(driver, NOW - 1, NOW, HERE)
        process.kill()
        # Ended, but not yet asked how it ended: still listed among the processes.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(driver, NOW + 1, NOW, HERE)
    assert not is_alive(driver, NOW + 1, NOW, HERE)


def test_a_process_that_was_given_the_number_later_is_another() -> None:
    with other_process() as process:
        driver = driver_of(process)
        assert not is_alive(replace(driver, start_time=driver.start_time - 1), NOW + 1, NOW, HERE)
        process.kill()


def test_a_name_of_any_characters_does_not_confuse(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to(sys.executable)
    code = "import pathlib; pathlib.Path('/proc/self/comm').write_text('a) Z 1 (b')\n" + DESCRIBE
    with subprocess.Popen(
        [program, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert is_alive(driver_of(process), NOW - 1, NOW, HERE)
        process.kill()


@pytest.mark.parametrize(
    ("facts", "lease_until", "alive"),
    [
        ({"boot_id": "an earlier boot"}, NOW + 1, False),
        ({"host": "elsewhere"}, NOW + 1, True),
        ({"host": "elsewhere"}, NOW - 1, False),
        ({"host": "elsewhere"}, NOW, False),
        ({"host": "elsewhere", "boot_id": "another"}, NOW + 1, True),
        ({"boot_id": ""}, NOW + 1, True),
        ({"boot_id": ""}, NOW - 1, False),
        ({"pid": 2**22 + 1}, NOW + 1, False),
    ],
)
def test_where_the_process_cannot_be_seen_the_lease_decides(
    facts: dict[str, object], lease_until: float, *, alive: bool
) -> None:
    driver = replace(HERE, **facts)  # type: ignore[arg-type]
    assert is_alive(driver, lease_until, NOW, HERE) is alive


def test_machines_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []
    for number in ("1f" * 16, "2e" * 16):
        (tmp_path / "machine-id").write_text(f"{number}\n")
        monkeypatch.setattr(drivers, "_MACHINE_ID", tmp_path / "machine-id")
        hosts.append(this_driver(SystemClock()).host)
    assert hosts[0] != hosts[1]
    (tmp_path / "machine-id").unlink()
    assert this_driver(SystemClock()).host == hosts[0].replace("/1f1f1f1f", "")


def test_without_a_name_for_this_boot_the_lease_decides() -> None:
    nameless = replace(HERE, boot_id="")
    assert is_alive(HERE, NOW + 1, NOW, nameless)
    assert not is_alive(HERE, NOW - 1, NOW, nameless)
