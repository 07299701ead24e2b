"""``organtwin batch`` and ``organtwin batch-review``: studies by the hundred."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from organtwin.cli.base import AsJson, app
from organtwin.cli.follow import console
from organtwin.cli.plain import print_json
from organtwin.errors import BadInput

if TYPE_CHECKING:
    from organtwin.batch.run import Progress

LINE_EVERY_S = 5.0


@app.command()
def batch(
    studies: Annotated[
        list[Path] | None, typer.Argument(help="Folders of studies, zip files, image files; searched through.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for projects, table and page.")] = None,
    protocol: Annotated[
        Path | None,
        typer.Option(help="What to do with each study, as YAML; see --show-protocol and 'organtwin operations'."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=1024, help="Studies at a time, on this machine.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler whose workers do it, as in tcp://10.0.0.5:8786.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Also those that were set aside.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Run nothing: take corrections made in the app into table and page.")
    ] = False,
    show_protocol: Annotated[
        bool, typer.Option("--show-protocol", help="Print the protocol that would be used.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do the same with hundreds of studies. Run it again to go on: what is done is not done twice."""
    from organtwin.batch.protocol import default_text, parse

    text, where = default_text(), "the default protocol"
    if protocol is None and refresh and output is not None and (output / "protocol.yaml").exists():
        protocol = output / "protocol.yaml"
    if protocol is not None:
        try:
            text, where = protocol.read_text(encoding="utf-8"), str(protocol)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("The protocol cannot be read", where=str(protocol)) from error
    if show_protocol:
        print(text, end="")
        return
    if output is None:
        raise BadInput("A batch needs a folder for its results", remedy="Name it with -o OUT.")
    checked = parse(text, where)
    from organtwin.batch.run import refresh_batch, run_batch

    if refresh:
        summary = refresh_batch(output, checked)
    else:
        if not studies:
            raise BadInput("Nothing was given to do", remedy="Name folders that hold studies.")
        with _telling() as (told, progress):
            summary = run_batch(studies, output, checked, text, workers, scheduler, retry_failed, told, progress)
    if as_json:
        print_json(summary)
        return
    print(f"{summary['studies']} studies: {summary['done']} done, {summary['failed']} set aside")
    for file in summary["files"]:
        print(file)


@app.command("batch-review")
def batch_review(
    folder: Annotated[Path, typer.Argument(help="The folder of a batch.")],
    study: Annotated[
        str | None, typer.Argument(help="A study, to mark it from here; without it the page opens.")
    ] = None,
    mark: Annotated[str, typer.Option(help="reviewed, accepted or needs work; empty takes it away.")] = "",
    note: Annotated[str, typer.Option(help="A note with the mark.")] = "",
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Look through a batch, and mark studies as reviewed, accepted or in need of work."""
    from organtwin.batch.folder import BatchFolder
    from organtwin.batch.review import marks, set_mark

    batch_folder = BatchFolder(folder.resolve())
    if not (batch_folder.root / "index.html").exists():
        raise BadInput("There is no batch here", where=str(folder), remedy="Run organtwin batch STUDIES -o OUT first.")
    if study is None and not as_json:
        from organtwin.batch.review_server import serve

        serve(batch_folder, port, lambda address: console.print(f"The page is at {address} (Ctrl-C ends it)"))
        return
    if study is not None:
        set_mark(batch_folder, study, mark, note)
    kept = {name: one.model_dump() for name, one in marks(batch_folder).items()}
    if as_json:
        print_json(kept)
    elif study is not None:
        print(f"{study}: {mark or 'no mark'}")


Told = Callable[[str], None]


@contextmanager
def _telling() -> Iterator[tuple[Told, Callable[[Progress], None]]]:
    """A bar on a terminal; a line of JSON now and then elsewhere."""
    if not console.is_terminal:
        last = [0.0]

        def say(event: dict[str, object]) -> None:
            print(json.dumps(event), file=sys.stderr, flush=True)

        def line(now: Progress) -> None:
            if now.ended is not None:
                say({"event": "study", "id": now.ended.id, "status": now.ended.status, "sentence": now.ended.sentence})
            if now.ended is not None or time.monotonic() - last[0] > LINE_EVERY_S:
                last[0] = time.monotonic()
                left = None if now.left_s is None else round(now.left_s, 1)
                say({"event": "progress", "finished": now.finished, "total": now.total, "failed": now.failed,
                     "fraction": round(now.fraction, 4), "elapsed_s": round(now.elapsed_s, 1), "left_s": left})  # fmt: skip

        yield (lambda text: say({"event": "told", "text": text})), line
        return
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(bar_width=36, complete_style="cyan", finished_style="green"), TextColumn("{task.percentage:>3.0f}%"),
               TextColumn("{task.fields[told]}"))  # fmt: skip
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("", total=1.0, told="looking for studies")

        def drawn(now: Progress) -> None:
            left = f", {_time(now.left_s)} left" if now.left_s is not None else ""
            aside = f", {now.failed} set aside" if now.failed else ""
            at = "  ".join(f"[dim]{name}: {what}[/dim]" for name, (_, what) in list(now.running.items())[:2])
            bar.update(task, completed=now.fraction, told=f"{now.finished} of {now.total}{aside}{left}  {at}")
            if now.ended is not None and now.ended.status == "failed":
                console.print(f"{now.ended.id}: {now.ended.sentence}", style="yellow", markup=False)

        yield (lambda text: console.print(text, markup=False)), drawn


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
