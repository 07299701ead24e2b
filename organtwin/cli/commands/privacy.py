"""``organtwin seal`` and its kin: encryption, the audit log, consent, roles, de-identified copies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from organtwin.cli.base import AsJson, ProjectPath, Purpose, app
from organtwin.cli.follow import console
from organtwin.cli.plain import print_json
from organtwin.cli.session import ask
from organtwin.errors import BadInput
from organtwin.monitor import NullMonitor
from organtwin.store import Project
from organtwin.store.keyring import from_file, told

NewFile = Annotated[
    Path | None, typer.Option("--new-passphrase-file", help="Its first line is the new passphrase; else you are asked.")
]


@app.command()
def new(
    project: Annotated[Path, typer.Argument(help="The folder to make, case.otwin.")],
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    sealed: Annotated[bool, typer.Option("--sealed", help="Encrypted from the start: nothing ever lies open.")] = False,
) -> None:
    """Make an empty project."""
    Project.create(project, name, _new_passphrase(None) if sealed else None).close()
    print(f"made {project}")


@app.command()
def seal(project: ProjectPath) -> None:
    """Encrypt a project with a passphrase (age; everything in the folder). Without the passphrase nothing can be read again."""
    from organtwin.document.sealing import seal as seal_it

    _with_bar(lambda monitor: seal_it(project, _new_passphrase(None), monitor))
    print(f"sealed {project}. Keep the passphrase: nobody can read the project without it.")


@app.command()
def unseal(project: ProjectPath) -> None:
    """Decrypt a sealed project."""
    from organtwin.document.sealing import unseal as unseal_it

    _with_bar(lambda monitor: unseal_it(project, None, monitor))
    print(f"unsealed {project}")


@app.command()
def passphrase(
    project: ProjectPath,
    new_file: NewFile = None,
    for_role: Annotated[
        str, typer.Option("--for", help="A role that gets a passphrase of its own, and opens the project as no other.")
    ] = "",
    take_away: Annotated[
        bool, typer.Option("--take-away", help="With --for: the role's passphrase opens it no more.")
    ] = False,
) -> None:
    """Change the passphrase of a sealed project, or give a role one of its own."""
    from organtwin.document.sealing import change_passphrase, give_role

    if take_away and not for_role:
        raise BadInput("--take-away says of which role: --for ROLE")
    if not for_role:
        with Project(project, read_only=True):
            change_passphrase(project, _new_passphrase(new_file, other=True))
        print("changed. Copies made before still open with the old one.")
        return
    with Project(project, read_only=True) as opened:
        if for_role not in opened.roles:
            raise BadInput(f"There is no role '{for_role}'", remedy=f"There are: {', '.join(opened.roles)}.")
        give_role(project, for_role, "" if take_away else _new_passphrase(new_file, other=True))
    print(f"{for_role}: {'has no passphrase any more' if take_away else 'has a passphrase of its own'}")


@app.command()
def audit(
    project: ProjectPath,
    verify: Annotated[bool, typer.Option("--verify", help="Check that nothing was changed or cut off.")] = False,
    noted: Annotated[str, typer.Option(help="With --verify: the last hash as you noted it elsewhere.")] = "",
    as_json: AsJson = False,
) -> None:
    """Who did what with a project, and when."""
    from organtwin.store.audit import anchor_of

    with Project(project, read_only=True) as opened:
        opened.role.require_sight("audit")
        records = opened.audit.records()
        wrong = opened.audit.verify(anchor_of(opened.head), noted) if verify or noted else None
    head = records[-1].hash if records else ""
    if as_json:
        told_: dict[str, Any] = {
            "records": [r.model_dump(mode="json") for r in records],
            "count": len(records),
            "head": head,
        }
        print_json(told_ | ({} if wrong is None else {"whole": not wrong, "wrong": wrong}))
    else:
        for r in records:
            at = datetime.fromisoformat(r.at).strftime("%Y-%m-%d %H:%M:%S")
            print(
                f"{r.n:5d}  {at}  {r.who}{f' as {r.role}' if r.role else ''}  {r.did}{f': {r.what}' if r.what else ''}"
            )
        print(f"{len(records)} records, the last has the hash {head}")
        if wrong is not None and not wrong:
            print("The log is whole." + ("" if noted else " Note the hash elsewhere to be sure of that later, too."))
    if wrong:
        raise BadInput("The audit log was tampered with", where=str(project), remedy=" ".join(wrong[:5]))


@app.command()
def consent(
    project: ProjectPath,
    purpose: Annotated[str, typer.Option(help="care, research, teaching, quality, technical.")] = "",
    by: Annotated[str, typer.Option(help="Who consented: the patient, a guardian.")] = "",
    until: Annotated[str, typer.Option(help="The last day it holds, 2027-12-31.")] = "",
    said: Annotated[str, typer.Option(help="Where the form is, what was agreed.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="The patient does not agree any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Record what the patient agreed to, or took back; without --purpose: tell it."""
    from organtwin.checked import validated
    from organtwin.privacy.consent import Consent, standing

    with Project(project, read_only=True) as opened:
        if purpose:
            if not withdraw and not by:
                raise BadInput("It must be known who consented", remedy="Say it: --by patient.")
            data = {"purpose": purpose, "by": by, "until": until or None, "said": said, "withdrawn": withdraw}
            opened.record_consent(validated(Consent, data, "the consent"))
        known = standing(opened.consents)
    if as_json:
        print_json([{**c.model_dump(mode="json"), "holds": c.holds()} for c in known.values()])
        return
    for c in known.values():
        state = "holds" if c.holds() else "withdrawn" if c.withdrawn else "ended"
        print(f"{c.in_words}: {state}{f', by {c.by}' if c.by else ''}{f' ({c.said})' if c.said else ''}")
    if not known:
        print("No consent is on record.")


