"""The fields of a page's form with what they hold, as a browser would send them."""

from html.parser import HTMLParser


class _Fields(HTMLParser):
    """Collects inputs, and the text of textareas."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._text: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, kind = given.get("name"), given.get("type")
        if tag == "input" and name and kind not in {"submit", "checkbox", "radio"}:
            self.found[name] = given.get("value") or ""
        if tag == "input" and name and kind == "radio" and "checked" in given:
            self.found[name] = given.get("value") or ""
        if tag == "textarea" and name:
            self.found[name], self._text = "", name

    def handle_data(self, data: str) -> None:
        if self._text:
            self.found[self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._text:
            # HTML leaves out the first line end, and browsers send both characters of each.
            text = self.found[self._text].removeprefix("\r").removeprefix("\n")
            self.found[self._text] = "\r\n".join(text.splitlines())
            self._text = None


def fields_of(page: str) -> dict[str, str]:
    """By name; of a hidden field's line ends both characters, too."""
    reader = _Fields()
    reader.feed(page)
    return {
        name: "\r\n".join(value.splitlines())
        for name, value in reader.found.items()
        if name not in {"csrfmiddlewaretoken", "q"}
    }
