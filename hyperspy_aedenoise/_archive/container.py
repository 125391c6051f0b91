"""A zip of one JSON record and of plain arrays, as bytes.

Nothing is believed: the directory of the zip, the sizes it declares, and the headers of
the arrays are looked at before anything of that size is made.
"""

import hashlib
import io
import json
import re
import zipfile
from contextlib import contextmanager

import numpy as np

from hyperspy_aedenoise._archive.refusal import Refused, all_refused
from hyperspy_aedenoise._errors import must_be

#: Name of the record within the archive.
RECORD = "record.json"
#: Unpacked, 1024 x 1024 positions with 24 codes have 214 MB; this is for twice that.
LARGEST = 448 * 2**20
#: Most bytes of the record, levels of brackets in it, and members.
_LARGEST_RECORD, _DEEPEST, _MOST_MEMBERS = 4 * 2**20, 48, 32
#: Bytes of the end of a zip without a comment, and of a directory of few members.
_END, _LARGEST_DIRECTORY = 22, 2**13
#: What every member has instead of the time, so that equal fits give equal bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
#: How NumPy begins a file of plain numbers.
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    r"\{'descr': '([<>|][fiub][1248])', 'fortran_order': (False|True), "
    r"'shape': \(((?:\d{1,12}, ?)*(?:\d{1,12})?)\), \} *\n"
)
#: Most bytes of noisy numbers that are packed: it takes seconds, and gains 7 %.
_WORTHWHILE = 2**20
#: Bytes that are read or written at a time.
_AT_ONCE = 2**20


def packed(record, arrays):
    """The bytes of an archive.

    Parameters
    ----------
    record : dict
        What JSON can hold.
    arrays : dict of ndarray
        Of numbers, by name.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it would be too large to be read again.
    """
    arrays = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    size = sum(array.nbytes for array in arrays.values())
    if size > LARGEST:
        raise ValueError(
            must_be(
                "autoencoder file",
                f"at most {LARGEST / 2**20:.0f} MB large to be read again",
                f"{size / 2**20:.0f} MB",
                "Fit parts of the map (`s.inav`), or fewer latent variables "
                "(`output_dimension`).",
            )
        )
    content, digest = io.BytesIO(), _Digest()
    with _new_zip(content) as archive:
        for name, array in arrays.items():
            size, kind = array.nbytes, array.dtype.kind
            with _written(archive, f"{name}.npy", size, kind) as member:
                member.write(digest.of(name, _header(array)))
                flat = array.reshape(-1).view(np.uint8)
                for start in range(0, flat.size, _AT_ONCE):
                    member.write(digest.more(flat[start : start + _AT_ONCE].data))
        record = record | {"checksum": digest.closed(_canonical(record))}
        text = _canonical(record)
        if len(text) > _LARGEST_RECORD or not _is_shallow(record):
            most = f"a record of at most {_LARGEST_RECORD / 2**20:.0f} MB, not too deep"
            got, advice = f"{len(text) / 2**20:.0f} MB", "Use a model of fewer layers."
            raise ValueError(must_be("autoencoder file", most, got, advice))
        with _written(archive, RECORD, len(text)) as member:
            member.write(text)
    return content.getvalue()


@contextmanager
def _new_zip(content):
    """A zip to be written; what stops that, as Ctrl-C does, comes through as it is.

    To close it while one of its members is open would be an error of another kind.
    """
    archive = zipfile.ZipFile(content, "w")
    try:
        yield archive
    except BaseException:
        archive.fp = None  # then there is nothing to close
        raise
    archive.close()


def _written(archive, name, size, kind=None):
    """A member of a zip to be written, of a kind of numbers."""
    info = zipfile.ZipInfo(name, _NO_TIME)
    info.create_system = 3
    if size <= _WORTHWHILE or kind == "b":
        info.compress_type = zipfile.ZIP_DEFLATED
    info.file_size, info.external_attr = size, 0o600 << 16
    return archive.open(info, "w")


def _header(array):
    """What stands before the numbers in NumPy's files."""
    header = io.BytesIO()
    described = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


class _Digest:
    """A checksum over names and contents of members."""

    def __init__(self):
        self._sum = hashlib.sha256()

    def of(self, name, header):
        """Begin with a member; returns its header."""
        self._sum.update(name.encode() + b"\n")
        return self.more(header)

    def more(self, content):
        """Go on; returns the same bytes."""
        self._sum.update(content)
        return content

    def closed(self, record):
        """The checksum, with a record at the end."""
        self._sum.update(record)
        return self._sum.hexdigest()


def _canonical(record):
    """The one way in which a record is written."""
    return json.dumps(
        record, sort_keys=True, allow_nan=False, separators=(",", ":")
    ).encode()


