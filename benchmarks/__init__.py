"""Side by side with FiPy and py-pde: what a problem costs, and what error is left.

`problems` says what is solved and knows its exact solution, `ours` solves it with this program,
`peers` with the others as their own users would, `machine` measures what the machine can do.
`cases` names all of them; each runs in a process of its own (`case`), in turns (`__main__`).
"""
