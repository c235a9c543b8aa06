"""The queues alone, in a process of their own."""

import sys

sys.stderr.write("triage-panel alone needs PostgreSQL and Kafka, which are not supported yet: use `make run`.\n")
sys.exit(2)
