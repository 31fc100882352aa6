"""Track files made by hand after the formats' descriptions, and real ones where they are."""

from pathlib import Path

import pytest


def real(name):
    """Path of a real file in ``shared/data`` beside the project; skips where there is none."""
    for folder in Path(__file__).parents:
        path = folder / "shared" / "data" / name
        if path.is_file():
            return path
    return pytest.skip(f"{name} is not here")


def spot(number, frame, x, y, **more):
    more = {"VISIBILITY": 1, "RADIUS": 5.0, "POSITION_Z": 0.0, **more}
    rest = " ".join(f'{key}="{value}"' for key, value in more.items())
    return (
        f'<Spot ID="{number}" name="ID{number}" FRAME="{frame}" POSITION_X="{x}" POSITION_Y="{y}" '
        f'POSITION_T="{frame * 30.0}" {rest} />'
    )


def trackmate(
    spots, tracks, *, kept=None, units=("µm", "sec"), pixel=0.5, every=30.0, version="7.11.1"
):
    """Text of a TrackMate file from spots and, for each track, pairs of numbers."""
    edges = "".join(
        f'<Track name="Track_{n}" TRACK_ID="{n}">'
        + "".join(f'<Edge SPOT_SOURCE_ID="{a}" SPOT_TARGET_ID="{b}" />' for a, b in links)
        + "</Track>"
        for n, links in enumerate(tracks)
    )
    used = range(len(tracks)) if kept is None else kept
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<TrackMate version="{version}">\n'
        f'<Model spatialunits="{units[0]}" timeunits="{units[1]}">\n'
        f'<AllSpots nspots="{len(spots)}"><SpotsInFrame frame="0">\n'
        + "\n".join(spots)
        + f"\n</SpotsInFrame></AllSpots>\n<AllTracks>{edges}</AllTracks>\n<FilteredTracks>"
        + "".join(f'<TrackID TRACK_ID="{n}" />' for n in used)
        + f'</FilteredTracks></Model>\n<Settings><ImageData filename="a.tif" pixelwidth="{pixel}" '
        f'pixelheight="{pixel}" timeinterval="{every}" /></Settings></TrackMate>\n'
    )


WALK = [spot(n, n, 10.0 + 3 * n, 20.0 + 4 * n) for n in range(4)]
LINKS = [(0, 1), (1, 2), (2, 3)]


def exported(particles, *, space="micron", unit="sec", every="30.0"):
    body = "".join(
        f'<particle nSpots="{len(p)}">'
        + "".join(f'<detection t="{t}" x="{x}" y="{y}" z="0.0" />' for t, x, y in p)
        + "</particle>"
        for p in particles
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Tracks nTracks="{len(particles)}" '
        f'spaceUnits="{space}" frameInterval="{every}" timeUnits="{unit}" '
        f'generationDateTime="Mon, 1 Jan 2024" from="TrackMate v7.11.1">{body}</Tracks>\n'
    )


def csv_text(rows, *, headers=4, space="(micron)", time="(sec)", every=30.0):
    """Text of TrackMate's CSV from number, track, frame, x and y of spots."""

    def line(number, track, frame, x, y):
        when = every * frame if isinstance(frame, int | float) else ""
        track = "" if track is None else track
        return f"ID{number},{number},{track},1.0,{x},{y},0.0,{when},{frame},5.0,1"

    four = [
        "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME,RADIUS,VISIBILITY",
        "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,Radius,Visibility",
        "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,R,Visibility",
        f",,,(quality),{space},{space},{space},{time},,{space},",
    ]
    return "\n".join([*four[:headers], *(line(*row) for row in rows)]) + "\n"
