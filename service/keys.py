"""API keys: who may search and who may administer. Hashes are kept, never keys.

A key file has one key a line, its name, its scopes and the SHA-256 of the key:

    ci        search         5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8
    operator  search,admin   6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from tamis.errors import InvalidInput, NotFound

Scope = Literal["search", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
ENVIRONMENT: Mapping[str, tuple[Scope, ...]] = {"TAMIS_API_KEY": ("search",), "TAMIS_ADMIN_KEY": ("search", "admin")}
"""Variables that hold a key, with its scopes; with `_FILE` after the name, the path of a file that holds it."""

SHORTEST = 16
"""Characters that a key has at least: guessing it must be hopeless, since SHA-256 is fast."""

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Key:
    """One key, of which the hash is known."""

    name: str
    scopes: tuple[Scope, ...]
    digest: bytes


class Keys:
    """All keys of a service; without any, nobody is asked for one."""

    def __init__(self, keys: tuple[Key, ...] = ()) -> None:
        self._keys = keys

    def __bool__(self) -> bool:
        return bool(self._keys)

    def find(self, given: str) -> Key | None:
        """Return the key that was given; the time it takes does not tell how near a wrong one came."""
        digest = hash_key(given)
        found = None
        for key in self._keys:  # all of them, always
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


def hash_key(key: str) -> bytes:
    """Hash a key: 32 bytes."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def new_key() -> str:
    """Make a key of 256 random bits."""
    return f"tamis-{secrets.token_urlsafe(32)}"


def load_keys(file: Path | None, environment: Mapping[str, str]) -> Keys:
    """Read the keys of a service from its key file and its environment.

    Raises:
        NotFound: there is no such file.
        InvalidInput: a line, or a key of the environment, is not what it should be; the message never shows a key.
    """
    keys = [] if file is None else _read(file)
    for variable, scopes in ENVIRONMENT.items():
        if key := _from_environment(variable, environment):
            if len(key) < SHORTEST:
                raise InvalidInput(
                    f"{variable} has {len(key)} characters, expected {SHORTEST} or more; `tamis keys new` makes one"
                )
            keys.append(Key(variable, scopes, hash_key(key)))
    return Keys(tuple(keys))


def _from_environment(variable: str, environment: Mapping[str, str]) -> str:
    path = environment.get(f"{variable}_FILE")
    if not path:
        return environment.get(variable, "").strip()
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{variable}_FILE names {path}, which cannot be read: {type(error).__name__}") from None


def _read(file: Path) -> list[Key]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise NotFound(f"no key file {file}; `tamis keys new` prints a line for it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"key file {file} cannot be read: {type(error).__name__}") from None
    numbered = ((number, line.partition("#")[0].split()) for number, line in enumerate(lines, start=1))
    return [_key(f"{file} line {number}", words) for number, words in numbered if words]


def _key(where: str, words: list[str]) -> Key:
    if len(words) != 3 or not NAME.fullmatch(words[0]) or not re.fullmatch("[0-9a-f]{64}", words[2]):
        raise InvalidInput(f"{where} is no key: expected NAME SCOPES SHA256; `tamis keys new` prints such a line")
    scopes = words[1].split(",")
    if wrong := [scope for scope in scopes if scope not in SCOPES]:
        raise InvalidInput(f"{where} gives {wrong[0]!r}; the scopes are {', '.join(SCOPES)}")
    return Key(words[0], tuple(cast(list[Scope], scopes)), bytes.fromhex(words[2]))
