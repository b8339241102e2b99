"""Projects of other programs, read as far as a session can say them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from dawproject_files import archive_of, schema_errors

from stemlift.sessions.dawproject import read_dawproject
from stemlift.sessions.timeline import (
    BandKind,
    Clip,
    Compressor,
    Equalizer,
    Marker,
    OtherEffect,
    Session,
    TempoPoint,
)

# The project.xml that the format's own description shows, saved by Bitwig Studio 5, less its
# notes; and a group, devices, markers and a tempo map, as programs write them.
BITWIG = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Project version="1.0">
  <Application name="Bitwig Studio" version="5.0"/>
  <Transport>
    <Tempo max="666.000000" min="20.000000" unit="bpm" value="120" id="id0" name="Tempo"/>
    <TimeSignature denominator="4" numerator="4" id="id1"/>
  </Transport>
  <Structure>
    <Track contentType="notes" loaded="true" id="id2" name="Bass" color="#a2eabf">
      <Channel audioChannels="2" destination="id15" role="regular" solo="false" id="id3">
        <Devices>
          <ClapPlugin deviceID="org.x" deviceName="Surge XT" deviceRole="instrument"
                      loaded="true" id="id7" name="Surge XT">
            <Parameters/>
            <Enabled value="true" id="id8" name="On/Off"/>
            <State path="plugins/d19b1f6e.clap-preset"/>
          </ClapPlugin>
          <Compressor deviceName="Compressor" deviceRole="audioFX">
            <Enabled value="false" id="c1"/>
            <Ratio unit="percent" value="50" id="c2"/>
            <Threshold unit="decibel" value="-20" id="c3"/>
          </Compressor>
          <Equalizer deviceName="EQ+" deviceRole="audioFX">
            <Band type="bell"><Freq unit="hertz" value="440" id="e1"/></Band>
            <Band type="bandPass"><Freq unit="hertz" value="440" id="e2"/></Band>
          </Equalizer>
        </Devices>
        <Mute value="true" id="id6" name="Mute"/>
        <Pan max="1.000000" min="0.000000" unit="normalized" value="0.25" id="id5" name="Pan"/>
        <Volume max="2.000000" min="0.000000" unit="linear" value="0.5" id="id4" name="Volume"/>
      </Channel>
    </Track>
    <Track contentType="tracks" loaded="true" id="g1" name="Group">
      <Channel role="master" solo="true" id="g2"/>
      <Track contentType="audio" loaded="true" id="id9" name="Drumloop" color="#b53bbaff">
        <Channel audioChannels="2" destination="g2" role="regular" solo="false" id="id10">
          <Volume unit="decibel" value="-3" id="id11"/>
        </Channel>
      </Track>
    </Track>
    <Track contentType="audio notes" loaded="true" id="id14" name="Master">
      <Channel audioChannels="2" role="master" solo="false" id="id15"/>
    </Track>
  </Structure>
  <Arrangement id="id19">
    <Lanes timeUnit="beats" id="id20">
      <Lanes track="id2" id="id21"><Clips id="id22"/></Lanes>
      <Lanes track="id9" id="id24">
        <Clips id="id25">
          <Clip time="8.0" duration="4.0" playStart="2.0" loopStart="0.0" loopEnd="8.0"
                fadeTimeUnit="beats" fadeInTime="1.0" fadeOutTime="0.0" name="Outer">
            <Clips id="id26">
              <Clip time="0.0" duration="8.0" contentTimeUnit="beats" playStart="0.0"
                    fadeTimeUnit="beats" fadeInTime="0.0" fadeOutTime="0.0">
                <Warps contentTimeUnit="seconds" timeUnit="beats" id="id28">
                  <Audio algorithm="stretch" channels="2" duration="3.0"
                         sampleRate="48000" id="id27">
                    <File path="audio/Drumfunk3 170bpm.wav"/>
                  </Audio>
                  <Warp time="0.0" contentTime="0.0"/>
                  <Warp time="8.0" contentTime="3.0"/>
                </Warps>
              </Clip>
            </Clips>
          </Clip>
          <Clip time="16" duration="2" contentTimeUnit="seconds" playStart="0.5" enable="false">
            <Lanes id="l1">
              <Audio channels="1" duration="9" sampleRate="48000" id="a2">
                <File path="../raw/x.wav" external="true"/>
              </Audio>
              <Points unit="linear" id="p1">
                <Target expression="gain"/><RealPoint time="0" value="0.5"/>
              </Points>
              <Points unit="semitones" id="p2">
                <Target expression="transpose"/><RealPoint time="0" value="7"/>
              </Points>
            </Lanes>
          </Clip>
        </Clips>
      </Lanes>
      <Lanes track="id14" id="id29"><Clips id="id30"/></Lanes>
    </Lanes>
    <Markers id="m1"><Marker time="4" name="Drop" color="#010203"/></Markers>
    <TempoAutomation unit="bpm" timeUnit="beats" id="t1">
      <Target parameter="id0"/>
      <RealPoint time="0" value="120" interpolation="hold"/>
      <RealPoint time="16" value="60" interpolation="linear"/>
    </TempoAutomation>
    <TimeSignatureAutomation timeUnit="beats" id="t2">
      <Target parameter="id1"/>
      <TimeSignaturePoint time="8" numerator="7" denominator="8"/>
    </TimeSignatureAutomation>
  </Arrangement>
  <Scenes/>
</Project>
"""


