"""A mail server for tests, told over standard input what to do; it ends with its standard input.

Prints `{"port": N}`, then answers each line of JSON with one:
  {"fault": "KIND:STAGE[:CODE]"}  the next connection meets this fault. KIND is `reply` (answer CODE), `cut` (drop the
                                  connection) or `hang` (never answer). STAGE is greeting, ehlo, auth, mail, rcpt, data,
                                  body (after 354), dot (the mail is read, not taken), taken (the mail is taken), farewell.
  {"mails": true}                 what was taken, oldest first.
A receiver `code-NNN…@…` is answered NNN. Replies carry a text that no error of a client may show.
Variables: SMTP_TLS (off, starttls, tls), SMTP_CERTIFICATE and SMTP_KEY (PEM files), SMTP_LOGIN (`user:password`).
"""

import asyncio
import base64
import email
import email.policy
import json
import os
import re
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

TEXT = "canary-server-text"


class Keeper:
    """Takes mails, and hands each new connection its fault."""

    def __init__(self) -> None:
        self.faults: list[list[str]] = []
        self.mails: list[dict] = []

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        code = (re.match(r"code-(\d{3})", address) or [None, "250"])[1]
        if code.startswith("2"):
            envelope.rcpt_tos.append(address)
        return f"{code} {TEXT} {address}"

    async def handle_DATA(self, server, session, envelope) -> str | None:
        if await server.meets("dot"):
            return None
        parsed = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        body = {part.get_content_type(): part.get_content() for part in parsed.walk() if not part.is_multipart()}
        self.mails.append({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(parsed["subject"]),
            "headers": [name.lower() for name in parsed.keys()],
            "message_id": str(parsed["message-id"]),
            "text": body.get("text/plain", "").replace("\r\n", "\n"),
            "html": body.get("text/html", "").replace("\r\n", "\n"),
            "raw": base64.b64encode(envelope.original_content).decode(),
            "tls": session.ssl is not None or server.from_the_start,
            "login": session.auth_data,
        })
        if await server.meets("taken"):
            return None
        return f"250 {TEXT}"


class Server(SMTP):
    """One connection, with at most one fault."""

    def __init__(self, keeper: Keeper, from_the_start: bool, **settings) -> None:
        super().__init__(keeper, **settings)
        self.from_the_start = from_the_start
        self.greeted = False
        self.fault = keeper.faults.pop(0) if keeper.faults else None

    async def meets(self, stage: str) -> bool:
        """Acts on the fault of this stage, if it is the connection's."""
        if not self.fault or self.fault[1] != stage:
            return False
        kind = self.fault[0]
        if kind == "reply":
            await super().push(f"{self.fault[2]} {TEXT}")
        elif kind == "cut":
            self.transport.abort()
        else:
            await asyncio.Event().wait()
        return True

    async def push(self, status) -> None:
        # What a handler has answered by a fault is None.
        if status is None:
            return
        if not self.greeted:
            self.greeted = True
            if await self.meets("greeting"):
                return
        await super().push(status)

    async def smtp_EHLO(self, hostname) -> None:
        if not await self.meets("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg) -> None:
        if not await self.meets("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg) -> None:
        if not await self.meets("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg) -> None:
        if not await self.meets("rcpt"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg) -> None:
        if self.fault and self.fault[1] == "body":
            await super().push("354 go on")
        if not await self.meets("data") and not await self.meets("body"):
            await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg) -> None:
        if not await self.meets("farewell"):
            await super().smtp_QUIT(arg)


def settings(mode: str) -> dict:
    every = {"hostname": "mail.test", "enable_SMTPUTF8": True, "timeout": 60}
    if login := os.environ.get("SMTP_LOGIN"):
        user, password = (part.encode() for part in login.split(":"))

        def check(server, session, envelope, mechanism, data) -> AuthResult:
            right = (data.login, data.password) == (user, password)
            # A message of success would be its reply.
            wrong = None if right else f"535 {TEXT}"
            return AuthResult(success=right, handled=right, auth_data=user.decode(), message=wrong)

        # The library knows no TLS but STARTTLS, so with implicit TLS it must not ask for it.
        every |= {"authenticator": check, "auth_required": True, "auth_require_tls": mode == "starttls"}
    else:
        every["auth_exclude_mechanism"] = ["LOGIN", "PLAIN"]
    return every


async def main() -> None:
    mode, keeper, loop = os.environ.get("SMTP_TLS", "off"), Keeper(), asyncio.get_running_loop()
    every, context = settings(mode), None
    if mode != "off":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ["SMTP_CERTIFICATE"], os.environ["SMTP_KEY"])
    if mode == "starttls":
        every |= {"tls_context": context, "require_starttls": True}
    implicit = context if mode == "tls" else None
    server = await loop.create_server(
        lambda: Server(keeper, mode == "tls", loop=loop, **every), "127.0.0.1", 0, ssl=implicit
    )
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        if fault := asked.get("fault"):
            keeper.faults.append(fault.split(":"))
            print(json.dumps({"ok": True}), flush=True)
        else:
            print(json.dumps(keeper.mails), flush=True)
    os._exit(0)


asyncio.run(main())
