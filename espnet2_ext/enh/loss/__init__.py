"""The SSL loss: ``from espnet2_ext.enh.loss import SSLDistance``; without ESPnet."""

from espnet2_ext.enh.loss.ssl_distance import SSLDistance

__all__ = ["SSLDistance"]
