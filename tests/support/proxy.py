"""What stands between a tool and a server: it can be slow, and it can break."""

import contextlib
import socket
import threading
import time


class Proxy:
    """Passes TCP on from its `port` to another; each answer comes `delay` seconds late. Close it when done."""

    def __init__(self, target: int, delay: float = 0) -> None:
        self.target, self.delay = target, delay
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
