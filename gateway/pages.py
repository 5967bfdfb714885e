"""The built pages: the console and the passenger's page, out of the folder where they are built at first use.

Names under `assets/` carry a digest of their content and are kept for ever; everything else is asked for again by its tag. A path that is
no file is a place inside the page. The page may load what lies beside it and nothing else: the policy names no other source.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.answer import Missing, WrongMethod
from gateway.edge import matches

FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
_TYPES: Final = {".webmanifest": "application/manifest+json", ".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2"}
_NOT_BUILT: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Nexa</title>'
    "<p>This page has not been built yet. <code>nexa up</code> builds it; try again in a moment.</p></html>"
)


def policy(*connect: str) -> str:
    """`connect` adds addresses to those of the page's own origin; older browsers do not count a socket among them."""
    allowed = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",  # positions of rows are styles in attributes
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": " ".join(("'self'", *connect)),
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in allowed.items())


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    tag: str
    media: str


class Pages:
    """One built page. The folder may appear, and be replaced by a newer build, while we run."""

    def __init__(self, folder: Path, content_policy: str) -> None:
        self._folder, self._policy = folder, content_policy
        self._kept: dict[tuple[Path, int, int], _File] = {}

    async def answer(self, request: Request) -> Response:
        """An endpoint for every path that nothing else answers. Raises: Missing, WrongMethod."""
        if request.method not in ("GET", "HEAD"):
            raise WrongMethod("There is nothing to send here.", "GET", "HEAD")
        path = request.url.path.lstrip("/")
        found = await anyio.to_thread.run_sync(self._find, path)
        if found is None:
            if path.startswith("assets/") or "." in path.rpartition("/")[2]:
                raise Missing("There is no such file.")
            found = await anyio.to_thread.run_sync(self._find, "index.html")
        if found is None:
            return HTMLResponse(_NOT_BUILT, 503, {"retry-after": "5", "cache-control": "no-store"})
        return self._written(found, path, request.headers.get("if-none-match"))

    def _written(self, file: _File, path: str, known: str | None) -> Response:
        headers = {"etag": file.tag, "cache-control": FOR_EVER if path.startswith("assets/") else ASK_AGAIN}
        if file.media.startswith("text/html"):
            headers["content-security-policy"] = self._policy
        if matches(known, file.tag):
            return Response(None, 304, headers)
        return Response(file.body, 200, headers, file.media)

    def _find(self, path: str) -> _File | None:
        """The file, when the path names one inside the folder."""
        root = self._folder.resolve()
        try:
            place = (root / path).resolve()
            if not place.is_relative_to(root) or not place.is_file():
                return None
            stat = place.stat()
        except (OSError, ValueError):  # a path too long, or with a zero byte in it
            return None
        key = (place, stat.st_mtime_ns, stat.st_size)
        if key not in self._kept:
            body = place.read_bytes()
            media = _TYPES.get(place.suffix) or mimetypes.guess_type(place.name)[0] or "application/octet-stream"
            text = media.startswith("text/") or media.endswith(("json", "xml"))
            file = _File(body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"', f"{media}; charset=utf-8" if text else media)
            self._kept = {known: one for known, one in self._kept.items() if known[0] != place} | {key: file}
        return self._kept[key]
