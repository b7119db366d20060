"""carve.py DIR: writes every BPF object embedded in the binaries named on standard input to DIR/NAME.bpf.o."""
import os
import struct
import sys

EM_BPF, ET_REL, SHT_NOBITS = 247, 1, 8

def end_of_object(blob, at):
    """Where the ELF file that begins at `at` ends: its section headers or its last section, whichever is later."""
    shoff, = struct.unpack_from("<Q", blob, at + 40)
    size, num = struct.unpack_from("<HH", blob, at + 58)
    end = shoff + size * num
    for i in range(num):
        kind, = struct.unpack_from("<I", blob, at + shoff + i * size + 4)
        offset, length = struct.unpack_from("<QQ", blob, at + shoff + i * size + 24)
        if kind != SHT_NOBITS:
            end = max(end, offset + length)
    return at + end

for path in sys.stdin.read().split():
    if not os.path.isfile(path):
        continue
    with open(path, "rb") as f:
        blob = f.read()
    at, n = 1, 0
    while (at := blob.find(b"\x7fELF\x02\x01\x01", at)) >= 0:
        if struct.unpack_from("<HH", blob, at + 16) == (ET_REL, EM_BPF):
            name = os.path.basename(path).removeprefix("bpf-") + ("" if n == 0 else f".{n}")
            with open(f"{sys.argv[1]}/{name}.bpf.o", "wb") as out:
                out.write(blob[at:end_of_object(blob, at)])
            n += 1
        at += 1
