"""Dask clients, of processes on this machine or of a running scheduler, and the workers' task."""

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

from sdf1_field.ensemble.storing import Simulated, model_digest
from sdf1_field.errors import InputError, RunError, Sdf1FieldWarning
from sdf1_field.observations import Dish, forget_models, read
from sdf1_field.record.computer import this_computer

if TYPE_CHECKING:
    from distributed import Client

Answer = Simulated | str
"""A dish that was simulated, or the error as text."""

_CONNECTING, _JOINING = 3.0, 5.0
"""Timeouts for the answer of a scheduler, and then for its first worker to join [s]."""
_ENCRYPTED = ("tls://", "wss://")
_ONE_AT_A_TIME = threading.Lock()


def answer(dish: Dish, model: str) -> Answer:
    """Simulate and read a dish, if its model here has the given digest.

    Raises
    ------
    InputError
        If the digest differs: the worker has another program or model file.
    """
    _require_same(dish.model, dish.settings, model)
    try:
        return Simulated(read(dish), this_computer())
    except Exception as error:
        # A failure of one dish must not end the others.
        text = " ".join(str(error).split())
        known = isinstance(error, InputError | RunError)
        return text if known else f"{type(error).__name__}: {text}"


@functools.lru_cache
def _require_same(model: str, settings: tuple[str, ...], digest: str) -> None:
    forget_models()
    with contextlib.suppress(InputError):
        if model_digest(model, settings) == digest:
            return
    raise InputError(
        f"{model}: a worker on {socket.gethostname()} has another version of the program, of its "
        "libraries or of the model file. Install the same there and start the worker again."
    )


