"""``python -m qinspect``, and the command ``qinspect``."""

import sys


def main() -> None:
    """The process; Ctrl+C during its imports, which take a moment, is no traceback either."""
    try:
        from .cli import run
        from .engine.process.child import wait_asleep

        wait_asleep()
        run()
    except KeyboardInterrupt:
        print("cancelled", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
