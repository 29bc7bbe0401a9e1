"""Speech enhancement trained with an SSL-representation loss, as an ESPnet2 plugin.

Map of the package (what extends ``espnet2/x/y.py`` lives in ``espnet2_ext/x/y.py``):

* ``enh.loss``                 ``SSLDistance``, the loss for any training loop
* ``enh.loss.functional``      the mathematics of the loss, and the list of distances
* ``enh.loss.criterions.ssl``  ``SSLLoss``, the ESPnet criterion around it
* ``enh.loss.wrappers``        the solver that hands lengths to the criterion
* ``enh.espnet_model``         the enhancement model that hands lengths to the solver
* ``frames``                   masks of padded batches, and means over them
* ``ssl``                      frozen differentiable upstreams, layer specifications
* ``tasks.enh_ssl``            the ESPnet task, and the registration of our classes
* ``bin``                      command-line entry points (``python -m ...bin.X``)
* ``fileio``, ``data``         scp files, audio, data directories, the embedded corpus
* ``metrics``, ``report``      scores per utterance, tables, intervals, RESULTS.md

Importing this package imports nothing else.
"""

__version__ = "0.1.0"
