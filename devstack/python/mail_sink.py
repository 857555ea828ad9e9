"""A mail server that delivers nothing: every mail becomes one .eml file in a folder.

Usage: mail_sink.py --port PORT --folder FOLDER

Listens on 127.0.0.1 only, without TLS and without login. A file appears whole or not at all, and begins with the envelope
as `Return-Path` and `Delivered-To`. Mails hold passwords, so the files are the owner's alone; the newest 1,000 are kept.
Ends at SIGTERM or SIGINT.
"""

import argparse
import asyncio
import os
import pathlib
import signal
import time

from aiosmtpd.smtp import SMTP

# Largest mail in bytes, and the number of files that are kept.
SIZE_MAX = 10 * 1024 * 1024
KEPT_MAX = 1000


class Sink:
    """Writes what arrives."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope) -> str:
        self.count += 1
        # Names sort by time; the counter keeps two mails of one moment apart.
        path = self.folder / f"{time.time_ns()}-{self.count}.eml"
        head = [f"Return-Path: <{envelope.mail_from}>"]
        head += [f"Delivered-To: {address}" for address in envelope.rcpt_tos]
        write(path, "\r\n".join([*head, ""]).encode() + envelope.original_content)
        self.forget()
        return "250 2.0.0 kept"

    def forget(self) -> None:
        for old in sorted(self.folder.glob("*.eml"))[:-KEPT_MAX]:
            old.unlink(missing_ok=True)


def write(path: pathlib.Path, content: bytes) -> None:
    unfinished = path.with_suffix(".new")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    unfinished.rename(path)


async def serve(port: int, folder: pathlib.Path) -> None:
    sink = Sink(folder)
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(sink, hostname="localhost", data_size_limit=SIZE_MAX, enable_SMTPUTF8=True, loop=loop)

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(session, "127.0.0.1", port)
    print(f"mail for 127.0.0.1:{server.sockets[0].getsockname()[1]} is kept in {folder}", flush=True)
    await ended.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one and prints it")
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="where mails are kept; made if missing")
    options = parser.parse_args()
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    asyncio.run(serve(options.port, options.folder))


if __name__ == "__main__":
    main()
