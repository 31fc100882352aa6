"""What an ensemble of dishes is going to cost, in one line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdf1_field.ensemble.expecting import Expected

_LONG = 100.0
"""Seconds from which on a time is said in minutes."""


def cost_text(cost: "Expected") -> str:
    """Dishes, those that are finished, time and size, as far as they are known."""
    from sdf1_field.units import bytes_text

    parts = [f"{cost.dishes} dishes"]
    if cost.finished:
        parts.append(f"{cost.finished} of them finished")
    if cost.seconds == cost.seconds and cost.seconds > 0.0:
        long = cost.seconds > _LONG
        time = f"{cost.seconds / 60:.0f} min" if long else f"{cost.seconds:.0f} s"
        if cost.processes:
            noun = "process" if cost.processes == 1 else "processes"
            parts.append(f"about {time} on {cost.processes} {noun}")
        else:
            parts.append(f"about {time} in all on a core like this, shared by the workers")
    if cost.bytes == cost.bytes:
        parts.append(f"{bytes_text(cost.bytes)} on disk")
    return ", ".join(parts)
