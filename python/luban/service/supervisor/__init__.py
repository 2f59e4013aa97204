"""The supervising process of a loop: it alone owns the outputs.

It is small and always answers: nothing in this package may import what learns or recommends (a test looks). It reads
the plant, asks an optimizer, has the answer judged by the guard, lets the mode machine decide, writes the decision
into the journal and only then to the plant, and confirms what it wrote.
"""
