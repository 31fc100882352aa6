import json
import os
import signal

import pytest

from sdf1_field import InputError, RunError
from sdf1_field.ensemble.tasks import run_tasks


def square(number):
    return [number, number**2]


def refuse(number):
    raise InputError(f"{number}: refused")


def die_once(number, folder):
    mark = os.path.join(folder, str(number))
    if number == 2 and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def tasks(*numbers):
    return {str(n): (n,) for n in numbers}


def test_results_come_in_the_order_of_the_tasks_and_are_kept(tmp_path):
    store, calls = tmp_path / "new" / "points.jsonl", []
    first = run_tasks(square, tasks(3, 1), store, workers=1, progress=calls.append)
    assert list(first.items()) == [("3", [3, 9]), ("1", [1, 1])]
    assert calls == [1, 1]
    assert run_tasks(refuse, tasks(1, 3), store, workers=1) == {"1": [1, 1], "3": [3, 9]}


def test_a_line_that_was_cut_off_is_computed_again(tmp_path):
    store = tmp_path / "points.jsonl"
    run_tasks(square, tasks(1, 2), store, workers=1)
    whole = store.read_text()
    store.write_text(whole[:-4])
    assert run_tasks(square, tasks(1, 2), store, workers=1)["2"] == [2, 4]
    lines = [json.loads(line) for line in store.read_text().splitlines() if line.endswith("]]")]
    assert lines == [["1", [1, 1]], ["2", [2, 4]]]


@pytest.mark.slow
def test_processes_give_what_one_process_gives_and_a_killed_worker_loses_nothing(tmp_path):
    numbers = {str(n): (n, str(tmp_path)) for n in range(4)}
    found = run_tasks(die_once, numbers, tmp_path / "points.jsonl", workers=2)
    assert found == {str(n): n for n in range(4)}


def test_errors_of_ours_are_raised_and_finished_tasks_kept(tmp_path):
    store = tmp_path / "points.jsonl"
    run_tasks(square, tasks(1), store, workers=1)
    with pytest.raises(InputError, match="2: refused"):
        run_tasks(refuse, tasks(1, 2), store, workers=1)
    assert run_tasks(refuse, tasks(1), store, workers=1) == {"1": [1, 1]}


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((InputError, RunError), match="Choose another folder"):
        run_tasks(square, tasks(1), tmp_path / "file" / "points.jsonl", workers=1)
