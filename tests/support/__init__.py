"""What the tests stand on: rendering, the real tools, an API server, the real charts."""
