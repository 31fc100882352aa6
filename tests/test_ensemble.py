import asyncio
import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from dask.config import set as configured
from distributed import Security
from tests.conftest import TINY

from sdf1_field.claims import Quantity, Reading, Sample
from sdf1_field.ensemble import cluster, run_dishes, running
from sdf1_field.ensemble.storing import Simulated, read_run, table_rows, write_run
from sdf1_field.errors import InputError, RunError, Sdf1FieldWarning
from sdf1_field.observations import OBSERVATIONS, Dish, Observation
from sdf1_field.record.computer import this_computer

HOUR = 3600.0
NULL = [Dish("cells", "null-kg1a", TINY, seed, (HOUR, 2 * HOUR)) for seed in range(1, 7)]
TRACKED = Dish(
    "tracks",
    "tracking-kg1a",
    ("dish.width=300 um", "dish.length=300 um", "cells.density=330 1/mm**2"),
    1,
    (),
)
DISHES = [TRACKED, *NULL]
UNSEEN = Dish("cells", "null-kg1a", TINY, 77, (HOUR + 1.5, 2 * HOUR))


def bits(readings):
    return [(r.quantity, r.of, r.time, r.values.dtype, r.values.tobytes()) for r in readings]


def assert_same(ensemble, other):
    assert list(ensemble.readings) == list(other.readings)
    for dish, readings in ensemble.readings.items():
        assert bits(readings) == bits(other.readings[dish])


def stored(folder):
    return {path.name for path in (folder / "runs").iterdir()}


def table(folder):
    return (folder / "runs.csv").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def local():
    """Client of two processes on this machine."""
    with cluster.local_client(2, 2) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture(scope="module")
