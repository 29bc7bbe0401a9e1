"""The plan of an experiment: options checked, and the systems that they describe.

* ``table``    a row of ``exp/systems.tsv``, its columns, reading and writing
* ``systems``  the rows that the options describe

A recipe starts with it, before its environment exists. So importing these modules needs
nothing but the standard library of Python 3.10.
"""
