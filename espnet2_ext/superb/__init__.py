"""SUPERB-style probes: small heads on a frozen upstream, driven by CSV manifests.

Models, samplers, losses, metrics and default hyper-parameters are s3prl's
(``s3prl.problem``); SUPERB: Yang et al., Interspeech 2021. Here are the manifests and
their checks, the store of features, the head that every condition shares, and the
results per utterance.
"""
