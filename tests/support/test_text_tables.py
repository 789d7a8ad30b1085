"""Text tables: headers, separators, encodings, comments, missing values; pandas agrees with the reader."""

import codecs
import gzip
import io
import sys

import numpy as np
import pytest

from convexscore._support import text_tables
from convexscore._support.tables import Format, read_table, write_columns


def table(content, column=None, **form):
    raw = content.encode() if isinstance(content, str) else content
    return text_tables.column_of_text(raw, "a.csv", column, Format(**form))


def is_read(found, name, values):
    assert found.name == name
    np.testing.assert_array_equal(found.values, values)
    return True


class TestHeader:
    def test_years_above_other_numbers_are_names(self):
        content = "2019,2020,2021\n1,2,3\n4,5,6\n"
        assert is_read(table(content, "2020"), "2020", [2, 5])
        assert is_read(table(content, "1"), "2020", [2, 5])

    @pytest.mark.parametrize(
        ("content", "column", "values"),
        [
            ("2019,2020,2021\n2000,2001,2002\n", "1", [2020, 2001]),
            ("2019,2019\n1,2\n", "1", [2019, 2]),
            ("2019,2020.5\n1,2\n", "1", [2020.5, 2]),
            ("1850,2020\n1,2\n", "1", [2020, 2]),
            ("2019,2020\n", "1", [2020]),
            ("2000\n150\n3\n", None, [2000, 150, 3]),
            ("2000,NA\n150,3\n", "0", [2000, 150]),
        ],
        ids=["all years", "twice", "no integer", "too early", "alone", "one column", "a missing year"],
    )
    def test_other_numbers_are_not(self, content, column, values):
        assert is_read(table(content, column), "x", values)

    def test_years_beside_a_name_are_names(self):
        assert is_read(table("land,2019,2020\nA,1,2\nB,3,4\n", "2019"), "2019", [1, 3])

    def test_the_rule_can_be_overruled(self):
        content = "2019,2020\n1,2\n"
        assert is_read(table(content, "0", header=False), "x", [2019, 1])
        assert is_read(table("7\n1\n2\n", header=True), "7", [1, 2])
        assert is_read(table("1,2\n3,4\n", "2", header=True), "2", [4])
        with pytest.raises(ValueError, match="line 1, got 'u'"):
            table("u\n1\n", header=False)

    def test_a_missing_first_number_is_no_header(self):
        found = table("NA\n1\n2\n", drop_missing=True)
        assert is_read(found, "x", [1, 2])
        assert found.n_missing == 1
        assert is_read(table("NA,w\n1,2\n", "w"), "w", [2])

    def test_names_between_quotes_may_hold_separators(self):
        assert is_read(table('"len, mm";"w"\n1;2\n3;4\n', "len, mm"), "len, mm", [1, 3])
        assert is_read(table('"len; mm","w"\n1,2\n3,4\n', "0"), "len; mm", [1, 3])
        assert is_read(table('"len mm" "w"\n1 2\n3 4\n', "w"), "w", [2, 4])

    def test_units_below_the_header_are_named_with_their_line(self):
        with pytest.raises(ValueError, match=r"line 2, got 'mm' \(if this is a line of units"):
            table("# made up\nlen\nmm\n1\n".replace("# made up\n", ""))
        with pytest.raises(ValueError, match=r"line 3, got 'mm' \(if"):
            table("# made up\nlen\nmm\n1\n")

    def test_a_name_that_occurs_twice_is_not_found_by_its_number(self):
        with pytest.raises(ValueError, match="occur once"):
            table("u,u\n1,2\n", "1")


