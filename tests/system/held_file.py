"""held_file: a file that does not answer, until the test says so.

In:    its path; root, and a kernel that asks about opens and reads (fanotify), else the test is skipped.
Out:   who opens one, or reads it, waits, in the kernel; `wait` for one that does, let it go on.
Never: a touch of the file from the test itself while it is held.
"""

import ctypes
import os
import select
import struct

import pytest

OPENS, READS = 0x10000, 0x20000
_CLASS_CONTENT, _CLOEXEC, _MARK_ADD, _ALLOW = 4, 1, 1, 1
_EVENT = struct.Struct("=IBBHQii")  # size, version, -, size of this, what, descriptor, process
_libc = ctypes.CDLL(None, use_errno=True)


class Holder:
    """A context manager; its end lets everybody go."""

    def __init__(self, path, what=OPENS):
        self._queue = _libc.fanotify_init(_CLASS_CONTENT | _CLOEXEC, os.O_RDONLY)
        if self._queue < 0:
            pytest.skip("needs to be root, to hold files")
        if _libc.fanotify_mark(self._queue, _MARK_ADD, ctypes.c_uint64(what), -100, os.fsencode(path)) != 0:
            self.close()
            pytest.skip("this kernel asks nobody about files")

    def wait(self, timeout=30):
        """Until somebody opens or reads it, and waits."""
        assert select.select([self._queue], [], [], timeout)[0], f"nobody came in {timeout} s"
        *_, held, _ = _EVENT.unpack(os.read(self._queue, _EVENT.size))
        return held

    def let_go(self, held):
        os.write(self._queue, struct.pack("=iI", held, _ALLOW))
        os.close(held)

    def close(self):
        os.close(self._queue)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
