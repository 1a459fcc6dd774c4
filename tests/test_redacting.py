"""Redaction: stable codes for patients on every engine, and a key file that stays private."""

from __future__ import annotations

import os
import re
import stat

import narwhals.stable.v2 as nw
import polars as pl
import pytest

from calc import engine, redacting
from calc.errors import InputError

KEY = bytes(range(32))
# HMAC-SHA256 of "1001" with the key, first 50 bits: by openssl, base32 and tr.
EXPECTED = "PT-7T80JARK4C"


def key():
    return redacting.Key(KEY)


def test_code():
    """The code of a key and a patient never changes: other files of the user hold it."""
    assert key().code("1001") == EXPECTED
    assert re.fullmatch(r"PT-[0-9A-HJKMNP-TV-Z]{10}", key().code("Zoë, ₿"))
    assert key().code("") == ""
    assert redacting.Key(bytes(32)).code("1001") != EXPECTED


def test_collision(monkeypatch):
    monkeypatch.setattr(redacting, "CODE_LENGTH", 1)
    few = key()
    with pytest.raises(InputError, match=r"two patients share the code PT-.$"):
        for patient in range(40):
            few.code(str(patient))


def test_frames(engine_name):
    """Same codes on every engine, rows and other columns as they were."""
    rows = {
        "patient": ["1001", " 1001 ", "", None, "O'Hara"],
        "Patient Name": ["x", "1001", "y", "z", "x"],
        "row": [2, 3, 4, 5, 6],
    }
    lazy = engine.on_engine(engine.lazy(pl.DataFrame(rows)), engine_name)
    done = redacting.redact(lazy, ("patient", "Patient Name", "absent"), key())
    assert done.implementation == lazy.implementation
    read = engine.collect(done).to_native().sort("row").to_dict(as_series=False)
    one = key()
    assert read == {
        "patient": [one.code("1001"), one.code("1001"), "", "", one.code("O'Hara")],
        "Patient Name": [one.code(text) for text in ("x", "1001", "y", "z", "x")],
        "row": [2, 3, 4, 5, 6],
    }


def test_eager_rows_keep_their_order():
    patients = [str(number % 97) for number in range(2_000)]
    frame = nw.from_native(pl.DataFrame({"patient": patients}), eager_only=True)
    done = redacting.redact(frame, ("patient",), key())
    assert isinstance(done, nw.DataFrame)
    one = key()
    assert done["patient"].to_list() == [one.code(patient) for patient in patients]


def test_numbers_are_patients_too():
    frame = nw.from_native(pl.DataFrame({"patient": [1001, None]}), eager_only=True)
    assert redacting.redact(frame, ("patient",), key())["patient"].to_list() == [
        key().code("1001"),
        "",
    ]


def test_nothing_to_redact():
    frame = nw.from_native(pl.DataFrame({"code": ["97110"]}), eager_only=True)
    assert redacting.redact(frame, ("patient",), key())["code"].to_list() == ["97110"]


def test_key_file(tmp_path):
    path = tmp_path / "clinic.key"
    code = redacting.read_key(str(path)).code("1001")
    assert redacting.read_key(str(path)).code("1001") == code
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = redacting.read_key(str(tmp_path / "other.key"))
    assert other.code("1001") != code


@pytest.mark.parametrize("text", ["", "00ff", "not a key", "é", "00" * 33])
def test_no_key(tmp_path, text):
    path = tmp_path / "clinic.key"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is no key file"):
        redacting.read_key(str(path))
    assert path.read_text(encoding="utf-8") == text


def test_key_without_folder(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        redacting.read_key(str(tmp_path / "none" / "clinic.key"))
