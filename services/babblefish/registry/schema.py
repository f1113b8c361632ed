"""The tables of the registry's file, version by version.

Everything of a consenting voice hangs on its consent: who deletes that deletes all. Only what
laptops still hold is known beyond it, until they confirm that it is gone.
"""

import sqlite3

_VOICES = """
CREATE TABLE voices (
  session TEXT NOT NULL,
  uid TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  number INTEGER NOT NULL,
  model TEXT NOT NULL,
  enrolment BLOB NOT NULL,
  centroid BLOB NOT NULL,
  weight REAL NOT NULL,
  utterances INTEGER NOT NULL,
  seconds REAL NOT NULL,
  heard_at REAL NOT NULL,
  PRIMARY KEY (session, id)
) STRICT
"""
_CONSENTS = """
CREATE TABLE consents (
  voice TEXT PRIMARY KEY,
  session TEXT NOT NULL,
  uid TEXT NOT NULL,
  wording TEXT NOT NULL,
  since REAL NOT NULL,
  expires REAL NOT NULL,
  heard_at REAL NOT NULL,
  name TEXT NOT NULL,
  number INTEGER NOT NULL,
  model TEXT NOT NULL,
  enrolment BLOB NOT NULL,
  centroid BLOB NOT NULL,
  weight REAL NOT NULL,
  utterances INTEGER NOT NULL,
  seconds REAL NOT NULL
) STRICT
"""
_SAMPLES = """
CREATE TABLE samples (
  id INTEGER PRIMARY KEY,
  voice TEXT NOT NULL REFERENCES consents ON DELETE CASCADE,
  text TEXT NOT NULL,
  language TEXT NOT NULL,
  seconds REAL NOT NULL,
  quality REAL NOT NULL,
  pcm BLOB NOT NULL
) STRICT
"""
_SAMPLES_OF = "CREATE INDEX samples_of ON samples (voice)"
_CLONED_FROM = """
CREATE TABLE cloned_from (
  voice TEXT PRIMARY KEY REFERENCES consents ON DELETE CASCADE,
  id TEXT NOT NULL,
  text TEXT NOT NULL,
  language TEXT NOT NULL,
  quality REAL NOT NULL,
  pcm BLOB NOT NULL
) STRICT
"""
_ADAPTERS = """
CREATE TABLE adapters (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  voice TEXT NOT NULL REFERENCES consents ON DELETE CASCADE,
  report TEXT NOT NULL,
  made_at REAL NOT NULL,
  content BLOB NOT NULL
) STRICT
"""
_HOLDINGS = """
CREATE TABLE holdings (
  voice TEXT NOT NULL,
  laptop TEXT NOT NULL,
  sent_at REAL NOT NULL,
  purged INTEGER NOT NULL,
  PRIMARY KEY (voice, laptop)
) STRICT
"""

_STEPS = (
    (_VOICES,),
    (_CONSENTS, _SAMPLES, _SAMPLES_OF, _CLONED_FROM, _ADAPTERS, _HOLDINGS),
)
"""What each version adds to the one before."""


def migrate(database: sqlite3.Connection) -> None:
    """Brings a file up to date, a new one too; raises `sqlite3.DatabaseError` for a later one."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(_STEPS):
        raise sqlite3.DatabaseError("it is of another version of BabbleFish")
    for step in _STEPS[version:]:
        for statement in step:
            database.execute(statement)
    database.execute(f"PRAGMA user_version = {len(_STEPS)}")
