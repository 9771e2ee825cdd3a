"""The log as aics-tlog sees it: checkpoint, every tile, every entry, and proofs made and checked by it."""

import json
import sys
import urllib.request

from aics_tlog import (
    HttpTileReader,
    VerifiedTileReader,
    audit_tiles,
    consistency_proof_from_tiles,
    inclusion_proof_from_tiles,
    parse_vkey,
    tree_root_from_tiles,
    verify_checkpoint,
    verify_consistency,
    verify_leaf_inclusion,
)
from aics_tlog.checkpoint import checkpoint_from_note

URL, MADE = sys.argv[1], json.load(open(sys.argv[2]))
BEARER = ("Authorization", f"Bearer {MADE['key']}")


def check(name, holds):
    print("ok  " if holds else "FAIL", name, flush=True)


def get(path):
    with urllib.request.urlopen(urllib.request.Request(URL + path, headers=dict([BEARER]))) as answer:
        return answer.read()


class Spoilt:
    """The same tiles, with one byte of each another."""

    def __init__(self, reader):
        self.reader = reader

    def read_tile(self, level, index, width):
        tile = bytearray(self.reader.read_tile(level, index, width))
        tile[len(tile) // 2] ^= 1
        return bytes(tile)

    def read_entry_bundle(self, index, width):
        return self.reader.read_entry_bundle(index, width)


KEY = parse_vkey(get("/tlog/verifier-key").decode().strip())
text = get("/tlog/checkpoint")
checkpoint, note = checkpoint_from_note(text)
check("the checkpoint is signed", verify_checkpoint(note, KEY, expected_origin=KEY.name).ok)


def good(text):
    try:
        return verify_checkpoint(checkpoint_from_note(text)[1], KEY, expected_origin=KEY.name).ok
    except ValueError:
        return False


twins = [text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :] for place in range(len(text))]
check("any changed byte of it is refused", not any(good(twin) for twin in twins))

reader = HttpTileReader(URL + "/tlog/", proxies={})
reader._opener.addheaders = [BEARER]
audit_tiles(reader, checkpoint.size, checkpoint.root, entries=True)
check("every tile and every entry leads to the root", True)
verified = VerifiedTileReader(reader, checkpoint.size, checkpoint.root)
held = refused = 0
for index in range(checkpoint.size):
    entry, proof = verified.entry(index), inclusion_proof_from_tiles(verified, index, checkpoint.size)
    held += verify_leaf_inclusion(entry, index, checkpoint.size, proof, checkpoint.root)
    refused += not verify_leaf_inclusion(entry + b"x", index, checkpoint.size, proof, checkpoint.root)
check("every entry is in the tree, and no changed one", held == refused == checkpoint.size)
roots = [tree_root_from_tiles(verified, size) for size in range(1, checkpoint.size + 1)]
consistent = [
    verify_consistency(old, checkpoint.size, root, roots[-1], consistency_proof_from_tiles(verified, old, checkpoint.size))
    for old, root in enumerate(roots, 1)
]
check("every earlier log is its beginning", all(consistent))
try:
    VerifiedTileReader(Spoilt(reader), checkpoint.size, checkpoint.root).entry(0)
    check("changed tiles are refused", False)
except Exception as error:  # noqa: BLE001
    check(f"changed tiles are refused: {type(error).__name__}", "Tile" in type(error).__name__)
