"""A trained ESPnet recogniser as an upstream: what its encoder and its CTC hear.

It was trained with transcripts, so it is a supervised upstream, as Whisper is. Its last
layer, logits of tokens, is what the distance ``ctc`` compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from espnet2_ext.errors import UserError
from espnet2_ext.ssl.relation import ESPNET_ASR

PROBE = 38400  # samples: whole frames for hops of 128, 160 and 256, and 2 to 8 of them


class ESPnetRecogniser(nn.Module):
    """Encoder and CTC of an ESPnet ASR, as an s3prl expert.

    Hidden states: 0 is the output of the encoder, (B, F, D); 1, the last, are the
    logits of its CTC, (B, F, V), blank first.

    Args:
        ckpt: weights that ESPnet's training wrote, with its config.yaml beside them.

    Raises:
        UserError: if there is no such configuration, or the recogniser has no CTC.
    """

    def __init__(self, ckpt: str | Path) -> None:
        super().__init__()
        from espnet2.tasks.asr import ASRTask  # takes seconds

        config = Path(ckpt).with_name("config.yaml")
        if not config.is_file():
            raise UserError(
                f"{config}: no such file; expected the configuration of the recogniser "
                f"beside its weights; give {ESPNET_ASR} a .pth of an ESPnet training."
            )
        self.model, _ = ASRTask.build_model_from_file(str(config), str(ckpt), "cpu")
        if self.model.ctc is None:
            raise UserError(
                f"{config}: found a recogniser without CTC (ctc_weight "
                f"{self.model.ctc_weight}); expected one with ctc_weight above 0."
            )
        self.stride = self._measure_stride()

    def _measure_stride(self) -> int:
        """Find the samples per frame: by how many more frames more silence gives."""
        self.model.eval()
        with torch.no_grad():
            first, second = (
                self([torch.zeros(samples)])["hidden_states"][0].size(1)
                for samples in (PROBE, 2 * PROBE)
            )
        return round(PROBE / (second - first))

    def get_downsample_rates(self, key: str) -> int:
        """Give the samples per frame, as s3prl's experts do."""
        return self.stride

    def forward(self, wavs: Sequence[Tensor]) -> dict[str, list[Tensor]]:
        """Compute the hidden states of waveforms (T,) each, padded to the longest."""
        lengths = torch.tensor([len(wav) for wav in wavs], device=wavs[0].device)
        speech = nn.utils.rnn.pad_sequence(list(wavs), batch_first=True)
        encoded, _ = self.model.encode(speech, lengths)
        if isinstance(encoded, tuple):  # with intermediate CTC
            encoded = encoded[0]
        return {"hidden_states": [encoded, self.model.ctc.ctc_lo(encoded)]}


def espnet_asr_local(ckpt: str, refresh: bool = False) -> ESPnetRecogniser:
    """Hub entry, as s3prl's are: an ESPnet recogniser from its weights."""
    return ESPnetRecogniser(ckpt)