@pytest.fixture
def bitwig(tmp_path: Path) -> Session:
    assert schema_errors(BITWIG.encode()) == []
    path = archive_of(
        tmp_path / "drums.dawproject",
        {
            "project.xml": BITWIG.encode(),
            "metadata.xml": b"<MetaData><Title>A song</Title></MetaData>",
        },
    )
    return read_dawproject(path).session


def test_tracks_and_groups_of_bitwig(bitwig: Session) -> None:
    assert (bitwig.name, bitwig.sample_rate) == ("A song", 48_000)
    bass, group = bitwig.tracks
    assert (bass.name, bass.mute, bass.pan, bass.colour) == ("Bass", True, -0.5, (162, 234, 191))
    assert bass.gain_db == pytest.approx(-6.0206, abs=1e-4)
    surge, compressor, equalizer = bass.effects
    assert surge == OtherEffect("Surge XT")
    assert isinstance(compressor, Compressor)
    assert (compressor.ratio, compressor.threshold_db, compressor.enabled) == (2.0, -20.0, False)
    assert isinstance(equalizer, Equalizer)
    assert [band.kind for band in equalizer.bands] == [BandKind.BELL]
    assert (group.name, group.solo, [one.name for one in group.children]) == (
        "Group",
        True,
        ["Drumloop"],
    )
    assert group.children[0].gain_db == -3.0


def test_clips_in_clips_by_beats_with_warps(bitwig: Session, tmp_path: Path) -> None:
    clip, raw = bitwig.tracks[1].children[0].clips
    assert clip.file == tmp_path / "drums.dawproject" / "audio" / "Drumfunk3 170bpm.wav"
    assert clip.media.frames == 144_000
    # 8 beats at 120 are 4 s, and hold 3 s of sound.
    assert clip.stretch == Fraction(3, 4)
    assert (clip.position, clip.length) == (Fraction(4), Fraction(2))
    assert clip.source_start == Fraction(3, 4)
    assert (clip.name, clip.fade_in, clip.fade_out) == ("Outer", Fraction(1, 2), 0)
    assert raw == Clip(
        raw.media,
        Fraction(8),
        Fraction(2),
        Fraction(1, 2),
        gain_db=pytest.approx(-6.0206, abs=1e-4),
        pitch=7.0,
        mute=True,
    )
    assert raw.file == tmp_path / "../raw/x.wav"


def test_the_tempo_map_and_markers_in_beats(bitwig: Session) -> None:
    assert bitwig.tempo == (
        TempoPoint(Fraction(0), 120.0),
        TempoPoint(Fraction(4), 120.0, 7, 8),
        TempoPoint(Fraction(8), 60.0, 7, 8),
    )
    assert bitwig.markers == (Marker(Fraction(2), "Drop", None, (1, 2, 3)),)


def test_a_project_with_next_to_nothing(tmp_path: Path) -> None:
    xml = b'<Project version="1.0"><Application name="x" version="1"/></Project>'
    session = read_dawproject(archive_of(tmp_path / "a.dawproject", {"project.xml": xml})).session
    assert session == Session("a", 44_100, tempo=(TempoPoint(Fraction(0), 120.0),))


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    declared = encoding.removesuffix("-sig").upper()
    text = BITWIG.replace("UTF-8", declared).replace("Drumloop", "Schläge")
    path = archive_of(tmp_path / "a.dawproject", {"project.xml": text.encode(encoding)})
    assert read_dawproject(path).session.tracks[1].children[0].name == "Schläge"


@pytest.mark.parametrize("damage", ["nan", "inf", "-1e300", "x", "", "1e400"])
def test_values_that_are_no_numbers_do_no_harm(tmp_path: Path, damage: str) -> None:
    for number in ("8.0", "3.0", "48000", "120", "0.25", "50", "16", "4"):
        text = BITWIG.replace(f'"{number}"', f'"{damage}"')
        path = archive_of(tmp_path / "a.dawproject", {"project.xml": text.encode()})
        assert read_dawproject(path).session.name == "a"
