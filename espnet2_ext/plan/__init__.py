"""The plan of an experiment: options checked, and the systems that they describe.

* ``table``      a row of ``exp/systems.tsv``, its columns, reading and writing
* ``systems``    the rows that the options describe
* ``denoisers``  which public denoisers are installed
* ``check``      runs all checks, and says everything that is wrong at once
* ``options``    option -> check of its value, out of ``values`` and ``registries``
* ``stages``     the stages of each template, and which of them run
* ``data_options``, ``system_options``, ``downstream_options``  options together
* ``yamls``      files, as far as they are checked without ESPnet
* ``trainings``, ``use``  what ESPnet and s3prl would make of options, by ``parsers``

A recipe starts with it, before its environment exists. So importing these modules
needs nothing but the standard library of Python 3.10. ``environment`` says what else is
there.
"""
