"""The web process: `python -m portal.serve [--host H] [--port N | --fd N]`."""

import argparse
import os

import uvicorn


def main() -> None:
    """Serve the portal with uvicorn, logging as the settings say."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on")
    parser.add_argument("--fd", type=int, help="a listening socket to take over instead")
    options = parser.parse_args()
    uvicorn.run(
        "portal.asgi:application",
        host=options.host,
        port=options.port,
        fd=options.fd,
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
    )


if __name__ == "__main__":
    main()
