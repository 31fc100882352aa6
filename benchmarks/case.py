"""One case in this process: ``python -m benchmarks.case NAME FOLDER [--quick]`` prints JSON.

With ``references GROUP`` for a name the group's reference solutions are written instead.
"""

import json
import sys
from pathlib import Path

from benchmarks.cases import Setting, cases, write_references


def main(arguments: list[str]) -> None:
    """Run what the arguments name."""
    name, folder, *options = arguments
    setting = Setting(quick="--quick" in options, references=Path(folder))
    if name.startswith("references "):
        write_references(name.removeprefix("references "), setting)
        return
    case = next(case for case in cases(quick=setting.quick) if case.name == name)
    assert case.run is not None
    sys.stdout.write(f"\n{json.dumps(case.run(setting).as_json())}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
