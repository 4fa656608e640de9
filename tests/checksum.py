"""The checksum of snapshots and chunks, after its specification: XXH64."""

import struct

WORD = 2**64 - 1


def xxh64(data):
    """Return the checksum of some bytes."""
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

    def rotl(value, bits):
        return ((value << bits) | (value >> (64 - bits))) & WORD

    def turn(lane, word):
        return rotl((lane + word * p2) & WORD, 31) * p1 & WORD

    lanes = [(p1 + p2) & WORD, p2, 0, -p1 & WORD]
    whole = len(data) // 32 * 32
    for at in range(0, whole, 32):
        words = struct.unpack_from("<4Q", data, at)
        lanes = [turn(lane, word) for lane, word in zip(lanes, words, strict=True)]
    found = p5
    if len(data) >= 32:
        found = sum(rotl(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True))
        for lane in lanes:
            found = ((found & WORD) ^ turn(0, lane)) * p1 + p4
    found = (found + len(data)) & WORD
    at = whole
    for at in range(whole, len(data) - 7, 8):
        found = (rotl(found ^ turn(0, struct.unpack_from("<Q", data, at)[0]), 27) * p1 + p4) & WORD
    at = whole + (len(data) - whole) // 8 * 8
    if at + 4 <= len(data):
        found = rotl(found ^ (struct.unpack_from("<I", data, at)[0] * p1 & WORD), 23) * p2 + p3
        found &= WORD
        at += 4
    for byte in data[at:]:
        found = rotl(found ^ (byte * p5 & WORD), 11) * p1 & WORD
    found = (found ^ (found >> 33)) * p2 & WORD
    found = (found ^ (found >> 29)) * p3 & WORD
    return found ^ (found >> 32)


def with_checksum(body):
    """Return some bytes with their checksum behind them."""
    return bytes(body) + struct.pack("<Q", xxh64(bytes(body)))
