"""`python -m sdf1_field.cli`, where the program is not on the path."""

from sdf1_field.__main__ import main

main()
