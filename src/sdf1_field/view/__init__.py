"""Offline viewer: run files as one HTML file that plays in a browser without a network.

The page is put together by `assembly.assemble_page` from ``page/page.html``, ``style.css`` and
scripts, which stand in the page one after the other in one scope, so each sees the functions of
those before it. Its data are one JSON value and binary blocks (`codec`). No part of it reads text
as HTML, and its content policy forbids requests.

What scripts share, of ``page/base.js``:

- ``page.data``, the JSON value. A run's page has ``data.runs``, one for each run, with ``name``,
  ``title``, ``facts`` (of `facts.run_facts`), times and arrays; ``data.clock`` is the text of the
  clock's origin.
- ``page.state.time`` [s] on that clock (the file's times and ``run.offset``) and
  ``page.state.cell`` (``{run, number}`` or null); ``page.setTime(s)`` and ``page.setCell(cell)``
  change them, ``page.onTime(listener)`` and ``page.onCell(listener)`` follow them. ``page.times``
  are the times that can be shown [s].
- ``page.addTab(id, label, build)``: ``build(section)`` fills the tab once, at the start, so that
  all tabs are printed. ``page.addStarter(async () => …)`` is awaited before.
- ``el(tag, attributes, ...children)`` and ``svg(...)`` make elements, ``numberText`` and
  ``timeText`` write values, ``colourOf("--held")`` reads a colour of the style, and
  ``themeListeners`` is called when it changes; ``announce(text)`` speaks to screen readers, and
  ``page.block(name)`` gives a binary block.

`facts` owns ``facts.py``, ``page/curves.js`` and ``page/facts.js``. A page of another kind takes
``assemble_page(title, data, scripts=("base.js", ..., "start.js"))``.
"""