@app.command()
def roles(
    project: ProjectPath,
    set_: Annotated[Path | None, typer.Option("--set", help="A YAML file of roles of this project's own.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Back to the built-in roles.")] = False,
    as_json: AsJson = False,
) -> None:
    """What each role sees and may do; choose one with --role or ORGANTWIN_ROLE."""
    if set_ is not None or reset:
        try:
            text = set_.read_text(encoding="utf-8") if set_ is not None else ""
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("The file of the roles cannot be read", where=str(set_)) from error
        with Project(project) as opened:
            opened.set_roles(text)
    with Project(project, read_only=True) as opened:
        known, mine = opened.roles, opened.role.name
    if as_json:
        print_json(
            {
                n: {"title": r.title, "sees": sorted(r.sees), "may": sorted(r.may), "purpose": r.purpose}
                for n, r in known.items()
            }
        )
        return
    for name, role in known.items():
        print(
            f"{name}{' (you)' if name == mine else ''}\n  sees {', '.join(sorted(role.sees)) or 'nothing of these'}\n  may  {', '.join(sorted(role.may)) or 'only look'}"
        )


@app.command()
def sheet(
    project: ProjectPath,
    object_: Annotated[str | None, typer.Argument(metavar="[OBJECT]", help="Name or uuid; all that have one.")] = None,
    as_json: AsJson = False,
) -> None:
    """The data sheet behind a prediction: what it rests on, where it holds, what is known to be wrong with it."""
    from organtwin.cli.choose import choose_in
    from organtwin.document.sheets import sheet_of

    with Project(project, read_only=True) as opened:
        entries = opened.entries() if object_ is None else [choose_in(opened.entries(), object_)]
        found = {e.uuid: (e.name, *named) for e in entries if (named := sheet_of(e)) is not None}
    if not found:
        raise BadInput("There is no data sheet for this", where=object_ or str(project),
                       remedy="Scans, readings and cases predict nothing and have none.")  # fmt: skip
    if as_json:
        print_json({u: {"name": n, "model": m, **s.model_dump()} for u, (n, m, s) in found.items()})
        return
    for name, model, data in found.values():
        print(f"{name}: {model}")
        print(f"  purpose     {data.purpose}\n  validity    {data.validity}\n  known bias  {data.bias}")
        print("\n".join(f"  source      {source}" for source in data.sources))
        if data.verified_by:
            print(f"  verified    organtwin validate {' '.join(data.verified_by)}")


