"""`python -m therapy_booking`: the service alone, which needs PostgreSQL and Kafka."""

import sys


def main() -> int:
    """Say what is needed."""
    sys.stderr.write("Booking alone needs PostgreSQL and Kafka, which are not supported yet: use `make run`.\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
