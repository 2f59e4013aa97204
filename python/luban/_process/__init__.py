"""Private: the process file and its translation into the C++ definition."""
