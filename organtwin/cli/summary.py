"""Objects in a few lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from organtwin.store import Entry


def summary(entry: Entry) -> Iterator[str]:
    """What a person wants to know about an object, a line each."""
    yield f"{entry.kind:<13} {entry.name}  [{entry.uuid[:8]}]"
    facts = entry.facts
    match entry.kind:
        case "volume":
            grid = facts["grid"]
            spacing = [sum(row[axis] ** 2 for row in grid["affine"][:3]) ** 0.5 for axis in range(3)]
            yield f"  {' x '.join(str(n) for n in grid['size'])} voxels of {' x '.join(f'{s:.3g}' for s in spacing)} mm, {facts['modality']}"
        case "segmentation":
            for s in facts["segments"]:
                sure = "" if s["confidence"] is None else f"  confidence {s['confidence']:.2f}"
                locked = "  locked" if s.get("locked") else ""
                doubt = f"  {s['doubt']}" if s["doubt"] else ""
                yield f"  {s['name']:<26}{s['key']:<24}{s['volume_mm3'] / 1000:10.1f} mL{locked}{sure}{doubt}"
        case "dynamic":
            yield f"  {' x '.join(str(n) for n in facts['grid']['size'])} voxels, {facts['modality']}"
        case "dynamic-segmentation":
            yield f"  {', '.join(s['name'] for s in facts['segments'])}"
            for q in facts["quantities"]:
                yield f"  {q['name']:<36}{q['value']:12.4g} {q['unit']:<4}[{q['level']}]  {q['why']}"
        case "surface":
            yield from _numbers(facts["report"])
        case "mesh":
            yield f"  mesher {facts['mesher']}; boundaries {', '.join(facts['boundaries'])}"
            yield from _numbers(facts["report"])
        case "centerline":
            for branch in facts["branches"]:
                if branch.get("radius_mm"):
                    if ", " not in branch["name"] and not branch["name"].split(" branch ")[-1].isdigit():
                        doubt = f"  {branch['doubt']}" if branch["doubt"] else ""
                        yield f"  {branch['name']:<44}{2 * branch['radius_mm']:5.1f} mm wide, order {branch['order']}{doubt}"
                    continue
                end = f"to {branch['cap']}" if branch["cap"] else "to a fork"
                yield f"  {branch['name']:<36}{end}, {branch['last'] - branch['first'] + 1} points"
            if facts.get("structure"):
                count = len(facts["branches"])
                yield f"  {count} {'branch' if count == 1 else 'branches'} in all"
        case "procedure":
            yield "  " + ", ".join(f"{key} {value}" for key, value in facts["action"].items() if value is not None)
        case "plan":
            for q in facts["quantities"]:
                yield f"  {q['name']:<36}{q['value']:12.4g} {q['unit']}"
            for vessel in facts["vessels_cut"]:
                yield f"  cuts {vessel['name']}, {vessel['diameter_mm']:.1f} mm wide"
            for sentence in facts["warnings"]:
                yield f"  warning: {sentence}"
        case "course":
            yield f"  It {facts['change']}."
        case "rehearsal":
            yield f"  {facts['ticks']} ticks; " + ", ".join(step["command"]["do"] for step in facts["steps"])
            for q in facts["quantities"]:
                yield f"  {q['name']:<36}{q['value']:12.4g} {q['unit']}"
        case "result":
            for q in facts["quantities"]:
                level = "" if q.get("level", "unknown") == "unknown" else f"  [{q['level']}]"
                yield f"  {q['name']:<36}{q['value']:12.4g} {q['unit']}{level}"
            for key, value in facts["credibility"].items():
                yield f"  {key}: {value}"
    for note in entry.notes:
        yield f"  note: {note}"


def _numbers(report: dict[str, float]) -> Iterator[str]:
    if report:
        yield "  " + ", ".join(f"{key} {value:.4g}" for key, value in report.items())


def tree(name: str, entries: list[Entry], stale: set[str]) -> Iterator[str]:
    """All objects of a project with their summaries."""
    yield f"{name}: {len(entries)} objects"
    for entry in entries:
        lines = list(summary(entry))
        yield lines[0] + ("  STALE: its input has changed" if entry.uuid in stale else "")
        yield from lines[1:]
