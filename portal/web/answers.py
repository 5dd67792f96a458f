"""Finished answers of the API to queries that are the same for every reader."""

from starlette.requests import Request
from starlette.responses import Response

from portal.web.compression import compress_answer, gzipped


class Answer:
    """The content of an answer in JSON; compressed once, when somebody first accepts that."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._packed: bytes | None = None

    def response(self, request: Request) -> Response:
        """The answer to that request."""
        response = Response(self.content, media_type="application/json")
        compress_answer(request, response, self._pack)
        return response

    def _pack(self, content: bytes) -> bytes | None:
        if self._packed is None:
            self._packed = gzipped(content) or b""
        return self._packed or None


def answer_bytes(asked: bytes, answer: Answer) -> int:
    """About what the request and the answer, plain and compressed, take in memory."""
    return len(asked) + 2 * len(answer.content)
