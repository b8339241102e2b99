"""The words that voices speak before they are re-sung: our own lists, put together by chance.

The lines need no meaning, only the sounds of their language: open and closed syllables,
clusters, sibilants, nasals.
"""

from __future__ import annotations

import numpy as np

WORDS: dict[str, str] = {
    "en": """night light river fire never baby tonight love shine gold stay away dream heart
        burning street city rain follow blue morning again hold me down slow summer rise broken
        glass thunder wish stranger kiss west coast believe sky crash money talk move your
        feet shadow ghost south wild young free jump think breathe stop every little thing""",
    "de": """nacht licht fluss feuer niemals heute liebe strahlen gold bleib weg traum herz
        strasse stadt regen folgen blau morgen wieder halt mich langsam sommer zerbrochen glas
        donner wunsch fremder kuss himmel geld reden schatten wild jung frei springen denken
        atmen zwischen schweigen glocke schnee über grüne wälder""",
    "fr": """nuit lumière rivière feu jamais ce soir amour briller or reste loin rêve coeur rue
        ville pluie suivre bleu matin encore tiens moi doucement été cassé verre orage
        souhait étranger baiser ciel argent parler ombre sauvage jeune libre sauter penser
        respirer chaque petite chose un bon vin blanc""",
    "es": """noche luz río fuego nunca amor brillar oro quédate lejos sueño corazón calle ciudad
        lluvia seguir azul mañana otra vez despacio verano roto cristal trueno deseo beso cielo
        dinero hablar sombra salvaje joven libre saltar pensar respirar cada pequeña cosa
        guitarra bailar conmigo""",
    "pt": """noite luz rio fogo nunca amor brilhar ouro fica longe sonho coração rua cidade chuva
        seguir azul manhã outra vez devagar verão vidro trovão desejo beijo céu dinheiro falar
        sombra selvagem jovem livre saltar pensar respirar cada pequena coisa saudade não""",
    "nl": """nacht licht rivier vuur nooit liefde schijnen goud blijf weg droom hart straat stad
        regen volgen blauw morgen weer langzaam zomer gebroken glas donder wens kus hemel geld
        praten schaduw wild jong vrij springen denken ademen ieder klein ding graag""",
    "sv": """natt ljus flod eld aldrig kärlek skina guld stanna bort dröm hjärta gata stad regn
        följa blå morgon igen långsam sommar glas åska önskan kyss himmel pengar tala skugga
        vild ung fri hoppa tänka andas varje liten sak sjunga""",
    "ru": """ночь свет река огонь никогда любовь золото останься мечта сердце улица город дождь
        синий утро снова лето стекло гром желание небо деньги говорить тень дикий молодой
        свободный прыгать думать дышать каждый маленький звезда""",
    "id": """malam cahaya sungai api tidak cinta emas tinggal jauh mimpi hati jalan kota hujan ikut
        biru pagi lagi pelan kaca guntur ingin cium langit uang bicara bayang liar muda bebas
        lompat pikir napas setiap kecil nyanyi""",
    "ca": """nit llum riu foc mai amor brillar or queda lluny somni cor carrer ciutat pluja seguir
        blau matí altra vegada estiu vidre tro desig petó cel diners parlar ombra salvatge jove
        lliure saltar pensar respirar cada petita cosa""",
    "it": """notte luce fiume fuoco mai amore brillare oro resta lontano sogno cuore strada citta
        pioggia seguire blu mattina ancora piano estate vetro tuono bacio cielo soldi parlare
        ombra giovane libero saltare pensare respirare ogni piccola cosa""",
    "pl": """noc światło rzeka ogień nigdy miłość złoto zostań daleko sen serce ulica miasto deszcz
        niebieski rano znowu powoli lato szkło grzmot życzenie niebo mówić cień dziki młody
        wolny skakać myśleć oddychać każda mała rzecz""",
    "ro": """noapte lumină râu foc niciodată iubire aur stai departe vis inimă stradă oraș ploaie
        albastru dimineață iarăși încet vară sticlă tunet dorință cer bani vorbește umbră tânăr
        liber sări gândi respira fiecare mic lucru""",
    "cs": """noc světlo řeka oheň nikdy láska zlato zůstaň daleko sen srdce ulice město déšť modrá
        ráno znovu pomalu léto sklo hrom přání nebe peníze mluvit stín divoký mladý volný
        skákat myslet dýchat každá malá věc""",
    "fi": """yö valo joki tuli ei koskaan rakkaus kulta jää kauas uni sydän katu kaupunki sade
        sininen aamu taas hitaasti kesä lasi ukkonen toive taivas raha puhua varjo villi nuori
        vapaa hypätä ajatella hengittää jokainen pieni asia""",
    "tr": """gece ışık nehir ateş asla aşk altın kal uzak rüya kalp sokak şehir yağmur mavi sabah
        yine yavaş yaz cam gök dilek öpücük para konuş gölge vahşi genç özgür zıpla düşün nefes
        her küçük şey""",
    "el": """νύχτα φως ποτάμι φωτιά ποτέ αγάπη χρυσός μείνε μακριά όνειρο καρδιά δρόμος πόλη βροχή
        γαλάζιο πρωί πάλι σιγά καλοκαίρι γυαλί βροντή ευχή ουρανός λεφτά μίλα σκιά νέος
        ελεύθερος""",
    "hi": """रात रोशनी नदी आग कभी प्यार सोना रुको दूर सपना दिल सड़क शहर बारिश नीला सुबह फिर धीरे
        गर्मी शीशा बादल इच्छा आसमान पैसा बोलो छाया जवान आज़ाद सोचो साँस हर छोटी बात""",
}
"""Words of each language, by its ISO 639-1 code."""

SOUNDS: dict[str, str] = {
    "aah": "aah",
    "ooh": "ooo",
    "mm": "mmm",
    "la": "la la la na na",
    "hey": "hey oh yeah hoo",
}
"""Sounds without words, as every speaking program can say them in Latin letters."""


def lines(language: str, count: int, rng: np.random.Generator) -> list[str]:
    """`count` lines of five to eight words.

    Raises:
        KeyError: there is no list of that language.
    """
    words = WORDS[language].split()
    made: list[str] = []
    order = list(rng.permutation(len(words)))
    for _ in range(count):
        wanted = int(rng.integers(5, 9))
        while len(order) < wanted:
            order.extend(rng.permutation(len(words)))
        made.append(" ".join(words[index] for index in order[:wanted]))
        order = order[wanted:]
    return made