class Opened:
    """An archive whose record and headers were read, and no array yet.

    Parameters
    ----------
    content : bytes

    Attributes
    ----------
    record : dict
        As it is in the file; nothing is checked but its form.
    headers : dict of tuple
        Data type and shape of each array, by name.
    """

    def __init__(self, content):
        with all_refused(), opened(content) as archive:
            members = {member.filename: member for member in archive.infolist()}
            self.record = _record_in(archive, members.pop(RECORD, None))
            self.headers = {}
            for filename, member in members.items():
                name, _, kind = filename.rpartition(".")
                if kind != "npy":
                    raise Refused(f"the member {filename}")
                with archive.open(member) as file:
                    self.headers[name] = _read_header(file, member)[1:3]
        self._content = content

    def arrays(self):
        """All arrays, by name; the checksum must be right."""
        digest, arrays = _Digest(), {}
        with all_refused(), opened(self._content) as archive:
            for name in sorted(self.headers):
                member = archive.getinfo(f"{name}.npy")
                with archive.open(member) as file:
                    arrays[name] = _read(file, member, name, digest)
            record = dict(self.record)
            if record.pop("checksum", None) != digest.closed(_canonical(record)):
                raise Refused("one that was changed: its checksum is wrong")
        return arrays


@contextmanager
def opened(content, largest=LARGEST + _LARGEST_RECORD):
    """A zip whose directory and sizes may be believed, from its bytes."""
    end = content[-_END:]
    n_members, size = (
        int.from_bytes(end[10:12], "little"),
        int.from_bytes(end[12:16], "little"),
    )
    if len(end) < _END or not end.startswith(b"PK\5\6") or end[20:] != b"\0\0":
        raise Refused("a broken file: no whole archive")
    if n_members > _MOST_MEMBERS or size > _LARGEST_DIRECTORY:
        raise Refused(f"{n_members} members in a directory of {size} bytes")
    if content[-_END - 20 :].startswith(b"PK\6\7"):
        raise Refused("an archive of more than 4 GB")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        names = {member.filename for member in members}
        if len(names) != len(members):
            raise Refused("one with two members of a name")
        for member in members:
            if member.flag_bits & 1:
                raise Refused(f"an encrypted member {member.filename}")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Refused(f"a member {member.filename} of an unknown packing")
        size = sum(member.file_size for member in members)
        if size > largest:
            raise Refused(f"one of {size / 2**20:.0f} MB unpacked")
        yield archive


def json_of(archive, member, most=_LARGEST_RECORD):
    """The text of a JSON member, and what it holds."""
    if member.file_size > most:
        raise Refused(f"{member.file_size / 2**20:.0f} MB of {member.filename}")
    text = archive.read(member)
    try:
        held = json.loads(text)
    except RecursionError:
        raise Refused("JSON that is nested too deeply") from None
    except ValueError as error:
        raise Refused(f"broken JSON ({error})") from None
    if not _is_shallow(held):
        raise Refused("JSON that is nested too deeply")
    return text, held


def _is_shallow(held):
    """Whether there are not too many levels of brackets."""
    level = [held]
    for _ in range(_DEEPEST):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return True
    return False


def _parts(node):
    """What is in a list or dictionary that may hold more."""
    values = node.values() if isinstance(node, dict) else node
    if isinstance(node, (dict, list)):
        yield from (one for one in values if isinstance(one, (dict, list)))


def _record_in(archive, member):
    if member is None:
        raise Refused(f"one without {RECORD}")
    text, record = json_of(archive, member)
    if not isinstance(record, dict):
        raise Refused("a record that is no dictionary")
    try:
        same = _canonical(record) == text
    except ValueError:  # NaN and infinity
        same = False
    if not same:
        raise Refused("a record that was written otherwise")
    return record


def _read_header(file, member):
    """Bytes of an array's header, its data type and shape, and if it is turned."""
    start = file.read(len(_MAGIC) + 2)
    length = int.from_bytes(start[-2:], "little")
    if not start.startswith(_MAGIC) or length > 1024:
        raise Refused(f"a member {member.filename} that is no array")
    text = file.read(length)
    found = _HEADER.fullmatch(text.decode("latin1"))
    if not found:
        raise Refused(f"an array {member.filename} of another kind")
    dtype = np.dtype(found[1])
    shape = tuple(int(one) for one in found[3].split(",") if one.strip())
    header = start + text
    n_values = 1
    for length in shape:
        n_values *= length
    if len(shape) > 8 or member.file_size != len(header) + n_values * dtype.itemsize:
        raise Refused(f"an array {member.filename} of another size than it says")
    return header, dtype, shape, found[2] == "True"


def array_in(archive, member):
    """The array of a member, in native byte order."""
    with archive.open(member) as file:
        return _read(file, member, member.filename, _Digest())


def _read(file, member, name, digest):
    header, dtype, shape, turned = _read_header(file, member)
    digest.of(name, header)
    array = np.empty(shape[::-1] if turned else shape, dtype)
    raw = array.reshape(-1).view(np.uint8)
    start = 0
    while start < raw.size:
        part = file.read(min(_AT_ONCE, raw.size - start))
        if not part:
            raise Refused(f"a broken {member.filename}: it ends early")
        raw[start : start + len(part)] = np.frombuffer(part, np.uint8)
        digest.more(part)
        start += len(part)
    if file.read(1):
        raise Refused(f"a broken {member.filename}: it goes on")
    if dtype.kind == "b" and raw.size and raw.max() > 1:
        raise Refused(f"a broken {member.filename}: neither true nor false")
    array = array.astype(dtype.newbyteorder("="), copy=False)
    return array.T if turned else array
