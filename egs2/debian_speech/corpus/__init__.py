"""The embedded corpus: real speech and real noise out of Debian packages.

``packages`` is the table of sources, ``apt`` and ``fetch`` get and unpack them,
``speech`` and ``noise`` find the clips, ``splits`` says who goes where, ``plan``
lists every mixture, ``build`` renders them into data directories.
"""
