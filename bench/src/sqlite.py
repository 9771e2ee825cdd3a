"""What a SQLite table of events with its views costs a durable creation: the same logical work as Keyledger's.

Usage: sqlite.py FILE COMMITS. Prints commits a second. WAL, synchronous=FULL: one sync a commit, before it returns.
"""
import os
import sqlite3
import sys
import time

path, commits = sys.argv[1], int(sys.argv[2])
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=FULL")
db.executescript("""
    CREATE TABLE log (position INTEGER PRIMARY KEY, envelope BLOB NOT NULL);
    CREATE TABLE head (one INTEGER PRIMARY KEY, position INTEGER, hash BLOB);
    CREATE TABLE views (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE links (key BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE histories (key BLOB PRIMARY KEY, positions BLOB NOT NULL) WITHOUT ROWID;
""")
owner, tenant = os.urandom(16), os.urandom(16)


def create(position):
    key = position.to_bytes(6, "big") + os.urandom(10)
    db.execute("BEGIN IMMEDIATE")
    db.execute("SELECT row FROM views WHERE key = ?", (key,)).fetchone()
    db.execute("INSERT INTO log VALUES (?, ?)", (position, os.urandom(430)))
    db.execute("INSERT OR REPLACE INTO head VALUES (1, ?, ?)", (position, os.urandom(32)))
    db.execute("INSERT INTO views VALUES (?, ?)", (key + position.to_bytes(8, "big"), os.urandom(290)))
    db.execute("INSERT INTO links VALUES (?)", (owner + key,))
    for of in (key, owner, tenant):
        db.execute("INSERT OR REPLACE INTO histories VALUES (?, ?)", (of, os.urandom(128)))
    db.execute("COMMIT")


for position in range(20):
    create(position)
began = time.perf_counter()
for position in range(20, 20 + commits):
    create(position)
print(commits / (time.perf_counter() - began))
