"""Try every reader on damaged inputs and print a table of the numbers: `make fuzz`."""

import tempfile
from pathlib import Path

import click

from fuzz.readers import READERS
from fuzz.trials import tried


@click.command()
@click.option("--reader", "names", multiple=True, help="Which one; all if not given.")
@click.option("--minutes", default=20.0, show_default=True, help="For all of them together.")
@click.option("--number", type=int, help="Inputs of each reader at most.")
@click.option("--first", default=0, show_default=True, help="Number of the first input.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for inputs that escape.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File for the table.")
def main(
    names: tuple[str, ...], minutes: float, number: int | None, first: int, keep: Path | None,
    output: Path | None,
) -> None:  # fmt: skip
    """Damage whole files at random and read them; each input has 5 s and 2 GB."""
    rows = ["| reader | tried | failed | slowest [s] |", "| --- | ---: | ---: | ---: |"]
    total = failures = 0
    chosen = [name for name in READERS if not names or name in names]
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        for name in chosen:
            found = tried(
                name, Path(made), number=number or 10**9, minutes=minutes / len(chosen),
                first=first,
            )  # fmt: skip
            kept = Path(made) / "kept"
            if keep is not None and kept.exists():
                _move(kept, keep)
            failed = sum(found.failed.values())
            total, failures = total + found.tried, failures + failed
            rows.append(f"| {name} | {found.tried:,} | {failed:,} | {found.slowest:.2f} |")
            click.echo(rows[-1])
            for kind, count in found.failed.most_common():
                click.echo(f"    {count} x {kind}")
    rows.append(f"| all | {total:,} | {failures:,} | |")
    click.echo(rows[-1])
    if output is not None:
        output.write_text("\n".join(rows) + "\n", encoding="utf-8")
    raise SystemExit(1 if failures else 0)


def _move(kept: Path, keep: Path) -> None:
    import shutil

    shutil.copytree(kept, keep, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
