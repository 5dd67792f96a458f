"""Static files: collected under names with hashes in production, straight from the source in a clone."""

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
    """The storage that `collectstatic` fills: each file also under a name with the hash of its content,
    which style sheets and modules refer to, and a compressed copy of each."""

    support_js_module_import_aggregation = True
    # A module's hash depends on those of the modules it imports: each pass settles one link of the longest chain.
    max_post_process_passes = 20


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """Serves static files. Browsers keep a file with a hash in its name for ever, and check any other each time.

    Files are sent whole, even if a Range is requested: the largest has a megabyte.
    """

    def __init__(self, *args: object) -> None:
        root = settings.STATIC_ROOT
        if root and not (Path(root) / HashedFiles.manifest_name).exists():
            raise ImproperlyConfigured(
                f"STATIC_ROOT={root!r} holds no collected files: run `manage.py collectstatic`"
            )
        super().__init__(*args)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The file; for the hash of another release, this release's file of that name.

        While two releases run at once, a page of one may request its files from the other.
        """
        path = request.path_info
        plain = HASH.sub("", path)
        if path not in self.files and plain in self.files:
            request.path_info = plain
        answer: HttpResponseBase = super().__call__(request)
        return answer

    def add_cache_headers(self, headers: Headers, path: str, url: str) -> None:
        """Add a weak ETag, which holds for the compressed file, too. Each edit changes it: its time is in nanoseconds."""
        found = Path(path).stat()
        headers["ETag"] = f'W/"{found.st_mtime_ns:x}-{found.st_size:x}"'
        super().add_cache_headers(headers, path, url)
        if not self.immutable_file_test(path, url):
            headers["Cache-Control"] = "no-cache"

    def serve(self, static_file: StaticFile, request: HttpRequest) -> HttpResponseBase | None:
        """The file, compressed if the request accepts gzip; 304 if the browser has it, 405 unless it is GET or HEAD."""
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
