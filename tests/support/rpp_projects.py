"""Projects of REAPER, written by hand from the format's description, with all that one may meet.

Source: ReaTeam/Doc, "State Chunk Definitions".
"""

from __future__ import annotations

RICH = """\
<REAPER_PROJECT 0.1 "7.16/win64" 1700000000
  <NOTES 0 2
    |Mix notes: "vocals" > drums
    |<not a block
    |>
  >
  RIPPLE 0
  SAMPLERATE 48000 1 0
  RECORD_PATH "Audio Files" ""
  <RECORD_CFG
    ZXZhdxgAAQ==
  >
  <RENDER_CFG
  >
  <METRONOME 6 2
    VOL 0.25 0.125
    PATTERNSTR ABBB
  >
  TEMPO 96.5 4 4 0
  <MASTERPLAYSPEEDENV
    EGUID {0A000000-0000-4000-8000-000000000001}
    ACT 0 -1
  >
  <TEMPOENVEX
    EGUID {0A000000-0000-4000-8000-000000000002}
    ACT 1 -1
    VIS 1 0 1
    DEFSHAPE 1 -1 -1
    PT 0 96.5 1 262148 0 1 0 "" 0 169 0 ABBB
    PT 9.94818652849741 120.25 1
    PT 20 90 0 262147 1 5 0 "" 0 41 0 ABB
  >
  MARKER 1 0 Start 0 0 1 R {0B000000-0000-4000-8000-000000000001} 0
  MARKER 1 4.5 'Verse "1"' 1 33489664 1 B {0B000000-0000-4000-8000-000000000002} 0
  MARKER 1 12.5 "" 1
  MARKER 2 30 'the "end"' 8 0 1 R {0B000000-0000-4000-8000-000000000003} 0
  <MASTERFXLIST
    WNDRECT 0 0 0 0
    BYPASS 0 0 0
    <JS loser/MGA_JSLimiter ""
      -0.1 - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
    >
    WAK 0 0
  >
  <PROJBAY
  >
  <TRACK {10000000-0000-4000-8000-000000000001}
    NAME "Band"
    PEAKCOL 22278759
    VOLPAN 0.5 -0.25 -1 -1 1
    MUTESOLO 0 0 0
    ISBUS 1 1
    NCHAN 4
    TRACKID {10000000-0000-4000-8000-000000000001}
    AUXRECV 3 0 1 0 0 0 0 0 0 -1:U 0 -1 ''
    <VOLENV2
      EGUID {10000000-0000-4000-8000-00000000000A}
      ACT 1 -1
      PT 0 1 0
      PT 3.25 0.5 5 0 1 0 -0.7
    >
    <FXCHAIN
      WNDRECT 10 10 400 300
      SHOW 0
      LASTSEL 0
      DOCKED 0
      BYPASS 0 0 0
      <VST "VST3: Some Compressor (Vendor)" "Some Compressor.vst3" 0 "" 1234{ABCDEF01} ""
        c29tZSBzdGF0ZQ==
        bW9yZSBzdGF0ZSwgPj4gPDw=
      >
      PRESETNAME "Glue > All"
      FLOATPOS 0 0 0 0
      FXID {10000000-0000-4000-8000-00000000000B}
      <PARMENV 3:_Threshold 0 1 0.5 "Threshold / Some Compressor"
        ACT 1 -1
        PT 0 0.25 0
      >
      WAK 0 0
      BYPASS 1 0 0
      <CONTAINER Container "Parallel 'bus'" ""
        CONTAINER_CFG 2 2 2 0
        BYPASS 0 0 0
        <JS utility/volume ""
          0 - - -
        >
        FXID {10000000-0000-4000-8000-00000000000C}
      >
      FXID {10000000-0000-4000-8000-00000000000D}
      WAK 0 0
      BYPASS 0 0 0
      <VIDEO_EFFECT "Video processor" ""
        <CODE
          |// fade
          |  gfx_set(0,0,0); a > b ? c < d;
        >
        CODEPARM 10.0000000000 0.0000000000
      >
      WAK 0 0
    >
    <UNKNOWN_OF_TOMORROW 1 "x"
      <DEEPER
        anything = at all > really
      >
    >
  >
  <TRACK {10000000-0000-4000-8000-000000000002}
    NAME Drums
    PEAKCOL 16576
    VOLPAN 1 0 -1 -1 1
    MUTESOLO 1 0 0
    ISBUS 0 0
    TRACKID {10000000-0000-4000-8000-000000000002}
    <ITEM
      POSITION 1.5
      SNAPOFFS 0.25
      LENGTH 4
      LOOP 1
      ALLTAKES 0
      FADEIN 1 0.125 0 1 0 0 0
      FADEOUT 5 0.5 0 5 0 0 0
      MUTE 0 0
      COLOR 22278759 B
      IGUID {20000000-0000-4000-8000-000000000001}
      IID 1
      <NOTES
        |item's notes
      >
      NAME "take one.wav"
      VOLPAN 0.5 0.1 -0.5 -1
      SOFFS 0.75
      PLAYRATE 1.25 1 -2.5 589824 0 0.0025
      CHANMODE 3
      GUID {20000000-0000-4000-8000-000000000002}
      SM 0 0 -0.149425287 + 0.574712644 0.5
      TKM 0.5 "a take marker" 21036800
      <SOURCE WAVE
        FILE "Audio Files\\drums one.wav"
      >
      <VOLENV
        ACT 1 -1
        PT 0 1 0
      >
      TAKE SEL
      NAME "take 'two'"
      TAKEVOLPAN 0.2 2 -1
      SOFFS 0.5
      PLAYRATE 2 0 0 -1 0 0.0025
      CHANMODE 0
      GUID {20000000-0000-4000-8000-000000000003}
      <SOURCE SECTION
        LENGTH 8
        MODE 0
        STARTPOS 16.5
        OVERLAP 0.01
        <SOURCE FLAC
          FILE 'C:\\Takes\\drums "two".flac'
        >
      >
      <TAKEFX
        BYPASS 0 0 0
        <JS utility/volume ""
          0 - - -
        >
      >
      TAKE NULL
    >
    <ITEM
      POSITION 8
      LENGTH 4
      MUTE 1 0
      IGUID {20000000-0000-4000-8000-000000000004}
      NAME "MIDI"
      GUID {20000000-0000-4000-8000-000000000005}
      <SOURCE MIDI
        HASDATA 1 960 QN
        E 0 90 3c 60
        <X 0 0 0 0 3 "lyrics"
          /wNoZWxsbw==
        >
        E 3840 80 3c 00
      >
    >
    <ITEM
      POSITION 20
      LENGTH 1
      IGUID {20000000-0000-4000-8000-000000000006}
      <NOTES
        |an empty item
      >
    >
  >
  <TRACK {10000000-0000-4000-8000-000000000003}
    NAME `back ' and "`
    ISBUS 2 -1
    TRACKID {10000000-0000-4000-8000-000000000003}
  >
  <TRACK {10000000-0000-4000-8000-000000000004}
    NAME "Reverb return"
    ISBUS 0 0
    TRACKID {10000000-0000-4000-8000-000000000004}
    AUXRECV 1 3 0.5 0 0 0 0 0 0 -1:U 0 -1 ''
    <AUXVOLENV
      ACT 1 -1
      PT 0 1 0
    >
  >
  <EXTENSIONS
    <SWS_TRACK_NOTES
      |1
    >
  >
>
"""