def by_two(local, tmp_path_factory):
    """Ensemble of two processes on this machine, and its folder; not to be changed."""

    def local_client(dishes, workers):
        assert (dishes, workers) == (len(DISHES), 2)
        return contextlib.nullcontext(local)

    folder = tmp_path_factory.mktemp("by-two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "local_client", local_client)
        return run_dishes(DISHES, folder, workers=2), folder


# What is stored


@pytest.fixture
def looks(monkeypatch):
    """Dish of an observation with every sample there is, and awkward readings of it."""
    quantities = (
        Quantity("ratio", "1", Sample.DISH, ("MSC", "network")),
        Quantity("path length", "um", Sample.CELLS),
        Quantity("carrying", "1", Sample.SHARE),
    )
    look = Observation(read=lambda _: (), quantities={q.name: q for q in quantities})
    monkeypatch.setitem(OBSERVATIONS, "looks", look)
    readings = tuple(
        Reading(quantity, at, np.array(values, dtype=np.float64), of)
        for quantity, at, values, of in (
            ("ratio", 0.1, [np.nan], "network"),
            ("ratio", 0.1, [0.1 + 0.2], "MSC"),
            ("path length", 1e-5, [], ""),
            ("carrying", HOUR, [3.0, 12.0], ""),
            ("path length", HOUR, [-0.0, np.inf, 9.969209968386869e36, 5e-324], ""),
            ("carrying", 2 * HOUR, [0.0, 0.0], ""),
            ("ratio", 2 * HOUR, [np.inf], "MSC"),
        )
    )
    return Dish("looks", "null-kg1a", ("run.seed=2", "a=b, c"), -3, ()), readings


def test_readings_come_back_from_their_file_bit_by_bit(tmp_path, looks):
    dish, readings = looks
    computer = {"processor": "pentium"}
    write_run(tmp_path / "a.nc", dish, "d1", Simulated(readings, computer))
    read = read_run(tmp_path / "a.nc", "d1")
    assert bits(read.readings) == bits(readings)
    assert read.computer == computer
    assert read_run(tmp_path / "a.nc", "d2") is None
    with xr.open_dataset(tmp_path / "a.nc") as run:
        assert run["ratio_MSC_0_1s"].item() == 0.1 + 0.2
        assert run["path_length_3600s"].attrs["units"] == "um"
        assert run["ratio_MSC_7200s"].attrs["long_name"] == "ratio MSC"
        assert run["carrying_3600s"].sel(share="of how many") == 12
        assert run.attrs["settings"] == '["run.seed=2", "a=b, c"]'
        assert (run.attrs["seed"], run.attrs["observation"]) == (-3, "looks")


def test_the_table_has_a_row_for_each_reading(looks):
    dish, readings = looks
    rows = [line.split(",looks,")[1] for line in table_rows(dish, readings[:4]).splitlines()]
    assert rows == [
        "ratio,network,0.1,1,1,,nan,",
        f"ratio,MSC,0.1,1,1,,{0.1 + 0.2!r},",
        "path length,,1e-05,um,0,,,",
        "carrying,,3600,1,12,3,0.25,",
    ]
    cells = Reading("path length", HOUR, np.array([1.0, 2.0, 6.0]))
    deviation = 7.0**0.5
    assert table_rows(dish, [cells]).endswith(f",path length,,3600,um,3,,3.0,{deviation!r}\n")


def test_what_is_stored_is_not_simulated_again(tmp_path, by_none):
    first = run_dishes(NULL[1:3], tmp_path)
    counted = []
    both = run_dishes(NULL[:3], tmp_path, progress=counted.append)
    assert by_none == [2, 3, 1]
    assert counted == [2, 1]
    assert list(both.readings) == NULL[:3]
    for dish in NULL[1:3]:
        assert bits(both.readings[dish]) == bits(first.readings[dish])
    seeds = [line.split(",")[2] for line in table(tmp_path).splitlines()[1:]]
    assert sorted(set(seeds)) == ["1", "2", "3"]
    assert seeds == sorted(seeds)


def test_dishes_from_several_kinds_of_computer_are_counted_in_one_line(
    tmp_path, by_none, monkeypatch
):
    own = this_computer()
    for dish, computer in zip(NULL, ({}, {**own, "processor": "pentium"}), strict=False):
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(cluster, "this_computer", lambda computer=computer: computer)
            run_dishes([dish], tmp_path)
    with pytest.warns(Sdf1FieldWarning) as said:
        run_dishes(NULL[:4], tmp_path)
    assert by_none == [1, 2, 3, 4]
    (warning,) = said
    assert str(warning.message) == (
        f"{tmp_path}: holds dishes from several kinds of computer (1 on processor pentium, 2 on "
        f"processor {own['processor']}), whose bits may differ. Choose a new folder to have all "
        "from one."
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", Sdf1FieldWarning)
        run_dishes([NULL[0], *NULL[2:4]], tmp_path)
    assert by_none == [1, 2, 3, 4]


def test_an_edited_model_is_simulated_anew(tmp_path, by_none):
    model = tmp_path / "mine.toml"
    folder = tmp_path / "out"
    text = 'extends = "null-kg1a"\ntitle = "Mine"\n[cells]\ndensity = "{} 1/mm**2"\n'
    settings = tuple(s for s in TINY if "cells.density" not in s)
    dish = Dish("cells", str(model), settings, 1, (HOUR,))
    cells = []
    for density in (330, 330, 440):
        model.write_text(text.format(density), encoding="utf-8")
        readings = run_dishes([dish], folder).readings[dish]
        cells += [r.values.item() for r in readings if r.quantity == "cells"]
    assert by_none == [1, 1]
    assert cells == [30.0, 30.0, 40.0]
    assert len(stored(folder)) == 2


def test_a_damaged_run_is_simulated_again_and_a_leftover_removed(tmp_path, by_none):
    run_dishes(NULL[:2], tmp_path)
    whole = {path: path.read_bytes() for path in (tmp_path / "runs").iterdir()}
    for path, content in whole.items():
        path.write_bytes(content[:5000])
    next(iter(whole)).replace(tmp_path / "runs" / f"{next(iter(whole)).name}.writing")
    (tmp_path / "runs" / f"1-00000000-{'0' * 16}.writing" / "new").mkdir(parents=True)
    run_dishes(NULL[:2], tmp_path)
    assert by_none == [1, 2, 1, 2]
    assert stored(tmp_path) == {path.name for path in whole}


# What goes wrong


def test_a_failed_dish_is_named_and_tried_again(tmp_path, by_none):
    for _ in range(2):
        ensemble = run_dishes([NULL[0], UNSEEN, NULL[1]], tmp_path)
        (failure,) = ensemble.failures
        assert failure.dish == UNSEEN
        assert "null-kg1a: no cells are observed at" in failure.message
        assert list(ensemble.readings) == NULL[:2]
    assert by_none == [1, 77, 2, 77]


@pytest.mark.usefixtures("by_none")
def test_a_bug_in_one_dish_leaves_the_others(tmp_path, monkeypatch):
    def broken(dish):
        if dish.seed == 1:
            raise ZeroDivisionError("one\ntwo")
        return ()

    monkeypatch.setattr(cluster, "read", broken)
    ensemble = run_dishes(NULL[:2], tmp_path)
    assert ensemble.failures[0].message == "ZeroDivisionError: one two"
    assert list(ensemble.readings) == NULL[1:2]


def test_a_full_disk_stops_and_keeps_what_is_stored(tmp_path, by_none, monkeypatch):
    write, written = Path.write_bytes, []

    def filling(path, content):
        if written:
            write(path, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write(path, content)

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", filling)
        with pytest.raises(RunError, match=r"seed2-\w+\.nc: writing failed \(No space left"):
            run_dishes(NULL[:3], tmp_path)
    assert len(stored(tmp_path)) == 1
    assert {line.split(",")[2] for line in table(tmp_path).splitlines()[1:]} == {"1"}
    assert len(run_dishes(NULL[:3], tmp_path).readings) == 3
    assert by_none == [1, 2, 2, 3]


def test_folders_that_are_not_ours_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="holds something else than runs"):
        run_dishes(NULL, tmp_path)
    (tmp_path / "else" / "runs").mkdir(parents=True)
    (tmp_path / "else" / "runs" / "run.nc").touch()
    with pytest.raises(InputError, match="holds something else than runs"):
        run_dishes(NULL, tmp_path / "else")
    with pytest.raises(InputError, match=r"notes\.txt: cannot be written to"):
        run_dishes(NULL, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "runs").mkdir()
    other = os.open(tmp_path / "runs", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        with pytest.raises(InputError, match="another program is writing to it"):
            run_dishes(NULL, tmp_path)
    finally:
        os.close(other)


def test_an_unknown_model_is_found_before_anything_is_made(tmp_path):
    with pytest.raises(InputError, match="unknown model 'null-kg1b'"):
        run_dishes([NULL[0], Dish("cells", "null-kg1b", (), 1, (HOUR,))], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_worker_with_another_program_is_refused():
    with pytest.raises(InputError, match="has another version of the program"):
        cluster.answer(NULL[0], "the digest of another program")


# Processes on this machine


def test_two_processes_read_what_this_one_does(tmp_path, by_two, by_none):
    ensemble, folder = by_two
    assert not ensemble.failures
    assert_same(run_dishes(DISHES, tmp_path), ensemble)
    assert by_none == [dish.seed for dish in DISHES]
    assert table(tmp_path) == table(folder)
    assert stored(tmp_path) == stored(folder)


def addresses(client):
    """Where the scheduler, its workers and their nannies listen."""
    info = client.scheduler_info()
    workers = info["workers"]
    return [info["address"], *workers, *(worker["nanny"] for worker in workers.values())]


def run_by_client(address, security=None):
    """Process numbers that a client of a scheduler gets from its workers."""
    from distributed import Client

    with Client(address, timeout=3, security=security, set_as_default=False) as client:
        return client.run(os.getpid)


def run_by_call(address, security=None):
    """Process number that a worker or a nanny gives when it is called itself."""
    from distributed.core import rpc
    from distributed.protocol.pickle import dumps

    async def ask():
        arguments = (security or Security()).get_connection_args("client")
        async with rpc(address, connection_args=arguments, timeout=3) as process:
            return await process.run(function=dumps(os.getpid))

    return asyncio.run(asyncio.wait_for(ask(), 5))["result"]


@pytest.mark.parametrize("run", [run_by_client, run_by_call])
@pytest.mark.parametrize("certificate_of", ["none", "another"])
def test_other_users_of_this_machine_run_nothing_on_the_processes(local, run, certificate_of):
    security = Security.temporary() if certificate_of == "another" else None
    found = addresses(local)
    assert len(found) == 5
    begun = time.monotonic()
    for address in found:
        assert address.startswith("tls://127.0.0.1:")
        tried = address if security else address.replace("tls://", "tcp://")
        with pytest.raises(OSError, match=r"closed|reset|certificate|before comm was"):
            run(tried, security)
    assert time.monotonic() - begun < 40.0


def test_the_clusters_own_certificate_is_what_lets_code_run(local):
    # The same calls with it succeed, so that a refusal above means something.
    scheduler, *others = addresses(local)
    workers = set(run_by_client(scheduler, local.security).values())
    assert len(workers) == 2
    called = {run_by_call(address, local.security) for address in others}
    assert called == workers | {os.getpid()}


def test_processes_import_from_no_folder_that_another_user_can_have_made(local):
    # Dask's own in /tmp belongs to the user who was first, and workers import from it.
    top = Path(tempfile.gettempdir())
    folders = local.run(lambda dask_worker: dask_worker.local_directory).values()
    assert len(set(folders)) == 2
    (own,) = {top / Path(folder).relative_to(top).parts[0] for folder in folders}
    assert own.name.startswith("sdf1-field-")
    assert own.stat().st_mode & 0o777 == 0o700


def listening(pid):
    """TCP ports on which a process listens."""
    nodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            nodes.add(str(link.readlink()))
    ports = set()
    for table_of in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table_of}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in nodes:
                ports.add(int(words[1].rpartition(":")[2], 16))
    return ports


@pytest.mark.slow
def test_processes_start_without_a_warning_of_disks_on_a_busy_machine(monkeypatch):
    @contextlib.contextmanager
    def busy(_, message):
        yield
        warnings.warn(message.format(duration=2.0), stacklevel=2)

    monkeypatch.setattr("distributed.core.warn_on_duration", busy)
    with cluster.local_client(1, 1) as client:
        assert client.submit(abs, -1).result() == 1


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's list of sockets")
def test_no_port_of_the_processes_has_a_page_for_strangers(local):
    known = {int(address.rpartition(":")[2]) for address in addresses(local)}
    ports = set().union(*(listening(pid) for pid in (os.getpid(), *local.run(os.getpid).values())))
    assert known <= ports
    for port in ports - known:
        for page in ("/", "/health", "/metrics", "/info/main/workers.html", "/json/counts.json"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=5)
            refused.value.close()
            assert refused.value.code == 404
        site = urllib.request.urlopen(f"http://127.0.0.1:{port}/sitemap.json", timeout=5)
        with site:
            assert json.load(site) == {"paths": ["/sitemap.json"]}


# A scheduler


def test_a_killed_worker_changes_nothing(tmp_path, by_two, dask_worker, scheduler):
    local, folder = by_two
    scheduler.scale(1)
    doomed = dask_worker(scheduler.scheduler_address)
    scheduler.wait_for_workers(2)
    alive = []

    def kill_at_the_first(_):
        if not alive:
            alive.append(doomed.poll() is None)
            doomed.kill()

    address = scheduler.scheduler_address
    with pytest.warns(Sdf1FieldWarning, match=f"{address}: .* anyone who reaches the port"):
        ensemble = run_dishes(
            DISHES, tmp_path / "out", scheduler=address, progress=kill_at_the_first
        )
    assert alive == [True]
    assert doomed.wait() == -signal.SIGKILL
    assert_same(ensemble, local)
    assert table(tmp_path / "out") == table(folder)
    assert stored(tmp_path / "out") == stored(folder)


def test_a_scheduler_without_workers_is_named(tmp_path, scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "_JOINING", 0.5)
    with (
        pytest.warns(Sdf1FieldWarning),
        pytest.raises(InputError, match="the scheduler has no workers"),
    ):
        run_dishes(NULL, tmp_path / "out", scheduler=scheduler.scheduler_address)


@pytest.mark.parametrize(("whose", "workers"), [("the scheduler", 0), ("its worker .*", 1)])
def test_a_scheduler_or_worker_of_another_dask_is_named_as_that(
    tmp_path, scheduler_of, monkeypatch, whose, workers
):
    address = scheduler_of(n_workers=workers).scheduler_address
    text = f"{address}: {whose} has Dask {cluster.version('dask')}, and this machine 2000.1.0"
    monkeypatch.setattr(cluster, "version", lambda _: "2000.1.0")
    if workers:
        ours = {"packages": {"distributed": "2000.1.0"}}
        monkeypatch.setattr(cluster, "_knock", lambda *_: asyncio.sleep(0, ours))
    with pytest.raises(InputError, match=text):
        run_dishes(NULL[:1], tmp_path / "out", scheduler=address)


@pytest.mark.parametrize("listening", [True, False])
def test_a_scheduler_that_does_not_answer_is_named_within_10_s(tmp_path, listening):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if listening:
            other.listen()
        address = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(InputError, match=f"{address}: no Dask scheduler answers"):
            run_dishes(NULL[:1], tmp_path, scheduler=address)
        assert time.monotonic() - begun < 10.0


@pytest.mark.parametrize("address", ["nowhere", "tcp://:::", "carrier-pigeon://loft:1"])
def test_addresses_that_are_none_are_named(tmp_path, address):
    with pytest.raises(InputError, match=f"{address}: no Dask scheduler answers"):
        run_dishes(NULL[:1], tmp_path, scheduler=address)


@pytest.fixture
def certificate(tmp_path):
    """A scheduler's certificate, and Dask's configuration for a client that trusts it."""
    made = Security.temporary()
    paths = {}
    for name, text in (("cert", made.tls_client_cert), ("key", made.tls_client_key)):
        paths[name] = tmp_path / f"{name}.pem"
        paths[name].write_text(text, encoding="utf-8")
    settings = {f"distributed.comm.tls.client.{name}": str(p) for name, p in paths.items()}
    settings["distributed.comm.tls.ca-file"] = str(paths["cert"])
    return made, settings


def test_a_scheduler_with_certificates_is_used_without_a_warning(
    tmp_path, scheduler_of, certificate, by_two
):
    made, settings = certificate
    scheduler = scheduler_of(security=made, protocol="tls://", n_workers=1)
    address = scheduler.scheduler_address
    with pytest.raises(InputError, match=f"{address}: Dask is not told of certificates"):
        run_dishes(NULL[:1], tmp_path / "out", scheduler=address)
    with configured(settings):
        ensemble = run_dishes(NULL[:1], tmp_path / "out", scheduler=address)
    assert bits(ensemble.readings[NULL[0]]) == bits(by_two[0].readings[NULL[0]])
    other = Security.temporary()
    for part, text in (("cert", other.tls_client_cert), ("key", other.tls_client_key)):
        Path(settings[f"distributed.comm.tls.client.{part}"]).write_text(text, encoding="utf-8")
    with (
        configured(settings),
        pytest.raises(InputError, match="certificates refuse each other"),
    ):
        run_dishes(NULL[1:2], tmp_path / "out", scheduler=address)
