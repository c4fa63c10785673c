"""BlendBundle: a trained blend on disk, verified byte by byte before anything of it is used.

DIR/blend.json    settings and the hash of each other file; written last, a folder without it is no blend
DIR/model.txt     the forest, as LightGBM writes it
DIR/card.json     what it learned from, how, and how well
DIR/translations/ IBM Model 1 of the same judgments, where it was worth it: a folder of arrays a field
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from tamis.errors import DamagedFile, InvalidInput, NotFound
from tamis.files import whole
from tamis.indexer.forward.forward import ForwardIndex
from tamis.indexer.forward.layout import TRANSLATIONS
from tamis.indexer.forward.translation import Translation, TranslationField
from tamis.models.digest import sha256_file, sha256_json
from tamis.models.settings import FileEntry

from ..features.schema import PLACES, schema_hash

FORMAT = 1
"""Version of the layout; a newer one is refused."""

SETTINGS, MODEL, CARD = "blend.json", "model.txt", "card.json"


class BlendSettings(BaseModel):
    """What decides how a blend scores, beside its forest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    schema_sha256: str
    """Of the schema of features that it was trained on."""
    features: tuple[str, ...]
    """Columns of the forest, by name."""
    encoder: str | None
    """Fingerprint of the encoder whose scores it learned from; None: it reads nothing that is one encoder's own."""
    start: dict[str, float]
    """Weights of the standardised scores that the forest starts from: see `LinearMix`."""
    files: dict[str, FileEntry]
    numbering: str | None = None
    """Of the forward index whose tokens the translations name; None: there are no translations."""


@dataclass(frozen=True, slots=True)
class BlendBundle:
    """A verified blend."""

    folder: Path
    settings: BlendSettings

    @staticmethod
    def open(folder: Path) -> BlendBundle:
        """Open a blend after comparing every file with its hash; the forest is not read yet.

        Raises:
            NotFound: there is no blend in this folder.
            DamagedFile: a file is missing or was changed, or the settings cannot be read.
            InvalidInput: it was trained on another schema of features.
        """
        settings = _read_settings(folder / SETTINGS)
        for name in sorted({MODEL, CARD, *settings.files}):
            entry, path = settings.files.get(name), folder / name
            if entry is None or not path.is_file():
                raise DamagedFile(f"{path} is missing; train or copy the blend again")
            if (found := sha256_file(path)) != entry.sha256:
                raise DamagedFile(
                    f"{path} was changed: its sha256 is {found[:12]}..., {SETTINGS} says {entry.sha256[:12]}...; "
                    "train or copy the blend again"
                )
        if settings.schema_sha256 != schema_hash():
            raise InvalidInput(
                f"the blend in {folder} was trained on feature schema {settings.schema_sha256[:12]}, this Tamis has "
                f"{schema_hash()[:12]}; train it again with `tamis train blend`"
            )
        if unknown := [name for name in settings.features if name not in PLACES]:
            raise DamagedFile(f"{folder / SETTINGS} names a feature {unknown[0]!r} that is not in its schema")
        return BlendBundle(folder, settings)

    @staticmethod
    def write(
        folder: Path,
        model: str,
        card: Mapping[str, object],
        *,
        features: Sequence[str],
        encoder: str | None,
        start: Mapping[str, float],
        translations: Mapping[TranslationField, Translation] | None = None,
        numbering: str | None = None,
    ) -> BlendBundle:
        """Write a blend, whole or not at all.

        Args:
            folder: where there is none yet.
            model: the forest in LightGBM's text format.
            card: what it learned from, how, and how well.
            features: the forest's columns by name.
            encoder: fingerprint of the encoder; None: any will do.
            start: weights of the linear mix that the forest starts from.
            translations: IBM Model 1 by field; None: the forest asks for none.
            numbering: `ForwardIndex.numbering` of the forward index that they were trained for.

        Raises:
            InvalidInput: something is there already.
        """
        check_new(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with whole(folder) as temporary:
            temporary.mkdir()
            (temporary / MODEL).write_text(model, encoding="utf-8")
            (temporary / CARD).write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2))
            if translations:
                Translation.write_all(translations, temporary / TRANSLATIONS)
            files = {
                path.relative_to(temporary).as_posix(): FileEntry(bytes=path.stat().st_size, sha256=sha256_file(path))
                for path in sorted(temporary.rglob("*"))
                if path.is_file()
            }
            settings = BlendSettings(
                format=FORMAT, schema_sha256=schema_hash(), features=tuple(features), encoder=encoder,
                start=dict(start), files=files, numbering=numbering if translations else None,
            )  # fmt: skip
            content = orjson.dumps(settings.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
            (temporary / SETTINGS).write_bytes(content)
        return BlendBundle.open(folder)

    def check_encoder(self, fingerprint: str) -> None:
        """Refuse an encoder other than the one whose scores the blend learned from.

        Raises:
            InvalidInput: it is another.
        """
        if self.settings.encoder is not None and self.settings.encoder != fingerprint:
            raise InvalidInput(
                f"the blend in {self.folder} learned from the scores of encoder {self.settings.encoder[:12]}, the "
                f"index has encoder {fingerprint[:12]}; train one for this index with `tamis train blend`"
            )

    def with_translations(self, forward: ForwardIndex) -> ForwardIndex:
        """Give a forward index the translations of this blend, where it has some.

        Raises:
            InvalidInput: they were trained for a forward index with other numbers.
            DamagedFile: they cannot be read.
        """
        if self.settings.numbering is None:
            return forward
        if self.settings.numbering != forward.numbering():
            raise InvalidInput(
                f"the translations of the blend in {self.folder} were trained for another vocabulary than this "
                "index has; train the blend again with `tamis train blend`"
            )
        try:
            return replace(forward, translations=Translation.open_all(self.folder / TRANSLATIONS))
        except (OSError, ValueError, EOFError) as error:
            raise DamagedFile(f"the translations in {self.folder} cannot be read ({error}); train it again") from error

    def model_text(self) -> str:
        """Read the forest."""
        return (self.folder / MODEL).read_text(encoding="utf-8")

    def card(self) -> dict[str, object]:
        """Read what it learned from, how, and how well."""
        found: dict[str, object] = orjson.loads((self.folder / CARD).read_bytes())
        return found

    @property
    def fingerprint(self) -> str:
        """Sha256 over all that decides its scores."""
        identity = self.settings.model_dump(mode="json", exclude={"files"})
        files = {name: entry.sha256 for name, entry in self.settings.files.items() if name != CARD}
        return sha256_json({**identity, "files": files})


def check_new(folder: Path) -> None:
    """Refuse to write where something is.

    Raises:
        InvalidInput: something is.
    """
    if folder.exists():
        raise InvalidInput(f"{folder} is there already; name a folder that is not, or delete it")


def _read_settings(path: Path) -> BlendSettings:
    try:
        values = orjson.loads(path.read_bytes())
        found = values["format"]
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"no blend in {path.parent}: there is no {path.name}; make one with `tamis train blend`"
        ) from None
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise DamagedFile(f"{path} is garbled ({error}); train or copy the blend again") from None
    if found != FORMAT:
        raise DamagedFile(f"{path} has format {found!r}, this Tamis reads {FORMAT}; upgrade Tamis or train again")
    try:
        return BlendSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DamagedFile(f"{path} is garbled at {where}: {first['msg']}; train or copy the blend again") from None
