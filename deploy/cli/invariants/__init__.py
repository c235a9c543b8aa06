"""What must always hold, an idea a file: each function derives one invariant again and gives back its `Finding`."""
