"""Frontends of recognisers: the s3prl upstreams."""
