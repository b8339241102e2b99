"""The promises, on every kind of source and three kinds of model."""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_server import Home
from signals import read_floats, read_integers, song, write
from wavinfo import WavInfoReader

from stemlift import Client

MODELS = ("spectral", "compact", "htdemucs")
SURROUND_MASK = 0x3F


def write_surround(path: Path, samples: np.ndarray, rate: int) -> Path:
    """A 24-bit 5.1 file with its speaker mask."""
    from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding

    grid = np.rint(samples * 2**23).astype(np.int32)
    with BroadcastWavWriter(path, rate, 6, Encoding.PCM_24, SURROUND_MASK) as writer:
        writer.write(grid)
    return path


def make(folder: Path, kind: str, frames: int) -> tuple[Path, int, int]:
    """A source of a kind, with its rate and channels."""
    match kind:
        case "stereo 44.1/16":
            return write(folder / "s.wav", song(frames, 2, 44100), 44100, "PCM_16"), 44100, 2
        case "mono 48/24":
            return write(folder / "m.wav", song(frames, 1, 48000), 48000, "PCM_24"), 48000, 1
        case "stereo 96/float":
            loud = 2.5 * song(frames, 2, 96000)
            return write(folder / "f.wav", loud, 96000, "FLOAT"), 96000, 2
        case "5.1 48/24":
            return write_surround(folder / "5.wav", song(frames, 6, 48000), 48000), 48000, 6
        case "stereo 44.1/32":
            return write(folder / "i.wav", song(frames, 2, 44100), 44100, "PCM_32"), 44100, 2
        case "flac 88.2/24":
            return write(folder / "a.flac", song(frames, 2, 88200), 88200, "PCM_24"), 88200, 2
        case "aiff 22.05/16":
            return write(folder / "b.aiff", song(frames, 2, 22050), 22050, "PCM_16"), 22050, 2
        case "vorbis 44.1":
            return write(folder / "v.ogg", song(frames, 2, 44100), 44100, "VORBIS"), 44100, 2
    raise AssertionError(kind)


INTEGER = ("stereo 44.1/16", "mono 48/24", "5.1 48/24", "stereo 44.1/32", "flac 88.2/24")
KINDS = (*INTEGER, "stereo 96/float", "aiff 22.05/16", "vorbis 44.1")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", KINDS)
def test_shape_and_null(client: Client, tmp_path: Path, kind: str, model: str) -> None:
    source, rate, channels = make(tmp_path, kind, 61_237)
    result = client.separate(source, model=model, out=tmp_path / "out").result(120)
    assert list(result.stems) == ["drums", "bass", "other", "vocals"]
    frames = soundfile.info(source).frames
    for path in result.stems.values():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.frames) == (rate, channels, frames)
    if kind in INTEGER:
        parts = [read_integers(path) for path in result.stems.values()]
        mix = read_integers(source)
        if result.encoding != "FLOAT":
            assert np.array_equal(sum(parts), mix)
            assert result.null_dbfs == -300
    floats = [read_floats(path) for path in result.stems.values()]
    mix = read_floats(source)
    worst = np.abs(mix - sum(floats)).max() / max(1.0, np.abs(mix).max())
    assert worst <= 1e-6
    assert result.null_dbfs is not None
    assert result.null_dbfs <= -120
    if worst > 0:
        assert abs(20 * np.log10(worst) - result.null_dbfs) < 1