ODD = """\
<REAPER_PROJECT 0.1 "4.32" 1372525904
\t\tSAMPLERATE   44100\t0 0
TEMPO 120 4 4

      ; a comment of somebody's script
   <TRACK
 NAME  'odd   indents'
\t<ITEM
\t POSITION 1\x20\x20\x20
\t\tLENGTH 2

<SOURCE WAVE
FILE song.wav
>
\t>
\t   >
MARKER 7
TEMPOENVEX
   >  \t
\x20\x20\x20
"""

VARIANTS: dict[str, bytes] = {
    "rich": RICH.encode(),
    "rich, from Windows": RICH.replace("\n", "\r\n").encode(),
    "rich, with a byte order mark": b"\xef\xbb\xbf" + RICH.encode(),
    "rich, in an old encoding": RICH.replace("Reverb", "Räverb").encode("latin-1"),
    "rich, no line end at its end": RICH.rstrip("\n").encode(),
    "odd indents": ODD.encode(),
    "odd indents, mixed line ends": ODD.replace("NAME", "FREE\r\nNAME").encode(),
    "of the least": b"<REAPER_PROJECT\n>",
    "without tracks": b'<REAPER_PROJECT 0.1 "7.0" 0\n  TEMPO 90 3 4\n  <EXTENSIONS\n  >\n>\n',
}
