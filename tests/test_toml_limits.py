"""Model files and settings from others: what no one writes is refused in a line, at once."""

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


def test_line_ends_of_other_systems_are_read(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\rc = 3\n")
    assert read_toml(path, "a") == {"a": 1, "b": 2, "c": 3}
