"""Solvers of `sdf1_field.transport`'s equations, each four functions over its own state."""
