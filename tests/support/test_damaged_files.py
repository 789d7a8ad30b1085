"""Damaged, foreign and lying files: a ValueError that says what is wrong, in bounded memory.

``CONVEXSCORE_FUZZ=50`` tries fifty times as many mutations.
"""

import gzip
import io
import json
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.tables import Format, read_table

MANY = int(os.environ.get("CONVEXSCORE_FUZZ", "1"))
LIMIT = 200e6

NETWORK = cs.TwoLayerNetwork([[1.0], [-1.0]], [0.5, 0.25], [[-2.0, 1.0]], [0.5], [[-1.0]], activation="abs")
GATED = cs.GatedNetwork([[-1.0]], [0.0], [[1.0]], [0.0], [[0.0]], gates=[[1.0]], gate_offsets=[0.0])


def load(path):
    return cs.TwoLayerNetwork.load(path)


def load_gated(path):
    return cs.GatedNetwork.load(path)


def read(path):
    return read_table(str(path), form=Format(drop_missing=True))


def read_first(path):
    return read_table(str(path), "0")


def saved(network):
    names = [
        "W1",
        "b1",
        "W2",
        "b2",
        "V",
        *(["gates", "gate_offsets"] if network is GATED else ["right_derivative"]),
    ]
    kind = "GatedNetwork" if network is GATED else "TwoLayerNetwork"
    header = {"kind": f"convexscore.{kind}", "version": 1, "activation": network.activation}
    stream = io.BytesIO()
    np.savez(stream, header=np.array(json.dumps(header)), **{name: getattr(network, name) for name in names})
    return stream.getvalue()


