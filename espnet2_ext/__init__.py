"""Speech enhancement trained with an SSL-representation loss, as an ESPnet2 plugin.

Map of the package (what extends ``espnet2/x/y.py`` lives in ``espnet2_ext/x/y.py``):

* ``enh.loss``             ``SSLDistance``, the loss for any training loop
* ``enh``                  the enhancement model, criteria, export, observation adding
* ``ssl``                  frozen differentiable upstreams, layer specifications
* ``tasks``, ``train``     ESPnet's tasks and trainer, with checks of all options
* ``asr``, ``hubert``      recognisers; targets of HuBERT and its conversion
* ``denoisers``            public denoisers
* ``metrics``, ``superb``  scores per utterance; probes of SUPERB's tasks
* ``report``, ``ablation`` tables, intervals, RESULTS.md
* ``plan``                 the options of a recipe, checked; its list of systems
* ``data``, ``fileio``     data directories; scp lists, audio, YAML, checkpoints
* ``torch_utils``          masks of padded batches, processes
* ``bin``                  command lines (``python -m espnet2_ext.bin.NAME``)

Importing this package imports nothing else.
"""

__version__ = "0.1.0"
