"""What the image holds starts in production: without what is for laptops, with its files collected."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.integration.test_settings import SAFE
from tests.servers import ROOT

SHIPPED = ("commands", "projections", "notifications", "portal", "docs")
IMPORTED = """
import sys
import portal.web.serve, portal.web.asgi, portal.celery
portal.celery.app.loader.import_default_modules()
print("portal.laptop" in sys.modules)
"""


STEPS = (
    (("manage.py", "check"), "no issues"),
    (("manage.py", "collectstatic", "--noinput"), "static files copied"),
    (("-c", IMPORTED), "False"),
)


def test_the_image_starts(tmp_path: Path) -> None:
    for name in SHIPPED:
        left_out = shutil.ignore_patterns("__pycache__", "node_modules", "laptop")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=left_out)
    shutil.copy(ROOT / "manage.py", tmp_path)
    more = {"STATIC_ROOT": str(tmp_path / "static"), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    for words, expected_text in STEPS:
        done = subprocess.run(
            [sys.executable, *words],
            env={**SAFE, **more},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert expected_text in done.stdout
