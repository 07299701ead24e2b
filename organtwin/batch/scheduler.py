"""Who does the work: workers of Dask on this machine, or a scheduler at an address. The only place that knows Dask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from organtwin.errors import BadInput, OrganTwinError

REACH_PATIENCE_S = 20


class Workers:
    """Hands tasks to workers and their outcomes back as they come."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def count(self) -> int:
        return max(1, len(self._client.scheduler_info(n_workers=-1)["workers"]))

    def run(
        self,
        work: Callable[[Any], Any],
        tasks: Sequence[tuple[str, Any]],
        waiting: Callable[[], None],
        interval_s: float = 0.5,
    ) -> Iterator[tuple[str, Any]]:
        """Do ``work(task)`` for all tasks.

        Parameters
        ----------
        work : function
            Importable on the workers.
        tasks : sequence of (name, task)
        waiting : function
            Called every ``interval_s`` in this thread while nothing ends; what it raises ends the run.

        Yields
        ------
        (name, outcome)
            In the order in which they end; the outcome is an exception where a worker was lost again and again.
        """
        from queue import Empty, SimpleQueue

        # a task in a process that dies is given to another worker; a task is never thought to be the same as another
        futures = {
            name: self._client.submit(work, task, key=f"study-{name}-{n}", pure=False, retries=0)
            for n, (name, task) in enumerate(tasks)
        }
        ended: SimpleQueue[str] = SimpleQueue()
        for name, future in futures.items():
            future.add_done_callback(lambda _, name=name: ended.put(name))
        while futures:
            try:
                name = ended.get(timeout=interval_s)
            except Empty:
                waiting()
                continue
            future = futures.pop(name)
            if future.cancelled():
                raise OrganTwinError(
                    "The scheduler went away", remedy="Run the command again: what is done stays done."
                )
            error = future.exception()
            yield name, error if error is not None else future.result()


@contextmanager
def workers(count: int, address: str | None = None, memory_bytes: int = 0) -> Iterator[Workers]:
    """Workers: ``count`` processes of one thread each on this machine, or those of a scheduler that runs elsewhere.

    Parameters
    ----------
    count : int
        Processes on this machine; not used with an address.
    address : str, optional
        Of a scheduler, as in "tcp://10.0.0.5:8786". Its workers see the same folders and have OrganTwin installed.
    memory_bytes : int
        What one worker may hold itself (its study is a process apart, with a limit of its own); 0: not watched.

    Raises
    ------
    BadInput
        When Dask is not installed, or nothing answers at the address.
    """
    try:
        import distributed
    except ImportError as error:
        raise BadInput(
            "Batches need Dask, which is not installed", remedy="Install it: pip install 'organtwin[batch]'."
        ) from error
    import logging
    import warnings

    warnings.filterwarnings("ignore", module="distributed")  # a port that another cluster has

    for logger in ("distributed", "distributed.nanny", "distributed.worker", "distributed.scheduler"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    with ExitStack() as open_things:
        if address is None:
            cluster = open_things.enter_context(
                distributed.LocalCluster(
                    n_workers=count, threads_per_worker=1, processes=True, memory_limit=memory_bytes or None,
                    dashboard_address=None, host="127.0.0.1", silence_logs=logging.CRITICAL,
                )
            )  # fmt: skip
            client = distributed.Client(cluster)
        else:
            try:
                client = distributed.Client(address, timeout=REACH_PATIENCE_S)
            except (OSError, ValueError, TimeoutError) as error:
                raise BadInput(
                    "No scheduler answers there", where=address, remedy="Start one with: dask scheduler."
                ) from error
        yield Workers(open_things.enter_context(client))
