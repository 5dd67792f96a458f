"""The web process: `python -m portal.serve [--host H] [--port N | --fd N]`."""

import argparse
import os
import socket
import sys

import uvicorn


class Server(uvicorn.Server):
    """Lets those who wait for news go before the connections are closed on them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was asked, and stop."""
        from portal.asgi import application

        if runtime := getattr(application.state, "runtime", None):
            runtime.hub.stop()
        await super().shutdown(sockets)


def main() -> None:
    """Serve the portal with uvicorn, logging as the settings say."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on")
    parser.add_argument("--fd", type=int, help="a listening socket to take over instead")
    options = parser.parse_args()
    config = uvicorn.Config(
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
    server = Server(config)
    server.run()
    if not server.started:
        sys.exit(1)


if __name__ == "__main__":
    main()
