"""Python interface: solve a model, open a run, read its tables; the command line uses it too.

`loading` loads models and `solving` solves them, `runs` holds runs and dishes of one experiment,
`replaying` moves other cells in a recorded dish, `tables` lists the tables of `analyse` and makes
them, `frames` makes data frames of them, `reporting` writes verdicts, `judging` judges readings of
any program, `calibrating` infers
parameters, `sweeping` varies keys of a model, `ablating` takes mechanisms away, `powering` sizes
experiments and `designing` ranks them, `tracking` reads tracks from files, `measuring` segmented
pictures and cells on them, `exporting` writes a run for other programs, `pictures` and `movies`
write these, and `viewing` pages that play. The names a user needs are those of `sdf1_field` itself.
"""
