import subprocess
import sys

import pytest

from stemlift.errors import Reason, StemliftError
from stemlift.models.auto import choose_auto
from stemlift.models.catalogue import load_catalogue, parse_catalogue
from stemlift.models.spec import MaskKind, ModelSpec


def test_the_models_in_order_of_rank() -> None:
    names = [spec.name for spec in load_catalogue().models]
    best = ["htdemucs_ft", "bs_roformer_musdb18_4stems", "bsrnn_simo_opt", "htdemucs"]
    assert names[:4] == best
    ranked = [spec for spec in load_catalogue().models if spec.rank >= 0]
    assert [each.name for each in ranked[-2:]] == ["compact", "spectral"]
    # `auto` must not surprise: what it may take gives the four usual stems.
    assert all({"drums", "bass", "other", "vocals"} <= set(spec.stems) for spec in ranked)


def test_spectral_needs_no_download_and_offers_three_masks() -> None:
    spec = load_catalogue().get("spectral")
    assert spec.repository is None
    assert spec.download_bytes == 0
    assert spec.masks == (MaskKind.RATIO, MaskKind.BINARY, MaskKind.COMPLEX)


@pytest.mark.parametrize(
    ("name", "repository", "stems"),
    [
        ("htdemucs", "adefossez/HTDemucs", 4),
        ("htdemucs_ft", "adefossez/HTDemucs-ft", 4),
        ("htdemucs_6s", "adefossez/HTDemucs-6s", 6),
        ("hdemucs_mmi", "adefossez/Demucs-hdemucs_mmi", 4),
    ],
)
def test_where_the_demucs_weights_are(name: str, repository: str, stems: int) -> None:
    spec = load_catalogue().get(name)
    assert spec.repository == repository
    assert spec.bag == f"{name}.yaml"
    assert len(spec.stems) == stems
    assert "only for scientific purposes" in spec.licence
    assert spec.commercial_use is False


def test_an_unknown_name_lists_the_closest_first() -> None:
    with pytest.raises(StemliftError) as caught:
        load_catalogue().get("htdemucs-ft")
    assert caught.value.reason is Reason.MODEL_UNKNOWN
    assert "htdemucs-ft" in caught.value.message
    assert "Choose one of: htdemucs_ft, " in caught.value.remedy
    assert "spectral" in caught.value.remedy


@pytest.mark.parametrize(
    "change",
    [
        ('network = "spectral"', 'network = "pickle"'),
        ("rank = 0", "rank = 40"),
        ('bag = "htdemucs.yaml"', 'bag = "../htdemucs.yaml"'),
        ('repository = "adefossez/HTDemucs"\n', ""),
        ('name = "vocals-b62c91ce.pth"', 'name = "../vocals-b62c91ce.pth"'),
        ("https://zenodo.org", "ftp://zenodo.org"),
        ('sha256 = "9619578f', 'sha256 = "Z619578f'),
        ('member = "bsrnn-opt/bass.ckpt"', 'member = "../bass.ckpt"'),
        ('member = "bsrnn-opt/bass.ckpt"', 'member = "/bass.ckpt"'),
        ('md5 = "89075aac776f82295a074a56d0428a18"', 'md5 = "89075aac"'),
        ("sample_rate", "samplerate"),
    ],
)
def test_a_wrong_catalogue_is_refused(change: tuple[str, str]) -> None:
    from importlib.resources import files

    text = files("stemlift.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    assert change[0] in text
    with pytest.raises(ValueError, match="validation error"):
        parse_catalogue(text.replace(*change))


@pytest.mark.parametrize(
    ("installed", "chosen", "advised"),
    [
        (set(), "compact", "htdemucs separates better"),
        ({"htdemucs_6s"}, "htdemucs_6s", "htdemucs separates better"),
        ({"hdemucs_mmi"}, "hdemucs_mmi", "htdemucs separates better"),
        ({"htdemucs_6s", "htdemucs"}, "htdemucs", "htdemucs_ft separates better"),
        ({"htdemucs", "htdemucs_ft", "mel_band_roformer_kim"}, "htdemucs_ft", ""),
    ],
)
def test_auto_takes_the_best_that_is_here(installed: set[str], chosen: str, advised: str) -> None:
    choice = choose_auto(load_catalogue(), lambda spec: spec.name in installed | {"spectral"})
    assert choice.spec.name == chosen
    assert choice.advice.startswith(advised)
    assert bool(choice.advice) == bool(advised)
    assert "\n" not in choice.advice


def test_the_advice_names_size_and_command() -> None:
    choice = choose_auto(load_catalogue(), lambda spec: spec.name == "spectral")
    assert "84 MB" in choice.advice
    assert "stemlift separate --model htdemucs " in choice.advice


def test_the_light_modules_import_neither_torch_nor_the_hub() -> None:
    code = (
        "import sys, stemlift.models.auto, stemlift.models.store, stemlift.models.catalogue;"
        "print([m for m in ('torch', 'demucs', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_an_archive_holds_is_fetched_and_counted_once() -> None:
    spec = load_catalogue().get("bsrnn_opt")
    members = [file for file in spec.files if file.member]
    assert [file.name for file in members] == [
        "vocals.ckpt",
        "bass.ckpt",
        "drums.ckpt",
        "other.ckpt",
    ]
    assert len({file.address for file in members}) == 1
    assert spec.download_bytes == 1827060285 + 546 + 1151


def test_files_of_one_archive_must_agree_on_it() -> None:
    from importlib.resources import files

    text = files("stemlift.models").joinpath("catalogue.toml").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="files of one archive"):
        parse_catalogue(text.replace("size = 1827060285", "size = 1827060286", 1))
    with pytest.raises(ValueError, match="file with an address"):
        parse_catalogue(
            text.replace(
                'address = "https://zenodo.org/records/17516442/files/bsrnn-opt.zip", ', "", 1
            )
        )


@pytest.mark.parametrize("spec", load_catalogue().models, ids=lambda spec: spec.name)
def test_every_entry_can_be_had_and_says_what_it_is(spec: ModelSpec) -> None:
    assert spec.title
    assert spec.licence
    assert spec.speed is not None
    assert load_catalogue().parts(spec)
    for file in spec.files:
        assert file.address is None or file.address.startswith("https://")
        # What lies at an address can change; what its checksum says cannot.
        assert file.sha256 is not None or file.md5 is not None
    for stem, decibels in spec.sdr:
        assert stem in spec.stems
        assert 0 < decibels < 20