@contextlib.contextmanager
def local_client(dishes: int, workers: int | None) -> "Iterator[Client]":
    """Client of processes on this machine, which end with the context.

    They trust one certificate that exists only in their memory, so that other users of the machine
    cannot connect; their HTTP servers, which Dask requires, have no pages. Their temporary folder,
    from which they import too, is this user's alone; Dask's own is that of the user who was first.
    """
    import dask.config
    import psutil
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster, Security

    # Dask would report connections that close after the cluster.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    # Without Dask's MALLOC_TRIM_THRESHOLD_, with which half of a dish's time returns memory.
    environment = {f"{library}_NUM_THREADS": 1 for library in ("OMP", "OPENBLAS", "MKL")}
    folder = tempfile.TemporaryDirectory(prefix="sdf1-field-", ignore_cleanup_errors=True)
    settings = {
        "temporary-directory": folder.name,
        "distributed.nanny.pre-spawn-environ": environment,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    with (
        dask.config.set(settings),
        _interrupts_blocked(),
        warnings.catch_warnings(),
    ):
        # On a busy machine Dask takes this machine's disk for a network's.
        warnings.filterwarnings("ignore", "Creating scratch directories")
        cluster = LocalCluster(
            n_workers=min(dishes, workers or CPU_COUNT),
            threads_per_worker=1,
            memory_limit=0,
            security=Security.temporary(),
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,
        )
    with folder, _quiet(), cluster:
        try:
            with Client(cluster, set_as_default=False) as client:
                yield client
        except BaseException:
            # Dishes that are still being simulated are dropped.
            for worker in cluster.workers.values():
                if worker.pid is not None:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        psutil.Process(worker.pid).kill()
            raise


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes with SIGINT and SIGHUP blocked, since a terminal sends them to all."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Started later, the resource tracker would unblock SIGINT.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence Dask's tracebacks; errors are reported in one line."""
    with contextlib.ExitStack() as stack:
        for name in ("distributed", "distributed.client"):
            for handler in logging.getLogger(name).handlers:
                stack.callback(handler.setLevel, handler.level)
                handler.setLevel(logging.CRITICAL)
        yield


@contextlib.contextmanager
def remote_client(address: str) -> "Iterator[Client]":
    """Client of a running scheduler with at least one worker.

    Raises
    ------
    InputError
        If there is no such scheduler, if it or a worker is of another version of Dask, or if it
        has no worker.

    Warns
    -----
    Sdf1FieldWarning
        If connections are neither encrypted nor authenticated.
    """
    from distributed import Client, Security
    from distributed.versions import VersionMismatchWarning

    encrypted = address.startswith(_ENCRYPTED)
    try:
        arguments = Security().get_connection_args("client")
        if encrypted and arguments["ssl_context"] is None:
            raise InputError(
                f"{address}: Dask is not told of certificates. Set distributed.comm.tls.ca-file, "
                "client.cert and client.key in its configuration."
            )
        there = asyncio.run(asyncio.wait_for(_knock(address, arguments), _CONNECTING))
        _require_our_dask(address, "the scheduler", there)
        with warnings.catch_warnings():
            # Differences of Dask's own are errors here; those of other libraries it also tells.
            warnings.simplefilter("ignore", VersionMismatchWarning)
            client = Client(address, timeout=_CONNECTING, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        if encrypted:
            text = " ".join(str(error).split())
            raise InputError(
                f"{address}: no Dask scheduler answers, or it and this machine's certificates "
                f"refuse each other ({text}). Check distributed.comm.tls in Dask's configuration."
            ) from error
        raise InputError(
            f"{address}: no Dask scheduler answers. Start one with `dask scheduler` and give the "
            "address that it prints."
        ) from error
    if not encrypted:
        warnings.warn(
            f"{address}: connections are neither encrypted nor authenticated, so that anyone who "
            "reaches the port can run code on the scheduler and its workers. Give Dask "
            "certificates and use tls://, or keep the port inside a network that you trust.",
            Sdf1FieldWarning,
            stacklevel=2,
        )
    with _quiet(), client:
        try:
            client.wait_for_workers(1, timeout=_JOINING)
        except TimeoutError:
            raise InputError(
                f"{address}: the scheduler has no workers. Start one with "
                f"`dask worker {address} --nthreads 1`."
            ) from None
        versions: Any = client.get_versions()
        for worker, there in versions["workers"].items():
            _require_our_dask(address, f"its worker {worker}", there)
        yield client


async def _knock(address: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Versions of a scheduler's packages; a client would wait without end for another server."""
    from distributed.core import rpc

    async with rpc(address, connection_args=arguments) as scheduler:
        versions: Mapping[str, Any] = await scheduler.versions()
        return versions


def _require_our_dask(address: str, whose: str, versions: Mapping[str, Any]) -> None:
    """Raise InputError if another process has another version of Dask; their protocols differ."""
    here, there = version("distributed"), versions.get("packages", {}).get("distributed")
    if there != here:
        raise InputError(
            f"{address}: {whose} has Dask {there or 'of an unknown version'}, and this machine "
            f"{here}. Install the same version on both; requirements.lock names one."
        )


def answers(client: "Client", expected: Mapping[Dish, str]) -> Iterator[tuple[Dish, Answer]]:
    """Answers of workers for each dish, in the order in which dishes finish.

    Parameters
    ----------
    client : distributed.Client
    expected : mapping of Dish to str
        Digest of the model, by dish.

    Raises
    ------
    InputError
        See `answer`.
    RunError
        If the scheduler is lost, or does not have the program.
    """
    dishes = list(expected)
    for n, said in each_result(client, answer, [dishes, list(expected.values())]):
        if isinstance(said, InputError):
            raise said
        yield dishes[n], str(said) if isinstance(said, RunError) else said


def each_result(
    client: "Client", function: Callable[..., Any], columns: Sequence[Sequence[Any]]
) -> Iterator[tuple[int, Any]]:
    """Number and result of each call of a function by workers, in the order in which they finish.

    Parameters
    ----------
    client : distributed.Client
    function : callable
    columns : sequence of sequence
        Each argument, for all calls.

    Yields
    ------
    number : int
    result : object
        See `result_or_error`.

    Raises
    ------
    RunError
        If the scheduler is lost, or does not have the program.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    calls = [[function] * len(columns[0]), *columns]
    futures = client.map(result_or_error, *calls, pure=False)
    numbers = {future.key: n for n, future in enumerate(futures)}
    finished = as_completed(futures, loop=client.loop)
    del futures
    for future in finished:
        try:
            said = future.result()
        except KilledWorker:
            said = RunError("every worker that tried it died. Give workers more memory.")
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            raise RunError(
                f"the Dask scheduler or a worker is lost ({text}). Run again when they are back; "
                "finished runs are kept."
            ) from error
        yield numbers[future.key], said


def result_or_error(function: Callable[..., Any], *arguments: Any) -> Any:
    """Result of a function with kernels on one thread; an error that is ours is returned."""
    import numba

    # Kernels share their threads, so a worker with several threads makes one call at a time.
    with _ONE_AT_A_TIME:
        # Set for this thread: environment variables have no effect once kernels are imported.
        numba.set_num_threads(1)
        try:
            return function(*arguments)
        except (InputError, RunError) as error:
            return error
