"""Tamis: two-stage neural retrieval. What you evaluate is what you serve.

>>> import tamis
>>> with tamis.open("my-index") as index:  # or the URL of a service: the same methods, the same answers
...     for hit in index.search("how do I sort a list", k=5).hits:
...         print(hit.rank, hit.id, hit.score)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version as _version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tamis.indexer.config import IndexConfig
    from tamis.indexer.manifest import IndexManifest
    from tamis.indexer.update import Updated
    from tamis.integrations.searcher import Searcher
    from tamis.models.session import Device
    from tamis.rankers.config import PipelineConfig

__all__ = ["__version__", "build", "open", "update"]

__version__ = _version("tamis")

# Everything is imported inside the functions, so that `import tamis` stays light.


def open(  # noqa: A001
    where: Path | str,
    config: PipelineConfig | None = None,
    version: str | None = None,
    *,
    device: Device = "cpu",
    pipelines: Mapping[str, PipelineConfig] | None = None,
    index: str | None = None,
    api_key: str | None = None,
    timeout: float = 30.0,
) -> Searcher:
    """Open an index for searching: a folder in this process, or a service by its URL.

    Args:
        where: folder of an index, or a URL that begins with `http://` or `https://`.
        config: a folder's: the path of a query; None: the defaults.
        version: a folder's: a published version by name; None: the current one.
        device: a folder's: where models run: `cpu`, `cuda` or `auto`.
        pipelines: a folder's: other paths of a query, by name.
        index: a service's: name of an index; may be left out where one is served.
        api_key: a service's: sent as a bearer token.
        timeout: a service's: seconds to wait for an answer.

    Raises:
        tamis.errors.NotFound: no index is there.
        tamis.errors.DamagedFile: a file differs from the index's manifest.
        tamis.errors.Unreachable: nobody answers at the URL.
        tamis.errors.OtherVersion: what answers is no Tamis, or speaks another version of its API.
        tamis.errors.InvalidInput: an argument is for the other kind of place.
    """
    from tamis.integrations.opening import open_local, open_remote

    if str(where).startswith(("http://", "https://")):
        given = {"config": config, "version": version, "pipelines": pipelines}
        return open_remote(str(where), index, api_key, timeout, given)
    return open_local(where, config, version, device, pipelines, {"index": index, "api_key": api_key})


def build(
    passages: Iterable[Mapping[str, object]],
    path: Path | str,
    config: IndexConfig | None = None,
    *,
    name: str | None = None,
    device: Device = "cpu",
) -> IndexManifest:
    """Build an index of passages that this program holds, and publish it at `path`.

    Args:
        passages: any iterable of dicts with `id` and `text`, and where there are such `title` and `metadata`.
        path: folder of the index; made where there is none.
        config: all that shapes the index; None: the defaults.
        name: what the corpus is called in the manifest; None: as the folder.
        device: where passages are encoded: `cpu`, `cuda` or `auto`.

    Raises:
        tamis.errors.InvalidInput: a passage is no dict, or holds what JSON cannot.
        tamis.errors.CorpusError: a passage cannot be indexed (no text, an id twice); nothing was published.
        tamis.errors.BuildError: the build could not finish.
    """
    from tamis.integrations.building import build_given

    return build_given(passages, Path(path), config, name, device)


def update(
    path: Path | str,
    *,
    add: Iterable[Mapping[str, object]] = (),
    update: Iterable[Mapping[str, object]] = (),
    delete: Iterable[str] = (),
    device: Device = "cpu",
) -> Updated:
    """Publish an index with documents added, updated or deleted; only passages whose text is new are encoded.

    Raises:
        tamis.errors.NotFound: no index is there, or a document to update or delete is not.
        tamis.errors.CorpusError: a document to add is there already, is named twice, or cannot be indexed.
        tamis.errors.BuildError: it could not finish.
    """
    from tamis.integrations.building import update_given

    return update_given(Path(path), add, update, delete, device)