def array_bytes(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive_bytes(method=zipfile.ZIP_DEFLATED, **members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npy(header, content=b"", version=1):
    """An NPY file with any text as its header."""
    text = header.encode("latin-1") + b"\n"
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + struct.pack("<H" if version == 1 else "<I", len(text))
        + text
        + content
    )


def fields(shape="(4,)", descr="'<f8'", fortran="False"):
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


TABLE = b"u,w\n" + b"".join(b"%d,%r\n" % (i, i / 7) for i in range(40))
SOURCES = {
    "model.npz": (saved(NETWORK), load),
    "gated.npz": (saved(GATED), load_gated),
    "table.npy": (array_bytes(np.arange(20.0)), read),
    "table.npz": (archive_bytes(x=array_bytes(np.arange(50.0)), y=array_bytes(np.arange(3))), read_first),
    "table.csv": (TABLE, read_first),
    "table.csv.gz": (gzip.compress(TABLE, mtime=0), read_first),
    "utf16.csv": (TABLE.decode().encode("utf-16"), read_first),
}


def truncate(content, rng):
    return content[: rng.integers(len(content))]


def flip(content, rng):
    damaged = bytearray(content)
    for place in rng.integers(len(content), size=rng.integers(1, 6)):
        damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def splice(content, rng):
    """Cut a piece out, or put a piece of this or another file in."""
    other = list(SOURCES.values())[rng.integers(len(SOURCES))][0]
    start, stop = np.sort(rng.integers(len(other), size=2))
    place, after = np.sort(rng.integers(len(content), size=2))
    return content[:place] + other[start:stop] + content[after:]


def lie(content, rng):
    """Overwrite a few bytes, as fields of sizes are, with extreme numbers."""
    place, width = rng.integers(len(content)), (1, 2, 4, 8)[rng.integers(4)]
    extreme = (b"\xff", b"\x00", b"\x7f", b"9")[rng.integers(4)] * int(width)
    return content[:place] + extreme + content[place + width :]


TOKENS = [
    "nan",
    "inf",
    "-",
    "",
    '"',
    "1_0",
    "1e999",
    "0x1",
    "9" * 5000,
    "\0",
    "\ud7ff",
    "1,2",
    "#",
    "1e-400",
    "\t",
]
SHAPES = ["()", "(0,)", "(-1,)", f"({2**63},)", f"(0, {2**62})", "(1.0,)", "(2, 2)", "[4]", "None", "(" * 90]
DESCRS = [
    "'<f8'",
    "'>f4'",
    "'|O'",
    "'|V8'",
    "'<c16'",
    "'<M8[s]'",
    "'<U9'",
    "[('a', '<f8')]",
    "7",
    "'f'",
    "'<f16'",
]


def relabel(content, rng):
    """Say something else about what is there, where it is said: intact but for that."""
    if content[:2] == b"PK":
        names, members = members_of(content)
        chosen = names[rng.integers(len(names))]
        return archive_bytes(**(members | {chosen: relabel(members[chosen], rng)}))
    if content[:6] == b"\x93NUMPY":
        shape, descr = (list_[rng.integers(len(list_))] for list_ in (SHAPES, DESCRS))
        return npy(fields(shape, descr), content[-int(rng.integers(1, 99)) :], int(rng.integers(4)))
    if content[:2] == b"\x1f\x8b":
        return gzip.compress(relabel(gzip.decompress(content), rng), mtime=0)
    cells = content.split(b",")
    cells[rng.integers(len(cells))] = TOKENS[rng.integers(len(TOKENS))].encode()
    return b",".join(cells)


def swell(content, rng):
    """Put far more there than its size lets expect."""
    count = 2 ** int(rng.integers(20, 27))
    if content[:2] == b"PK":
        names, members = members_of(content)
        chosen, width = names[rng.integers(len(names))], int(rng.integers(1, 9))
        zeros = npy(fields(f"({count // width},)", f"'|S{width}'" if width < 8 else "'<f8'"), bytes(count))
        return archive_bytes(**(members | {chosen: zeros}))
    if content[:6] == b"\x93NUMPY":
        return npy(fields(f"({count},)"), content[80:])
    if content[:2] == b"\x1f\x8b":
        # Numbers a line would be read, for minutes: more than the reader unpacks, or next to none.
        return gzip.compress(gzip.compress(bytes(count), 1) if rng.integers(2) else b"1\n" * 2**24, 1)
    return content + (b",", b"1", b'"', b"1,", b"\0")[rng.integers(5)] * (count // 64)


def members_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    return list(members), members


def twice(content, rng):
    """Damage what is damaged already."""
    for _ in range(int(rng.integers(2, 5))):
        mutate = (truncate, flip, splice, lie)[rng.integers(4)]
        content = mutate(content, rng) if len(content) else content
    return content


def peak_of(read, path):
    """Read a file that may be refused; return the peak of memory, and the message if there is one."""
    tracemalloc.start()
    try:
        read(path)
        message = None
    except ValueError as error:
        message = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak, message


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("mutate", [truncate, flip, splice, lie, relabel, swell, twice])
def test_a_mutation_is_read_or_refused(tmp_path, name, mutate):
    content, read = SOURCES[name]
    rng = np.random.default_rng([len(name), *mutate.__name__.encode()])
    path = tmp_path / name
    for _ in range((2 if mutate is swell else 8) * MANY):
        path.write_bytes(mutate(content, rng))
        peak, message = peak_of(read, path)
        assert peak < LIMIT
        assert message is None or len(message) < 2000
        assert message != ""


LIES = {
    "an unclosed header": npy("{'descr': '<f8', 'shape': (4,"),
    "an unclosed quote": npy("{'descr': '<f8"),
    "a shape of 2**70": npy(fields(f"({2**70},)")),
    "no entries of 2**70": npy(fields(f"(0, {2**70})")),
    "a shape of digits": npy(fields("(" + "9" * 5000 + ",)")),
    "a negative shape": npy(fields("(-1,)"), bytes(32)),
    "a shape of booleans": npy(fields("(True,)"), bytes(8)),
    "a shape of fractions": npy(fields("(4.0,)"), bytes(32)),
    "a shape that is no tuple": npy(fields("4"), bytes(32)),
    "more dimensions than there are": npy(fields("(" + "1," * 65 + ")"), bytes(8)),
    "a nested header": npy("(" * 3000 + ")" * 3000),
    "a header that is a list": npy("[1, 2]"),
    "a header without fields": npy("{}"),
    "a call in a header": npy("__import__('os').getcwd()"),
    "an unknown dtype": npy(fields(descr="'<f3'"), bytes(32)),
    "a nameless dtype": npy(fields(descr="7"), bytes(32)),
    "a dtype of fields": npy(fields(descr="[('a', '<f8')]"), bytes(32)),
    "Python objects": npy(fields(descr="'|O'"), bytes(32)),
    "empty entries": npy(fields(f"({10**15},)", descr="'<U0'")),
    "a wide entry": npy(fields("(1,)", descr="'<U999999999'")),
    "a long header": npy(fields() + " " * 20_000, bytes(32)),
    "a header of 4 GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    "an unknown version": npy(fields(), bytes(32), version=9),
    "fewer numbers than promised": npy(fields(), bytes(31)),
    "more numbers than promised": npy(fields(), bytes(33)),
}


@pytest.mark.parametrize("case", LIES)
def test_a_lying_array_is_refused_wherever_it_is(tmp_path, case):
    (tmp_path / "a.npy").write_bytes(LIES[case])
    (tmp_path / "a.npz").write_bytes(archive_bytes(x=LIES[case]))
    with zipfile.ZipFile(io.BytesIO(saved(NETWORK))) as archive:
        members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    (tmp_path / "m.npz").write_bytes(archive_bytes(**(members | {"b1": LIES[case]})))
    (tmp_path / "h.npz").write_bytes(archive_bytes(**(members | {"header": LIES[case]})))
    for reader, name in ((read, "a.npy"), (read, "a.npz"), (load, "m.npz"), (load, "h.npz")):
        peak, message = peak_of(reader, tmp_path / name)
        assert message is not None
        assert name in message
        assert peak < 20e6


def bomb(count=2**27):
    """A member of zeros, packed a thousand to one, with an honest header."""
    stream = io.BytesIO()
    archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("b1.npy", "w", force_zip64=True) as member:
        member.write(npy(fields(f"({count},)")))
        for _ in range(count // 2**20):
            member.write(bytes(2**23))
    return stream.getvalue()


@pytest.fixture(scope="module")
def packed_zeros():
    return bomb()


@pytest.mark.parametrize("name", ["model.npz", "table.npz"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, packed_zeros, name):
    """1 MB that unpacks to 1 GB."""
    assert len(packed_zeros) < 1.2e6
    with zipfile.ZipFile(io.BytesIO(saved(NETWORK))) as archive:
        others = {member: archive.read(member) for member in archive.namelist() if member != "b1.npy"}
    path = tmp_path / name
    path.write_bytes(packed_zeros)
    if name == "model.npz":
        with zipfile.ZipFile(path, "a") as archive:
            for member, content in others.items():
                archive.writestr(member, content)
    peak, message = peak_of(load if name == "model.npz" else read, path)
    assert "too much for a file of its size" in message
    assert peak < 20e6


def test_many_small_bombs_are_one_large_one(tmp_path):
    zeros = np.zeros((2**21, 1))
    members = {"W1": zeros, "b1": zeros[:, 0], "W2": zeros.T, "b2": np.zeros(1), "V": np.zeros((1, 1))}
    members["right_derivative"] = np.zeros(2**21, dtype=bool)
    header = {"kind": "convexscore.TwoLayerNetwork", "version": 1, "activation": "relu"}
    np.savez_compressed(tmp_path / "m.npz", header=np.array(json.dumps(header)), **members)
    peak, message = peak_of(load, tmp_path / "m.npz")
    assert "too much" in message
    assert peak < LIMIT


def test_a_packed_table_that_unpacks_to_more_is_refused(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1\n2\n" * 2**26, compresslevel=1))
    peak, message = peak_of(read, tmp_path / "a.csv.gz")
    assert "unpack it first" in message
    assert peak < LIMIT


def test_only_the_array_that_is_asked_for_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", array_bytes(np.arange(3.0)))
        archive.writestr("other.txt", b"no array")
        archive.writestr("y.npy", LIES["an unclosed header"])
    assert read_table(str(tmp_path / "a.npz"), "x").values.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(tmp_path, method):
    (tmp_path / "a.npz").write_bytes(archive_bytes(method, x=array_bytes(np.arange(3.0))))
    with pytest.raises(ValueError, match="NumPy never uses"):
        read(tmp_path / "a.npz")


def test_members_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", array_bytes(np.arange(3.0)))
        archive.writestr("x", array_bytes(np.arange(4.0)))
    with pytest.raises(ValueError, match="several members"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i4", "|b1", "|u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_numpy_writes_is_read(tmp_path, dtype, order):
    table = np.asarray([[0, 1], [1, 0], [1, 1]], dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", table)
    np.savez_compressed(tmp_path / "a.npz", x=table[:, 1])
    assert read_table(str(tmp_path / "a.npy"), "1").values.tolist() == [1.0, 0.0, 1.0]
    assert read_table(str(tmp_path / "a.npz")).values.tolist() == [1.0, 0.0, 1.0]


VERSIONS = [0, -1, float("nan"), float("inf"), True, "1", 1.0, None, [1]]


@pytest.mark.parametrize("version", VERSIONS, ids=repr)
def test_a_version_that_is_none_is_refused(tmp_path, version):
    header = {"kind": "convexscore.TwoLayerNetwork", "version": version, "activation": "relu"}
    assert_header_refused(tmp_path, json.dumps(header), "version")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[" * 5000, "nested"),
        ('{"kind": "convexscore.TwoLayerNetwork", "version": 1, "activation": ["relu"]}', "activation"),
        ('{"kind": ["convexscore.TwoLayerNetwork"], "version": 1, "activation": "relu"}', "kind"),
        ("7", "names nothing"),
        ("{", "something else"),
        (" " * 10**6, "too much"),
    ],
    ids=["nested", "activation", "kind", "number", "unclosed", "long"],
)
def test_a_header_of_another_kind_is_refused(tmp_path, text, word):
    assert_header_refused(tmp_path, text, word)


def assert_header_refused(directory, text, word):
    names = ("W1", "b1", "W2", "b2", "V", "right_derivative")
    arrays = {name: getattr(NETWORK, name) for name in names}
    np.savez_compressed(directory / "m.npz", header=np.array(text), **arrays)
    with pytest.raises(ValueError, match=rf"m\.npz.*{word}"):
        load(directory / "m.npz")


@pytest.mark.parametrize("text", [["{}", "{}"], 3.0])
def test_a_header_that_is_no_text_is_refused(tmp_path, text):
    assert_header_refused(tmp_path, text, "header is no text")


def test_a_kink_convention_of_words_is_refused(tmp_path):
    arrays = {name: getattr(NETWORK, name) for name in ("W1", "b1", "W2", "b2", "V")}
    header = {"kind": "convexscore.TwoLayerNetwork", "version": 1, "activation": "abs"}
    words = np.array(["False", "False"])
    np.savez(tmp_path / "m.npz", header=np.array(json.dumps(header)), right_derivative=words, **arrays)
    with pytest.raises(ValueError, match=r"m\.npz.*right_derivative"):
        load(tmp_path / "m.npz")


@pytest.mark.parametrize("reader", [load, read])
def test_missing_files_and_directories_are_what_they_are(tmp_path, reader):
    (tmp_path / "d.npz").mkdir()
    with pytest.raises(FileNotFoundError):
        reader(tmp_path / "none.npz")
    with pytest.raises(IsADirectoryError):
        reader(tmp_path / "d.npz")
