"""The playground at `/`: static files out of the package, by registered name; they load nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response

from .errors import RequestError

FOLDER = Path(__file__).parent / "playground"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.head("/")
async def page() -> Response:
    """Give the page."""
    return _file("index.html")


@router.get("/playground/{name}")
async def part(name: str) -> Response:
    """Give one of the files that the page is made of."""
    if name not in FILES:
        raise RequestError(404, "unknown_route", "the playground has no such file; it is at /")
    return _file(name)


def _file(name: str) -> Response:
    # `no-cache` lets a browser keep the file and makes it ask: a new release must not meet an old script.
    return Response(FILES[name], media_type=TYPES[Path(name).suffix], headers={"Cache-Control": "no-cache"})


FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}
