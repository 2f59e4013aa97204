"""Private: sources of tables, one file for each kind; ``base`` says what an import asks of them."""
