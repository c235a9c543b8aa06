"""Intake alone, in a process of its own."""

import sys

sys.stderr.write("referral-intake alone needs PostgreSQL and Kafka, which are not supported yet: use `make run`.\n")
sys.exit(2)
