"""Starts notification alone."""

import sys


def main() -> int:
    """Say why it does not start yet."""
    print(  # noqa: T201  what an operator reads
        "notification alone needs PostgreSQL and Kafka, which are not supported yet: start the whole with `make run`.",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
