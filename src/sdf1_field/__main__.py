"""Start of the program: until its commands can handle an interrupt, it just ends by it."""

import signal


def main() -> None:
    """Load the command line and run it."""
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from sdf1_field.cli import main as program

    signal.signal(signal.SIGINT, handler)
    program()


if __name__ == "__main__":
    main()
