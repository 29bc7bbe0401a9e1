"""What the tests of check_data share."""

from espnet2_ext.data.check import check_data_dir


def found(folder, **kwargs):
    """{(file, line, utt, kind)} of the problems of a directory."""
    return {
        (problem.file.rpartition("/")[2], problem.line, problem.utt, problem.kind)
        for problem in check_data_dir(folder, **kwargs)
    }


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def swap(path, first, second):
    lines = path.read_text().splitlines()
    lines[first], lines[second] = lines[second], lines[first]
    path.write_text("\n".join(lines) + "\n")


def audio(folder, kind, utt):
    return folder / "audio" / kind / f"{utt}.wav"
