"""The serial number of an Ogg stream, which encoders draw anew each time, made a constant."""

from functools import cache

_POLYNOMIAL = 0x04C11DB7
_SERIAL, _CHECKSUM, _SEGMENTS, _HEADER = 14, 22, 26, 27


def with_serial(data: bytes, serial: int = 0) -> bytes:
    """The same stream under another serial number: equal audio becomes equal bytes (RFC 3533, section 6)."""
    pages, begin = bytearray(data), 0
    while begin < len(pages):
        segments = pages[begin + _SEGMENTS]
        lacing = begin + _HEADER
        end = lacing + segments + sum(pages[lacing : lacing + segments])
        pages[begin + _SERIAL : begin + _SERIAL + 4] = serial.to_bytes(4, "little")
        pages[begin + _CHECKSUM : begin + _CHECKSUM + 4] = bytes(4)
        checksum = _crc(pages[begin:end])
        pages[begin + _CHECKSUM : begin + _CHECKSUM + 4] = checksum.to_bytes(4, "little")
        begin = end
    return bytes(pages)


def _crc(data: bytes | bytearray) -> int:
    table, value = _table(), 0
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return value


@cache
def _table() -> tuple[int, ...]:
    values = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = value << 1 ^ (_POLYNOMIAL if value & 0x80000000 else 0)
        values.append(value & 0xFFFFFFFF)
    return tuple(values)
