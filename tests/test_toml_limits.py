"""Model files and settings from others: what no one writes is refused in a line, at once."""

import time
import tracemalloc

import pytest

from sdf1_field.errors import InputError
from sdf1_field.spec import load_model, read_toml


def refusal(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as refused:
        load_model(str(path))
    assert str(refused.value).startswith(f"{path}: ")
    return str(refused.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "nested too deep"),
        ("a." * 5000 + "b = 1", "nested too deep"),
        ("".join(f"k{n} = 1\n" for n in range(20_000)), "has more than 10,000 keys"),
        ("a = " + "9" * 5000, "thousands of digits"),
        ("a = " + "9" * 30, "a: the number is too large"),
        (f'[grid]\nspacing = "1 {"x" * 200_000}"', "has a line of 200,0"),
        ('[grid]\nspacing = """' + "1 um\n" * 2000 + '"""', "spacing: is a text of 10,000 char"),
        ("k" * 300 + " = 1", "is too long for a key"),
        (b"#" * (2**20 + 1), "has 1,048,577 bytes, and such a file has 1,048,576 at most"),
        (b"a = '\xff'", "not a text file"),
        ("a = \0", "not a TOML file"),
        ('title = "\\u001b[31mred"\nextends = "null-kg1a"', "title: holds control characters"),
        ('extends = "null-kg1a"\n[grid]\nspacing = {value=1,status=1}', "unknown status '1'"),
        ('extends = "null-kg1a"\n[grid]\nspacing = "1 dB*um"', "is not a length"),
        ('extends = "null-kg1a"\n[run]\nduration = "1e octave"', "is not a time"),
        ('extends = "null-kg1a"\n[grid]\nspacing = "1e-320 um"', "too small for a length"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_model_file_beyond_limits_is_refused(tmp_path, text, message):
    assert message in refusal(tmp_path, text)


def test_settings_have_the_same_limits():
    for value, message in (
        ("[" * 5000, "nested too deep"),
        ("9" * 5000, "thousands of digits"),
        ("1 " + "x" * 200_000, "has a line of 200,0"),
        ("1e300 1/(M*s)", "too large"),
    ):
        with pytest.raises(InputError, match=message):
            load_model("coculture-kg1a", settings=[f"ligand.sdf1.coat.association_rate={value}"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k" + ".a" * 9990 + " = 1\n", "nested too deep"),
        ("k" + " . a" * 4990 + " = 1\n", "nested too deep"),
        ("k" + '.""' * 6000 + " = 1\n", "nested too deep"),
        ("k" + '.\'a\'."\\""' * 2000 + " = 1\n", "nested too deep"),
        ("[k" + ".a" * 9990 + "]\n", "nested too deep"),
        ("[[k" + ".a" * 9990 + "]]\n", "nested too deep"),
        ("x = [1,\n{k" + ".a" * 9990 + " = 1}]\n", "nested too deep"),
        ('x = """a\\"""""" # "\nk' + ".a" * 9990 + " = 1\n", "nested too deep"),
        ("x = '''a''''' # '''\nk" + ".a" * 9990 + " = 1\n", "nested too deep"),
        ("".join(f"k{n}" + ".a" * 18 + " = 1\n" for n in range(20_000)), "more than 10,000 keys"),
    ],
    ids=range(10),
)
def test_dots_of_keys_are_counted_before_parsing(tmp_path, text, message):
    tracemalloc.start()
    try:
        assert message in refusal(tmp_path, text)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "x = [" + "1.5, " * 3000 + "]",
        "x = '" + ".a" * 1000 + "'",
        'x = "' + ".a" * 1000 + '"',
        'x = """\n' + ".a" * 1000 + '\\""" """',
        "x = '''\n" + ".a" * 1000 + "'' '''''",
        "x = 1 # ' " + ".a" * 1000,
        "x = '''a''''' # '''\ny = '" + ".a" * 1000 + "'",
        "k" + ".a" * 19 + " = 1",
        "x = 1979-05-27T07:32:00.999-07:00",
    ],
    ids=range(9),
)
def test_dots_of_texts_numbers_and_comments_are_free(tmp_path, text):
    path = tmp_path / "a.toml"
    path.write_text(text)
    assert read_toml(path, "a")


@pytest.mark.parametrize("text", ['"""\\', "'''", "\"'", "." + "a" * 18_000, ".a " * 1000 + "="])
def test_texts_that_are_long_to_search_are_refused_at_once(tmp_path, text):
    line = (text * 19_000)[:19_000] + "\n"
    begun = time.process_time()
    assert refusal(tmp_path, line * 55)
    assert time.process_time() - begun < 2.0


@pytest.mark.parametrize("key", ["a" + ".a" * 20_000, "a" + ".a" * 20, "k" * 300])
def test_a_setting_with_a_long_key_is_refused_at_once(key):
    begun = time.process_time()
    with pytest.raises(InputError, match="is too long for a key"):
        load_model("coculture-kg1a", settings=[f"{key}=1"])
    assert time.process_time() - begun < 2.0


def test_line_ends_of_other_systems_are_read(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\rc = 3\n")
    assert read_toml(path, "a") == {"a": 1, "b": 2, "c": 3}
