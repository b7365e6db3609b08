"""What every command raises when it does not go on."""


class Refusal(Exception):
    """Why a command does not go on: one sentence that names the value and the rule."""
