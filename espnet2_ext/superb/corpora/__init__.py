"""Official SUPERB corpora to CSV manifests: which corpus, from where, laid out how.

``registry`` has the one table; each corpus has a module of its name with one function
``build(task, root, options, pieces) -> Splits``. The corpora are parsed by s3prl's own
parsers (``s3prl.dataio.corpus``), after a check that reports everything that is
missing at once: the parsers stop at the first thing, with an assertion. Nothing here
uses the network.
"""
