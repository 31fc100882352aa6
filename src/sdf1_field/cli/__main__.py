"""`python -m sdf1_field.cli`, where the program is not on the path."""

from sdf1_field.cli import main

main()