class TestCells:
    @pytest.mark.parametrize(
        "cell",
        [
            "1_0",
            "\N{ARABIC-INDIC DIGIT ONE}",
            "1\N{ARABIC DECIMAL SEPARATOR}5",
            "0x10",
            "1e5_0",
            "+-1",
            "1.2.3",
            "e5",
            "True",
            "1d5",
        ],
    )
    def test_what_is_no_number_is_refused(self, cell):
        with pytest.raises(ValueError, match="line 3, got"):
            table(f"u\n1\n{cell}\n")

    @pytest.mark.parametrize("cell", ["1.", ".5", "+1e3", "1E-3", "-0", "007"])
    def test_what_is_a_number_is_one(self, cell):
        assert is_read(table(f"u\n1\n{cell}\n"), "u", [1, float(cell)])

    def test_decimal_commas(self):
        assert is_read(table("u;w\n1,5;2\n-3,25;4\n", "u", decimal=","), "u", [1.5, -3.25])
        assert is_read(table("1,5\n2,5\n", decimal=","), "x", [1.5, 2.5])
        with pytest.raises(ValueError, match=r"got '1,5' \(for decimal commas: --decimal ,\)"):
            table("u;w\n1,5;2\n", "u")
        with pytest.raises(ValueError, match=r"got '1\.234,5'"):
            table("u;w\n1.234,5;2\n", "u", decimal=",")

    def test_semicolons_come_before_decimal_commas(self):
        with pytest.raises(ValueError, match="--decimal ,"):
            table("1,5;2,5\n3,5;4,5\n", "0")

    @pytest.mark.parametrize("cell", ["", "NA", "nan", "N/A", "null"])
    def test_missing_numbers_are_counted_or_left_out(self, cell):
        content = f"u,w\n1,2\n{cell},4\n5,6\n{cell},7\n"
        with pytest.raises(
            ValueError, match=r"'u' of a\.csv, line 3, got .*; 2 of 4 are missing, --drop-missing"
        ):
            table(content, "u")
        found = table(content, "u", drop_missing=True)
        assert is_read(found, "u", [1, 5])
        assert found.n_missing == 2
        assert table(content, "w").n_missing == 0

    def test_an_infinite_number_is_not_missing(self):
        with pytest.raises(ValueError, match="line 2, got 'inf'"):
            table("u\ninf\n1\n", drop_missing=True)

    def test_nothing_but_missing_numbers_is_nothing(self):
        with pytest.raises(ValueError, match="got none beside 2 missing"):
            table("u\nNA\nNA\n", drop_missing=True)