@app.command()
def deidentify(
    sources: Annotated[
        list[Path], typer.Argument(help="Folders, zip files or files of DICOM or FHIR; or one project.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", help="A new or empty folder.")],
    shift_dates: Annotated[
        bool,
        typer.Option("--shift-dates", help="Move a patient's dates by the same unknown amount; else they are removed."),
    ] = False,
    keep_characteristics: Annotated[
        bool, typer.Option("--keep-characteristics", help="Keep sex, age (90 and more as 90), size and weight.")
    ] = False,
    allow_burned_in: Annotated[
        bool, typer.Option("--allow-burned-in", help="The pictures were looked at: no name stands in them.")
    ] = False,
    key_file: Annotated[
        Path | None, typer.Option(help="Keeps the secret that pseudonyms follow from: later copies then fit to these.")
    ] = None,
    dicom: Annotated[
        list[Path] | None, typer.Option(help="Of a project: the scan's own DICOM files, copied too.")
    ] = None,
    purpose: Purpose = "",
    as_json: AsJson = False,
) -> None:
    """Write copies without identity: DICOM after PS3.15 (basic profile), FHIR in the manner of HIPAA's Safe Harbor."""
    from organtwin.document.deidentified import Wish, deidentify_project
    from organtwin.document.deidentified import deidentify as deidentify_files
    from organtwin.privacy.deidentification.pseudonyms import Pseudonyms

    for source in sources:
        if not source.exists():
            raise BadInput("There is nothing at this place", where=str(source), remedy="Check the path.")
    pseudonyms = Pseudonyms.of_file(key_file) if key_file is not None else Pseudonyms()
    wish = Wish(shift_dates, keep_characteristics, allow_burned_in, pseudonyms)
    if len(sources) == 1 and (sources[0] / "project.json").exists():
        with Project(sources[0], read_only=True) as opened:
            opened.leaves("deidentify", f"{len(opened.entries())} objects", purpose=purpose)
            copied = deidentify_project(opened, out, wish, dicom or ())
    else:
        with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
            copied = deidentify_files(sources, out, wish, _Bar(bar, bar.add_task("", total=1.0)))
    if as_json:
        files = [str(file) for file in copied.files]
        print_json({"files": files, "left_out": dict(copied.left_out), "notes": copied.notes})
        return
    print(f"wrote {len(copied.files)} files to {out}")
    for reason, count in copied.left_out.most_common():
        console.print(f"left out {count}: {reason}", style="yellow", markup=False)
    for note in copied.notes:
        console.print(note, style="yellow", markup=False)


def _new_passphrase(file: Path | None, other: bool = False) -> str:
    """From a file, from what opens projects (unless it is to be another one), or asked twice."""
    if file is not None:
        return from_file(file)
    if not other and (given := told()):
        return given
    import sys

    if not sys.stdin.isatty():
        how = "--new-passphrase-file FILE" if other else "--passphrase-file FILE, ORGANTWIN_PASSPHRASE"
        raise BadInput("A new passphrase is needed", remedy=f"Give it: {how}, or on a terminal when asked.")
    first = ask("New passphrase")
    if first != ask("The same again"):
        raise BadInput("The two are not the same", remedy="Nothing was changed; try again.")
    return first


class _Bar(NullMonitor):
    def __init__(self, bar: Progress, task: Any) -> None:
        self._bar, self._task = bar, task

    def progress(self, fraction: float, what: str = "") -> None:
        self._bar.update(self._task, completed=fraction, description=what)


def _with_bar(work: Callable[[NullMonitor], None]) -> None:
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        work(_Bar(bar, bar.add_task("", total=1.0)))