@pytest.mark.parametrize(
    ("rate", "subtype"),
    [(8000, "PCM_16"), (22050, "PCM_24"), (44100, "PCM_16"), (48000, "PCM_24"), (96000, "FLOAT")],
)
def test_impulses_stay_at_their_samples(
    client: Client, tmp_path: Path, rate: int, subtype: str
) -> None:
    """Seen in what the model itself gives: a remainder would put right what it moves."""
    at = [rate // 3, rate, 2 * rate - 7]
    mix = np.zeros((2 * rate, 2))
    mix[at] = 0.8
    source = write(tmp_path / "clicks.wav", mix, rate, subtype)
    result = client.separate(source, model="spectral", remainder="off").result(120)
    loud = [
        stem for path in result.stems.values() if np.abs(stem := read_floats(path)).max() > 0.01
    ]
    assert loud
    for stem in loud:
        # A low-passed impulse is wide, and yet highest in its middle.
        for place in at:
            around = np.abs(stem[max(0, place - 50) : place + 50, 0])
            assert np.argmax(around) == min(place, 50)


@pytest.mark.parametrize("model", MODELS)
def test_a_range_is_that_part_of_the_file(client: Client, tmp_path: Path, model: str) -> None:
    samples = song(90_000, 2, 44100)
    source = write(tmp_path / "whole.wav", samples, 44100, "PCM_24")
    part = write(tmp_path / "part.wav", samples[20_011:71_000], 44100, "PCM_24")
    ranged = client.separate(
        source, model=model, start_frame=20_011, frames=50_989, out=tmp_path / "a"
    ).result(120)
    alone = client.separate(part, model=model, out=tmp_path / "b").result(120)
    assert (ranged.frames, ranged.start_frame) == (50_989, 20_011)
    for name, path in ranged.stems.items():
        assert np.array_equal(read_integers(path), read_integers(alone.stems[name]))


def test_range_in_seconds_and_its_time_stamp(client: Client, tmp_path: Path) -> None:
    from stemlift.audio.info import Bext
    from stemlift.audio.wav_writer import BroadcastWavWriter, Encoding

    body = bytearray(602)
    body[:9] = b"Bounce 12"
    body[338:346] = (3600 * 48000).to_bytes(8, "little")
    source = tmp_path / "stamped.wav"
    grid = np.rint(song(96_000, 2, 48000) * 2**23).astype(np.int32)
    with BroadcastWavWriter(
        source, 48000, 2, Encoding.PCM_24, None, Bext(3600 * 48000, bytes(body))
    ) as writer:
        writer.write(grid)
    result = client.separate(source, model="spectral", start=0.5, duration=1.0).result(120)
    assert (result.start_frame, result.frames) == (24_000, 48_000)
    for path in result.stems.values():
        bext = WavInfoReader(str(path)).bext
        assert bext.time_reference == 3600 * 48000 + 24_000
        assert bext.description.startswith("Bounce 12")
    flac = client.separate(source, model="spectral", format="flac")
    flac.result(120)
    (warning,) = flac.state().warnings
    assert "time stamp" in warning


def test_levels_above_full_scale_become_float_for_all(client: Client, tmp_path: Path) -> None:
    """Out of phase stems of a loud mix pass full scale; none is clipped or turned down."""
    rng = np.random.default_rng(5)
    samples = np.sign(rng.standard_normal((44100, 2))) * 0.999
    source = write(tmp_path / "loud.wav", samples, 44100, "PCM_16")
    result = client.separate(source, model="htdemucs").result(120)
    peaks = {name: level.peak_dbfs for name, level in result.levels.items()}
    assert max(peaks.values()) > 0, peaks
    assert result.encoding == "FLOAT"
    parts = {name: read_floats(path) for name, path in result.stems.items()}
    assert np.array_equal(sum(parts.values()), read_floats(source))
    for name, part in parts.items():
        assert abs(20 * np.log10(np.abs(part).max()) - peaks[name]) < 0.001


def digests(result: object) -> dict[str, str]:
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in result.stems.items()  # type: ignore[attr-defined]
    }


@pytest.mark.parametrize("model", MODELS)
def test_repeatable_and_batch_independent(client: Client, tmp_path: Path, model: str) -> None:
    source = write(tmp_path / "s.wav", song(44100 * 3, 2, 44100), 44100, "FLOAT")
    runs = [
        client.separate(
            source, model=model, batch=batch, precision="fp32", out=tmp_path / name
        ).result(120)
        for name, batch in (("a", 1), ("b", 1), ("c", 4))
    ]
    assert digests(runs[0]) == digests(runs[1])
    for name, path in runs[0].stems.items():
        assert np.abs(read_floats(path) - read_floats(runs[2].stems[name])).max() <= 1e-5


def test_the_threads_of_the_shell_that_starts_the_server_do_not_matter(
    shared_home: Home, home: Home, tmp_path: Path
) -> None:
    """OMP_NUM_THREADS comes with whichever client happens to start the server."""
    shutil.copytree(shared_home.paths.models, home.paths.models)
    source = write(tmp_path / "s.wav", song(44100 * 2, 2, 44100), 44100, "FLOAT")
    found = []
    for inherited in ("1", "2"):
        home.variables |= {"OMP_NUM_THREADS": inherited, "STEMLIFT_THREADS": "2"}
        home.serve()
        with home.client() as client:
            for model in MODELS:
                job = client.separate(source, model=model, out=tmp_path / inherited / model)
                found.append(digests(job.result(120)))
                assert job.state().device_reason.endswith(", with 2 threads.")
        home.end()
    assert found[: len(MODELS)] == found[len(MODELS) :]


