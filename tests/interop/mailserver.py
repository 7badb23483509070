"""A mail server made of other people's parts, aiosmtpd and Python's email package: takes letters, and writes down what it read.

    mailserver.py FOLDER plain|starttls|tls [USER PASSWORD]

makes an authority (FOLDER/authority.pem) and a certificate for 127.0.0.1, prints "ready PORT", and writes each letter as
FOLDER/N.json. A recipient named "refused" is refused for good, "later" for now; both answers repeat the address.
"""

import asyncio
import datetime
import email
import email.header
import email.policy
import email.utils
import ipaddress
import itertools
import json
import logging
import os
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TIMES = itertools.count(1)


def certificate(name, key, issuer, issuer_key, *extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def pem_of(made):
    return made.public_bytes(serialization.Encoding.PEM)


def tls_context(folder):
    """A certificate of an authority of this server's own, whose certificate is left in the folder."""
    called = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority, server = called("Test authority"), called("Test mail server")
    root = certificate(
        authority, authority_key, authority, authority_key, (x509.BasicConstraints(ca=True, path_length=None), True)
    )
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    leaf = certificate(
        server,
        key,
        authority,
        authority_key,
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName([address]), False),
    )
    (folder / "authority.pem").write_bytes(pem_of(root))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem_of(leaf) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


class Desk:
    """Takes letters and writes down what a reader of mail makes of them."""

    def __init__(self, folder):
        self.folder = folder

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "refused":
            return f"550 5.1.1 <{address}>: no such user here"
        if name == "later":
            return f"451 4.7.1 <{address}>: come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.content
        letter = email.message_from_bytes(raw, policy=email.policy.default)
        # Not by the newer parser: of a name that is several encoded words it keeps the folds, against RFC 2047, 6.2.
        sender = email.utils.parseaddr(email.message_from_bytes(raw)["from"])
        head, _, _ = raw.partition(b"\r\n\r\n")
        read = {
            "mail_from": envelope.mail_from,
            "rcpt_to": envelope.rcpt_tos,
            "from": [str(email.header.make_header(email.header.decode_header(sender[0]))), sender[1]],
            "to": letter["to"].addresses[0].addr_spec,
            "subject": letter["subject"],
            "text": letter.get_content(),
            "type": letter.get_content_type(),
            "message_id": letter["message-id"],
            "date": letter["date"].datetime.isoformat(),
            "auto_submitted": letter["auto-submitted"],
            "defects": [repr(defect) for part in [letter, *letter.values()] for defect in part.defects],
            "ascii": raw.isascii(),
            "longest_line": max(len(line) for line in raw.split(b"\r\n")),
            "longest_head_line": max(len(line) for line in head.split(b"\r\n")),
            "encrypted": server.transport.get_extra_info("sslcontext") is not None,
            "user": session.auth_data,
        }
        # Whole, or not there: its reader does not wait.
        unfinished = self.folder / "unfinished"
        unfinished.write_text(json.dumps(read))
        os.rename(unfinished, self.folder / f"{next(TIMES)}.json")
        return "250 OK"


async def serve(folder, way, credentials):
    context = tls_context(folder) if way != "plain" else None

    def authenticate(server, session, envelope, mechanism, given):
        known = [given.login.decode(), given.password.decode()] == credentials
        return AuthResult(success=known, handled=known, auth_data=given.login.decode() if known else None)

    def connection():
        return SMTP(
            Desk(folder),
            enable_SMTPUTF8=True,
            hostname="mail.test",
            tls_context=context if way == "starttls" else None,
            require_starttls=way == "starttls",
            authenticator=authenticate if credentials else None,
            auth_required=bool(credentials),
            # It knows of STARTTLS alone, and not that it was encrypted from the first byte on.
            auth_require_tls=way == "starttls",
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context if way == "tls" else None)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    # Its own log is of no interest here: handshakes that are to fail are among what is tried.
    logging.disable()
    asyncio.run(serve(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