class TestLayout:
    def test_comments_keep_the_numbers_of_lines(self):
        content = "# a table, of two\n\nu,w\n1,2\n  # in between\n3,x\n"
        assert is_read(table(content, "u"), "u", [1, 3])
        with pytest.raises(ValueError, match="line 6, got 'x'"):
            table(content, "w")

    @pytest.mark.parametrize("separator", ["|", ";", ",", "\t", "  "])
    def test_separators(self, separator):
        content = "u|w\n1|2\n3|4\n".replace("|", separator)
        assert is_read(table(content, "w"), "w", [2, 4])

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    def test_encodings_by_their_mark(self, encoding):
        assert is_read(table("längë,w\n1,2\n3,4\n".encode(encoding), "längë"), "längë", [1, 3])

    def test_big_endian_too(self):
        raw = codecs.BOM_UTF16_BE + "u\n1\n2\n".encode("utf-16-be")
        assert is_read(table(raw), "u", [1, 2])

    def test_packed_tables(self, tmp_path):
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"u\n1\n2\n"))
        assert is_read(read_table(str(tmp_path / "a.csv.gz")), "u", [1, 2])
        with pytest.raises(ValueError, match=r"\.csv, \.tsv"):
            read_table(str(tmp_path / "a.tar.gz"))

    def test_standard_input_is_read_as_bytes(self, monkeypatch):
        class Stream(io.StringIO):
            buffer = io.BytesIO("ü\n1\n2\n".encode("utf-16"))

        monkeypatch.setattr("sys.stdin", Stream())
        assert is_read(read_table("-"), "ü", [1, 2])

    def test_closed_standard_input_is_named(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", None)
        with pytest.raises(ValueError, match="standard input, which is closed"):
            read_table("-")


class TestNumpy:
    def test_missing_numbers(self, tmp_path):
        np.save(tmp_path / "a.npy", [1.0, np.nan, 2.0])
        with pytest.raises(ValueError, match="1 NaN and 0 infinite of 3"):
            read_table(str(tmp_path / "a.npy"))
        found = read_table(str(tmp_path / "a.npy"), form=Format(drop_missing=True))
        assert (found.values.tolist(), found.n_missing) == ([1.0, 2.0], 1)

    @pytest.mark.parametrize("form", [Format(header=True), Format(decimal=",")])
    def test_options_of_text_are_refused(self, tmp_path, form):
        np.save(tmp_path / "a.npy", [1.0])
        with pytest.raises(ValueError, match="only with text"):
            read_table(str(tmp_path / "a.npy"), form=form)


def test_a_tsv_file_with_a_comma_in_its_name_is_read_back(tmp_path):
    write_columns(str(tmp_path / "a.tsv"), ["u, v"], np.array([1.0, 2.5]))
    assert (tmp_path / "a.tsv").read_text() == "u, v\n1.0\n2.5\n"


SHARED = {
    "plain": ("u,w\n1,0.1\n2,1e-300\n3,5e-324\n4,1.7976931348623157e308\n", "w"),
    "quoted": ('"len, mm";"w"\n"1";2\n3;0.30000000000000004\n', "len, mm"),
    "no header": ("1\t2\n3\t4\n", "1"),
    "blanks": ("u   w\n 1  2\n3 4  \n", "w"),
    "text beside": ("name|w\nann|2\n'bob|3\n", "w"),
    "empty lines": ("\n\nu,w\n\n1,2\n  \n3,4\n\n", "w"),
    "a long name": ('"u\nv",w\n1,2\n3,4\n', "w"),
    "years": ("2019,2020\n1,2\n3,4\n", "2020"),
    "comments": ("# a\nu,w\n# b\n1,2\n", "w"),
    "missing": ("u,w\n1,NA\n2,3\n", "w"),
    "underscore": ("u,w\n1,1_0\n2,3\n", "w"),
    "word": ("u,w\n1,True\n2,3\n", "w"),
    "infinite": ("u,w\n1,1e999\n2,3\n", "w"),
    "hexadecimal": ("u,w\n1,0x10\n2,3\n", "w"),
    "long row": ("u,w\n1,2,3\n", "w"),
    "long rows": ("u,w\n1,2,3\n4,5,6\n", "w"),
    "late long row": ("u,w\n1,2\n4,5,6\n", "w"),
    "short row": ("u,w\n1,2\n4\n", "w"),
    "thousands": ('u,w\n1,"1,000"\n4,5\n', "w"),
    "unclosed": ('u,w\n1,2\n"4,5\n', "w"),
    "after a quote": ('u,w\n1,"2"3\n4,5\n', "w"),
    "carriage returns": ("u,w\r1,2\r3,4\r", "w"),
    "both": ("u,w\r\n1,2\r\n3,4\r\n", "w"),
    "blank numbers": ("u,w\n1, 2\n3,4 \n", "w"),
}


@pytest.mark.parametrize("case", SHARED)
def test_pandas_and_the_small_reader_agree(monkeypatch, case):
    pytest.importorskip("pandas")
    content, column = SHARED[case]

    def outcome():
        try:
            found = table(content, column)
        except ValueError as error:
            return str(error)
        return found.name, found.n_missing, found.values.tolist()

    small = outcome()
    monkeypatch.setattr(text_tables, "_LARGE", 0)
    calls = []
    original = text_tables._by_pandas
    monkeypatch.setattr(text_tables, "_by_pandas", lambda *given: calls.append(1) or original(*given))
    assert outcome() == small
    assert calls or "broken text" in small or "column" in small


@pytest.mark.parametrize("separator", [",", None])
def test_pandas_reads_plain_tables_to_the_last_bit(separator):
    pytest.importorskip("pandas")
    values = np.random.default_rng(0).standard_normal(1000) * 10.0 ** np.arange(-300, 300, 0.6)
    content = "\n".join(f"1{separator or ' '}{value!r}" for value in values.tolist())
    found = text_tables._by_pandas(io.BytesIO(content.encode()), "utf-8", separator, 0, 2, 1)
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
class TestOtherFormats:
    @pytest.fixture
    def frame(self, tmp_path, suffix):
        pandas = pytest.importorskip("pandas")
        pytest.importorskip({".parquet": "pyarrow", ".xlsx": "openpyxl"}[suffix])
        frame = pandas.DataFrame({"u": ["a", "b", "c"], "w": [0.1, None, 2.5], "2020": [1, 2, 3]})
        path = tmp_path / f"a{suffix}"
        frame.to_parquet(path) if suffix == ".parquet" else frame.to_excel(path, index=False)
        return str(path)

    def test_a_column_is_read(self, frame):
        assert is_read(read_table(frame, "2020"), "2020", [1, 2, 3])
        found = read_table(frame, "w", Format(drop_missing=True))
        assert is_read(found, "w", [0.1, 2.5])
        assert found.n_missing == 1
        with pytest.raises(ValueError, match="--drop-missing"):
            read_table(frame, "w")
        with pytest.raises(ValueError, match=r"real numbers|line 2, got 'a'"):
            read_table(frame, "u")

    def test_options_of_text_are_refused(self, frame, suffix):
        with pytest.raises(ValueError, match="--decimal: expected only with text"):
            read_table(frame, "w", Format(decimal=","))
        if suffix == ".parquet":
            with pytest.raises(ValueError, match="--header: expected only with text and workbooks"):
                read_table(frame, "w", Format(header=True))

    def test_a_lack_of_memory_is_no_damage(self, frame, monkeypatch):
        def none_left(*args, **kwargs):
            raise MemoryError

        for reader in ("read_parquet", "read_excel"):
            monkeypatch.setattr(f"pandas.{reader}", none_left)
        with pytest.raises(MemoryError):
            read_table(frame, "w")

    def test_damaged_files_are_refused(self, frame, tmp_path, suffix):
        (tmp_path / f"b{suffix}").write_bytes(b"PK\x03\x04 and more")
        with pytest.raises(ValueError, match=f"b{suffix}"):
            read_table(str(tmp_path / f"b{suffix}"), "w")

    def test_without_pandas_the_message_says_what_to_install(self, tmp_path, monkeypatch, suffix):
        monkeypatch.setitem(sys.modules, "pandas", None)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ValueError, match=f"{suffix} needs pandas"):
            read_table(str(tmp_path / f"a{suffix}"))
