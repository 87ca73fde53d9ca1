# SPDX-License-Identifier: MIT
"""What a disk may hold after a power cut, made of the notes of tests/faults/power_loss.c.

Of a file, what was written before its last sync is there. Of what came after, any blocks may be, in
any order, with zeros where one is not, and cutting and growing as well. Of the names in a folder, what
was done before the folder's last sync is there, and of what came after, the first few, as journals keep
their order. As ext4, XFS and btrfs do, syncing a file keeps its name as well, except under a folder
named in `strict`, where only syncing the folder does.
"""
import os
import pathlib
import shutil
import struct

from .weir import BIN

HEAD = struct.Struct("=cIQI")
BLOCK = 4096


class Disk:
    """The files of one folder, and the environment by which a process has them watched."""

    def __init__(self, folder, log, strict=()):
        self.folder, self.log = pathlib.Path(folder), pathlib.Path(log)
        self.strict = tuple(str(self.folder / name) for name in strict)
        library = os.environ.get("WEIR_POWER_LOSS") or BIN.parents[1] / "tests/power_loss.so"
        self.env = {"LD_PRELOAD": str(library), "POWER_LOSS_DIR": str(self.folder),
                    "POWER_LOSS_LOG": str(self.log),
                    # AddressSanitizer wants to be first; in second place it finds as much.
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        self.begin()

    def begin(self):
        """What is there now is on the disk."""
        self.log.unlink(missing_ok=True)
        self.files, self.folders = {}, {str(self.folder)}
        for path in self.folder.rglob("*"):
            if path.is_dir():
                self.folders.add(str(path))
            else:
                self.files[str(path)] = path.read_bytes()

    def entries(self):
        data = self.log.read_bytes() if self.log.exists() else b""
        at = 0
        while at + HEAD.size <= len(data):
            kind, number_id, number, size = HEAD.unpack_from(data, at)
            at += HEAD.size
            if at + size > len(data):
                return
            yield kind.decode(), number_id, number, data[at:at + size]
            at += size

    def cut(self, random, keep=None):
        """The power fails, the process is dead: the folder becomes what may be left. `keep` is the
        share of what was not synced that is kept; None = another one for each file and folder."""
        state = Remains(self, list(self.entries()))
        files, folders = state.choose(random, keep)
        shutil.rmtree(self.folder)
        for folder in sorted(folders):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        for path, content in files.items():
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, 0o600)
        self.begin()


class Remains:
    def __init__(self, disk, entries):
        self.disk, self.names, self.writes = disk, [], {}
        self.base, self.synced, self.folder_synced = {}, {}, {}
        seen = {}  # path -> id, as the process had it
        for at, (kind, file, number, data) in enumerate(entries):
            if kind == "o":
                path = data.decode()
                if number:
                    self.base[file] = b""
                    self.names.append((at, "create", path, file))
                elif file not in self.base:
                    self.base[file] = disk.files[path]
                    seen[path] = file
            elif kind in "wt":
                self.writes.setdefault(file, []).append((at, kind, number, data))
            elif kind == "s":
                self.synced[file] = at
            elif kind == "d":
                self.folder_synced[data.decode()] = at
            elif kind == "u":
                self.names.append((at, "unlink", data.decode(), None))
            elif kind == "r":
                self.names.append((at, "rename", *data.decode().split("\0")))
            elif kind == "m":
                self.names.append((at, "mkdir", data.decode(), None))
        self.start = {path: seen.get(path) for path in disk.files}

    def is_kept(self, event):
        at, what, path, file = event
        if at <= self.folder_synced.get(os.path.dirname(path), -1):
            return True
        return what == "create" and not path.startswith(self.disk.strict or "\0") and \
            self.synced.get(file, -1) > at

    def choose(self, random, keep):
        share = {}
        for event in self.names:
            parent = os.path.dirname(event[2])
            if not self.is_kept(event):
                share.setdefault(parent, []).append(event)
        dropped = set()
        for events in share.values():
            kept = random.random() if keep is None else keep
            dropped.update(events[round(kept * len(events)):])
        now, folders = dict(self.start), set(self.disk.folders)
        for event in self.names:
            if event in dropped:
                continue
            _, what, path, other = event
            if what == "mkdir":
                folders.add(path)
            elif what == "create":
                now[path] = other
            elif what == "unlink":
                now.pop(path, None)
            elif path in now:
                now[other] = now.pop(path)
        return {path: self.content(path, file, random, keep) for path, file in now.items()
                if os.path.dirname(path) in folders}, folders

    def content(self, path, file, random, keep):
        if file is None:
            return self.disk.files[path]
        kept = random.choice([0, 0.5, 1]) if keep is None else keep
        data = bytearray(self.base[file])
        for at, kind, number, written in self.writes.get(file, ()):
            if kind == "t":
                if at <= self.synced.get(file, -1) or random.random() < kept:
                    data[number:] = b"\0" * (number - len(data))
                continue
            for block in self.blocks(number, written):
                if at <= self.synced.get(file, -1) or random.random() < kept:
                    offset, piece = block
                    data.extend(b"\0" * (offset - len(data)))
                    data[offset:offset + len(piece)] = piece
        return bytes(data)

    @staticmethod
    def blocks(offset, data):
        """The write as the disk sees it: cut where its blocks are."""
        at = 0
        while at < len(data):
            size = min(BLOCK - (offset + at) % BLOCK, len(data) - at)
            yield offset + at, data[at:at + size]
            at += size
