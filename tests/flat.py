"""What a flat configuration, as a YAML file has it, makes."""

from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.enh.loss.conf import read_conf
from espnet2_ext.ssl.spec import split_conf
from espnet2_ext.ssl.upstream import FrozenUpstream


def ssl_distance(**conf) -> SSLDistance:
    return read_conf(conf)[1]


def frozen_upstream(**conf) -> FrozenUpstream:
    spec, settings = split_conf(conf)
    return FrozenUpstream(spec, **settings)
