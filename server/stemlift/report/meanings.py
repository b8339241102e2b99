"""The figures of a report, each in a few words for somebody who mixes."""

from __future__ import annotations

MEANINGS = {
    "null": "What is left of the mix when all stems are taken away. Exact, or below −90 dB: they"
    " are the mix again when you play them together.",
    "level balance": "How loud the stems are together, against the mix. It should be 0 dB.",
    "shared sound": "Whether the stems' energies add up to that of their sum. Below 0 dB some sound"
    " is in several stems, above it stems cancel each other.",
    "share": "The energy of a stem against that of the mix.",
    "loudness": "Integrated loudness by ITU-R BS.1770, as streaming services and meters show it.",
    "true peak": "The highest peak, between samples too. Above 0 dBTP a converter or a lossy"
    " format may clip.",
    "correlation": "What a phase meter shows: 1 for mono, 0 for two unrelated channels, below 0"
    " for opposite ones.",
    "bleed": "How loud other stems are in this one, against its own level: found where it pauses"
    " and they play. Below −25 dB is good, above −15 dB you hear it at once in solo.",
    "phase": "How uneven the mix becomes when this stem alone is late by a millisecond, as after"
    " a plug-in with latency. Up to 0.5 dB is good; from 1.5 dB on the mix sounds hollow.",
    "mono": "What the stem loses on a mono loudspeaker. −3 dB is normal for wide sounds; −6 dB"
    " and less means that much of it cancels.",
    "attacks": "What attacks lost in sharpness against the mix. Below 0 they are clearer than in"
    " the mix; above 6 dB there is a swell or a pre-echo before each hit.",
    "highs": "What all stems together lack above 16 kHz, and for a stem where its own band ends"
    " before the mix's does.",
    "clipping": "Places where three or more samples in a row stand at full scale.",
}