def test_sixteen_clients_get_what_one_gets(shared_home: Home, tmp_path: Path) -> None:
    sources = [
        write(tmp_path / f"{seed}.wav", song(30_000, 2, 44100, seed), 44100, "PCM_16")
        for seed in range(4)
    ]

    def separate(number: int) -> tuple[int, dict[str, str]]:
        which = number % 4
        with shared_home.client() as own:
            job = own.separate(
                sources[which],
                model=("spectral", "htdemucs")[which % 2],
                out=tmp_path / f"out{number}",
            )
            return which, digests(job.result(200))

    alone = dict(separate(number) for number in range(100, 104))
    with ThreadPoolExecutor(16) as pool:
        for which, found in pool.map(separate, range(16)):
            assert found == alone[which]


def test_a_stem_does_not_depend_on_what_else_is_asked_for(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(60_000, 2, 44100), 44100, "PCM_16")
    whole = client.separate(source, model="htdemucs_ft", out=tmp_path / "a").result(120)
    some = client.separate(
        source, model="htdemucs_ft", stems=["vocals", "drums", "instrumental"], out=tmp_path / "b"
    ).result(120)
    assert list(some.stems) == ["vocals", "drums", "instrumental"]
    for name in ("vocals", "drums"):
        assert digests(whole)[name] == digests(some)[name]
    both = read_integers(some.stems["vocals"]) + read_integers(some.stems["instrumental"])
    assert np.array_equal(both, read_integers(source))
    assert some.null_dbfs == -300


def test_separate_remainder_completes_any_subset(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(50_000, 2, 48000), 48000, "PCM_24")
    result = client.separate(source, model="htdemucs", stems=["bass"], remainder="separate").result(
        120
    )
    assert list(result.stems) == ["bass", "remainder"]
    parts = [read_integers(path) for path in result.stems.values()]
    assert np.array_equal(sum(parts), read_integers(source))


def test_a_subset_without_its_remainder_claims_no_null(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "s.wav", song(30_000, 2, 44100), 44100, "PCM_16")
    result = client.separate(source, model="spectral", stems=["drums"]).result(120)
    assert list(result.stems) == ["drums"]
    assert result.null_dbfs is None


@pytest.mark.parametrize("frames", [1, 7, 300, 4095])
def test_songs_shorter_than_a_segment(client: Client, tmp_path: Path, frames: int) -> None:
    source = write(tmp_path / "tiny.wav", song(20_000, 2, 48000)[:frames], 48000, "PCM_16")
    for model in MODELS:
        result = client.separate(source, model=model, out=tmp_path / model).result(120)
        parts = [read_integers(path) for path in result.stems.values()]
        assert result.frames == frames
        assert np.array_equal(sum(parts), read_integers(source))


def test_silence_stays_silent(client: Client, tmp_path: Path) -> None:
    source = write(tmp_path / "silent.wav", np.zeros((30_000, 2)), 44100, "PCM_16")
    for model in MODELS:
        result = client.separate(source, model=model, out=tmp_path / model).result(120)
        for path in result.stems.values():
            assert np.abs(read_floats(path)).max() <= 2**-23


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ("swap", lambda mix: mix[:, ::-1]),
        ("downmix", lambda mix: mix.mean(axis=1, keepdims=True)),
        (1, lambda mix: mix[:, 1:2]),
        ((1, 0), lambda mix: mix[:, [1, 0]]),
    ],
)
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_channel_maps(client: Client, tmp_path: Path, channels, expected, subtype: str) -> None:
    source = write(tmp_path / "s.wav", song(30_000, 2, 44100), 44100, subtype)
    result = client.separate(source, model="spectral", channels=channels).result(120)
    total = sum(read_floats(path) for path in result.stems.values())
    assert np.array_equal(total, expected(read_floats(source)))


def test_low_frequency_channel_goes_to_the_bass(client: Client, tmp_path: Path) -> None:
    source = write_surround(tmp_path / "5.wav", song(40_000, 6, 48000), 48000)
    result = client.separate(source, model="spectral").result(120)
    mix = read_integers(source)
    assert np.array_equal(read_integers(result.stems["bass"])[:, 3], mix[:, 3])
    assert not read_integers(result.stems["vocals"])[:, 3].any()


@pytest.mark.parametrize("mask", ["binary", "ratio", "complex"])
def test_masks_through_the_server(client: Client, tmp_path: Path, mask: str) -> None:
    source = write(tmp_path / "s.wav", song(44100, 2, 44100), 44100, "PCM_16")
    result = client.separate(
        source, model="spectral", mask=mask, remainder="off", out=tmp_path / mask
    ).result(120)
    # Binary and ratio masks sum to one, so that even the bare output nulls but for the
    # rounding; the Wiener filter keeps back a little, as the noise that it reckons with.
    assert result.null_dbfs is not None
    assert result.null_dbfs < (-50 if mask == "complex" else -90)
