"""Alone, the shared record needs PostgreSQL and Kafka, which are not supported yet."""

import sys

if __name__ == "__main__":
    sys.stderr.write("child-record cannot run alone yet: use `make run`, which runs all services in one process.\n")
    sys.exit(2)
