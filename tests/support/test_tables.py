"""Columns of numbers in and out."""

import io

import numpy as np
import pytest

from convexscore._support.tables import read_column, write_columns

NUMBERS = [0.5, 1.5, -2.0, 3.25]
LINES = "\n".join(map(str, NUMBERS))


@pytest.fixture
def file(tmp_path):
    """Write a file and return its name."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


class TestText:
    @pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a.dat", "A.CSV"])
    @pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
    def test_one_column_without_header_is_called_x(self, file, name, ending):
        label, values = read_column(file(name, LINES + ending))
        assert label == "x"
        np.testing.assert_array_equal(values, NUMBERS)

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            ("u,w\n1,0.5\n2,1.5\n", "commas"),
            ("u\tw\n1\t0.5\n2\t1.5\n", "tabs"),
            ("u;w\n1;0.5\n2;1.5\n", "semicolons"),
            ("u  w\n1  0.5\n2   1.5\n", "blanks"),
            ('"u","w"\r\n1,0.5\r\n2,1.5\r\n', "quotes and CRLF"),
            (" u , w \n 1 , 0.5 \n\n 2 , 1.5 \n", "padded, with an empty line"),
            ("\ufeffu,w\n1,0.5\n2,1.5\n", "byte-order mark"),
            ("u,w\n1,5e-1\n2,+1.5", "exponents, no final newline"),
        ],
        ids=lambda value: value if "\n" not in value else "",
    )
    @pytest.mark.parametrize("column", ["w", "1"])
    def test_a_column_is_found_by_name_and_by_number(self, file, content, kind, column):
        label, values = read_column(file("a.csv", content), column)
        assert label == "w"
        np.testing.assert_array_equal(values, [0.5, 1.5])

    def test_a_header_alone_names_a_single_column(self, file):
        assert read_column(file("a.csv", "minutes\n1\n2\n"))[0] == "minutes"

    def test_other_columns_need_not_be_numbers(self, file):
        _, values = read_column(file("a.csv", "name,w\nann,0.5\nbob,2\n"), "w")
        np.testing.assert_array_equal(values, [0.5, 2.0])

    def test_standard_input_is_text(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("x\n1\n2\n"))
        label, values = read_column("-")
        assert label == "x"
        np.testing.assert_array_equal(values, [1.0, 2.0])

    @pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "NaN", "1e999", "abc", "1,5"])
    def test_a_bad_cell_is_named_with_its_line(self, file, cell):
        with pytest.raises(ValueError, match=r"column 'u' of .*a\.csv, line 3, got"):
            read_column(file("a.csv", f'u;w\n1;2\n"{cell}";4\n'), "u")

    def test_empty_lines_count_as_lines(self, file):
        with pytest.raises(ValueError, match="line 5, got 'nan'"):
            read_column(file("a.csv", "x\n1\n\n2\nnan\n"))

    @pytest.mark.parametrize("row", ["3", "3,"])
    def test_a_short_row_or_empty_cell_is_named_with_its_line(self, file, row):
        with pytest.raises(ValueError, match="line 3, got an empty cell"):
            read_column(file("a.csv", f"u,w\n1,2\n{row}\n"), "w")

    @pytest.mark.parametrize("content", ["", "\n\n", "  \n", "\ufeff"])
    def test_an_empty_file_is_refused(self, file, content):
        with pytest.raises(ValueError, match="empty table"):
            read_column(file("a.csv", content))

    def test_a_header_without_rows_is_refused(self, file):
        with pytest.raises(ValueError, match="got none"):
            read_column(file("a.csv", "x\n"))

    def test_an_ambiguous_column_lists_the_choices(self, file):
        with pytest.raises(ValueError, match=r"--column: expected one of u, w in .*, got none"):
            read_column(file("a.csv", "u,w\n1,2\n"))

    @pytest.mark.parametrize("column", ["z", "2", "-1", "1.0", "", "²"])
    def test_an_unknown_column_is_refused(self, file, column):
        with pytest.raises(ValueError, match=r"--column|invalid literal"):
            read_column(file("a.csv", "u,w\n1,2\n"), column)

    def test_bytes_that_are_no_text_are_refused(self, file):
        with pytest.raises(ValueError, match="UTF-8"):
            read_column(file("a.csv", b"x\n\xff\xfe\n"))

    def test_an_unknown_suffix_is_refused(self, file):
        with pytest.raises(ValueError, match=r"\.csv, \.tsv"):
            read_column(file("a.xls", "x\n1\n"))

    def test_a_missing_file_is_file_not_found(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            read_column(str(tmp_path / "none.csv"))

    def test_lone_carriage_returns_are_read_or_refused(self, file):
        try:
            _, values = read_column(file("a.csv", "u,w\r1,2\r3,4\r"), "w")
        except ValueError:
            return
        np.testing.assert_array_equal(values, [2.0, 4.0])

    def test_a_quote_that_never_closes_is_refused(self, file):
        with pytest.raises(ValueError, match="data"):
            read_column(file("a.csv", 'u,w\n"1,' + "2,3\n" * 50_000), "w")

    def test_a_byte_order_mark_on_standard_input_costs_no_number(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("\ufeff1.5\n2\n3\n"))
        np.testing.assert_array_equal(read_column("-")[1], [1.5, 2.0, 3.0])

    @pytest.mark.parametrize(
        ("name", "content"),
        [("a.txt", "x\n1 3.6\n2 1.8\n"), ("a.csv", "u,w\n1,3.6,9\n2,1.8,9\n")],
        ids=["R row names", "one cell too many"],
    )
    def test_rows_longer_than_the_header_are_refused(self, file, name, content):
        with pytest.raises(ValueError, match="line 2"):
            read_column(file(name, content), "0")

    def test_an_empty_first_header_cell_shifts_nothing(self, file):
        _, values = read_column(file("a.tsv", "\tw\n0\t1.5\n1\t2.5\n"), "w")
        np.testing.assert_array_equal(values, [1.5, 2.5])

    def test_a_repeated_column_name_is_ambiguous(self, file):
        with pytest.raises(ValueError, match="--column"):
            read_column(file("a.csv", "u,u\n1,2\n"), "u")


class TestNumpy:
    @pytest.mark.parametrize("shape", [(4,), (4, 1)])
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_an_array_file_is_one_column(self, tmp_path, shape, dtype):
        np.save(tmp_path / "a.npy", np.array(NUMBERS, dtype).reshape(shape))
        label, values = read_column(str(tmp_path / "a.npy"))
        assert label == "x"
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, NUMBERS)

    def test_a_table_needs_a_column_number(self, tmp_path):
        np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2))
        np.testing.assert_array_equal(read_column(str(tmp_path / "a.npy"), "1")[1], [1.0, 3.0, 5.0])
        with pytest.raises(ValueError, match="expected one of 0, 1"):
            read_column(str(tmp_path / "a.npy"))
        with pytest.raises(ValueError, match="got '2'"):
            read_column(str(tmp_path / "a.npy"), "2")

    def test_an_archive_with_one_array_needs_no_name(self, tmp_path):
        np.savez(tmp_path / "a.npz", speed=NUMBERS)
        label, values = read_column(str(tmp_path / "a.npz"))
        assert label == "speed"
        np.testing.assert_array_equal(values, NUMBERS)

    @pytest.mark.parametrize("column", ["w", "1"])
    def test_an_archive_with_more_needs_a_name_or_number(self, tmp_path, column):
        np.savez(tmp_path / "a.npz", u=[9.0], w=np.array(NUMBERS)[:, None])
        np.testing.assert_array_equal(read_column(str(tmp_path / "a.npz"), column)[1], NUMBERS)
        with pytest.raises(ValueError, match="expected one of u, w"):
            read_column(str(tmp_path / "a.npz"))

    @pytest.mark.parametrize("shape", [(), (2, 2, 2), (0,)])
    def test_other_shapes_are_refused(self, tmp_path, shape):
        np.save(tmp_path / "a.npy", np.zeros(shape))
        np.savez(tmp_path / "a.npz", x=np.zeros(shape))
        for name in ("a.npy", "a.npz"):
            with pytest.raises(ValueError, match="data: expected"):
                read_column(str(tmp_path / name))

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_numbers_that_are_not_finite_are_counted(self, tmp_path, bad):
        np.save(tmp_path / "a.npy", [1.0, bad, bad])
        with pytest.raises(ValueError, match=r"2 (NaN|infinite).*flat index 1|got 0 NaN and 2 infinite"):
            read_column(str(tmp_path / "a.npy"))

    def test_text_in_an_array_is_refused(self, tmp_path):
        np.save(tmp_path / "a.npy", np.array(["a", "b"]))
        with pytest.raises(ValueError, match="real numbers"):
            read_column(str(tmp_path / "a.npy"))

    def test_pickles_are_never_opened(self, tmp_path):
        np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match="allow_pickle"):
            read_column(str(tmp_path / "a.npy"))

    @pytest.mark.parametrize("name", ["a.npy", "a.npz"])
    @pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY", b"PK\x03\x04"])
    # NumPy leaves an archive that it cannot open to the garbage collector.
    @pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
    def test_damaged_files_are_refused(self, file, name, content):
        with pytest.raises(ValueError, match="damaged"):
            read_column(file(name, content))

    def test_a_damaged_array_inside_an_archive_is_refused(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, x=np.arange(50.0))
        content = bytearray(path.read_bytes())
        content[300] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged"):
            read_column(str(path))


class TestWriting:
    @pytest.mark.parametrize("name", ["out.csv", "out.txt", "out.npy", "OUT.NPY"])
    def test_what_is_written_is_read_back_bit_for_bit(self, tmp_path, name):
        numbers = np.array([0.1, 1 / 3, 1e-300, -1.7976931348623157e308, 5e-324])
        write_columns(str(tmp_path / name), ["w"], numbers)
        np.testing.assert_array_equal(read_column(str(tmp_path / name))[1], numbers)
        assert [path.name for path in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize("target", [None, "-"])
    def test_no_target_is_standard_output(self, capsys, target):
        write_columns(target, ["w"], np.array([1.0, 2.5]))
        assert capsys.readouterr().out == "w\n1.0\n2.5\n"

    def test_a_name_with_a_comma_is_quoted(self, tmp_path):
        write_columns(str(tmp_path / "a.csv"), ["u, v"], np.array([1.0, 2.0]))
        assert (tmp_path / "a.csv").read_text().startswith('"u, v"\n')
