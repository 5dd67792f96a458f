"""Static files: under names with hashes once they were collected, as they are now in a fresh clone."""

import re
from pathlib import Path
from wsgiref.headers import Headers

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_http_date
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from portal.web.compression import accepts_gzip, compress_page

HASH = re.compile(r"\.[0-9a-f]{12}(?=\.\w+$)")


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """What `collectstatic` fills STATIC_ROOT with: each file also under a name with its content's hash,
    which style sheets and modules refer to, and a compressed copy of each."""

    support_js_module_import_aggregation = True
    # A hash depends on those of the modules imported: a pass settles one step of the longest chain.
    max_post_process_passes = 20


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """Serves them. A name with a hash is kept for ever, any other file is asked for again each time.

    Files are sent whole, whatever Range asks: the largest has a megabyte.
    """

    def __init__(self, *args: object) -> None:
        root = settings.STATIC_ROOT
        if root and not (Path(root) / HashedFiles.manifest_name).exists():
            raise ImproperlyConfigured(
                f"STATIC_ROOT={root!r} holds no collected files: run `manage.py collectstatic`"
            )
        super().__init__(*args)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The file asked for; in place of one of another release, that file as it is in this one.

        While a new release takes over, a page of one can ask the other for its files.
        """
        path = request.path_info
        plain = HASH.sub("", path)
        if path not in self.files and plain in self.files:
            request.path_info = plain
        answer: HttpResponseBase = super().__call__(request)
        return answer

    def add_cache_headers(self, headers: Headers, path: str, url: str) -> None:
        """A weak ETag, which holds for the compressed file, too; times are precise enough to see each edit."""
        found = Path(path).stat()
        headers["ETag"] = f'W/"{found.st_mtime_ns:x}-{found.st_size:x}"'
        super().add_cache_headers(headers, path, url)
        if not self.immutable_file_test(path, url):
            headers["Cache-Control"] = "no-cache"

    def serve(self, static_file: StaticFile, request: HttpRequest) -> HttpResponseBase | None:
        """The file, compressed if the request accepts that; 304 to whoever has it, 405 unless it is read."""
        # HEAD is answered as GET is; the server leaves the content out.
        method = "GET" if request.method == "HEAD" else request.method
        gzip = accepts_gzip(request.headers.get("Accept-Encoding", ""))
        found = static_file.get_response(method, {"HTTP_ACCEPT_ENCODING": "gzip" if gzip else ""})
        response = HttpResponse(status=found.status, headers=dict(found.headers))
        if not found.file:
            return response
        with found.file as content:
            response.content = content.read()
        if self.autorefresh:
            compress_page(request, response)
        modified = parse_http_date(response["Last-Modified"])
        return get_conditional_response(request, response["ETag"], modified, response)
