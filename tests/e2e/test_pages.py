"""The pages are served whole, from the portal itself."""

import re

import httpx
import pytest

from tests.conftest import RunningPortal
from tests.servers import ROOT

PAGES = ("/", "/graphql")
REFERENCE = re.compile(r'(?:href|src)="(/static/[^"]+)"|from "\./([a-z-]+\.js)"')
ELSEWHERE = re.compile(r"""(?:src|href|from|import|fetch)\s*[=(]?\s*["'](?:https?:)?//""")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_and_all_it_refers_to_come_from_the_portal(portal: RunningPortal, path: str) -> None:
    with httpx.Client(base_url=portal.url, headers={"Accept": "text/html"}) as http:
        waiting, seen = [path], set()
        while waiting:
            address = waiting.pop()
            seen.add(address)
            answer = http.get(address)
            assert answer.status_code == 200, address
            if not address.endswith((".min.js", ".min.css")):
                assert not ELSEWHERE.search(answer.text), address
                assert "<script>" not in answer.text
                folder = address.rpartition("/")[0]
                found = {
                    asset or f"{folder}/{module}"
                    for asset, module in REFERENCE.findall(answer.text)
                }
                waiting += found - seen
    assert len(seen) > 4


def test_every_script_of_the_page_is_reached(portal: RunningPortal) -> None:
    folder = ROOT / "portal/static/portal/page"
    for script in folder.glob("*.js"):
        named = [
            other for other in folder.glob("*.js") if f'"./{script.name}"' in other.read_text()
        ]
        assert named or script.name == "main.js", script
        assert httpx.get(f"{portal.url}/static/portal/page/{script.name}").status_code == 200
