"""What stands between a tool and a server: it can be slow, it can break, and it can speak TLS for the server."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# The first byte of TLS.
HANDSHAKE = b"\x16"


def certificate_of_loopback(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 with its key, in one file; whoever trusts it signs for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    file = folder / "loopback.pem"
    file.write_bytes(certificate.public_bytes(pem) + key.private_bytes(pem, form, serialization.NoEncryption()))
    return file


class Proxy:
    """Passes TCP on from its `port` to another; each answer comes `delay` seconds late. Close it when done.

    With a `certificate`, a file that has its key as well, it speaks TLS to whoever begins with that.
    """

    def __init__(self, target: int, delay: float = 0, certificate: Path | None = None) -> None:
        self.target, self.delay = target, delay
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(certificate)
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_broken = False
        threading.Thread(target=self._serve, daemon=True).start()

    def broken(self) -> None:
        """Cut every connection, and refuse new ones."""
        self.is_broken = True
        for one in list(self._open):
            _close(one)

    def mended(self) -> None:
        """Pass on again."""
        self.is_broken = False

    def close(self) -> None:
        self.broken()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.is_broken:
                    _close(near)
                    continue
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls and near.recv(1, socket.MSG_PEEK) == HANDSHAKE:
                near = self._tls.wrap_socket(near, server_side=True)
            far = socket.create_connection(("127.0.0.1", self.target))
            self._open |= {near, far}
            for source, sink, delay in ((near, far, 0), (far, near, self.delay)):
                threading.Thread(target=self._pass, args=(source, sink, delay), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, delay: float) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                time.sleep(delay)
                sink.sendall(data)
        for one in (source, sink):
            _close(one)
            self._open.discard(one)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
