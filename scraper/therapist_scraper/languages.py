"""Languages as the directory names them, in German, and their codes (ISO 639-1)."""

from __future__ import annotations

from therapist_scraper.text import folded

_CODES = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es
et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj
kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv
ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti
tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_NAMES = """
af afrikaans
ak akan
am amharisch
ar arabisch hocharabisch
az aserbaidschanisch aseri
be belarussisch weissrussisch belorussisch
bg bulgarisch
bn bengalisch bengali
bs bosnisch
ca katalanisch
cs tschechisch
cy walisisch
da daenisch
de deutsch schweizerdeutsch hochdeutsch
el griechisch neugriechisch
en englisch english
eo esperanto
es spanisch espanol kastilisch
et estnisch
eu baskisch
fa persisch farsi dari
fi finnisch
fr franzoesisch francais
ga irisch
gl galicisch
gu gujarati
ha hausa
he hebraeisch ivrit iwrit
hi hindi
hr kroatisch
hu ungarisch
hy armenisch
id indonesisch bahasa indonesia
ig igbo
is islaendisch
it italienisch italiano
ja japanisch
jv javanisch
ka georgisch
kk kasachisch
km khmer kambodschanisch
ko koreanisch
ku kurdisch kurmandschi kurmanci kurmandji sorani
ky kirgisisch
la latein
lb luxemburgisch letzeburgisch
ln lingala
lo laotisch
lt litauisch
lv lettisch
mk mazedonisch nordmazedonisch
ml malayalam
mn mongolisch
mr marathi
ms malaiisch
mt maltesisch
my birmanisch burmesisch
ne nepalesisch nepali
nl niederlaendisch hollaendisch flaemisch
no norwegisch
oc okzitanisch
om oromo
pa panjabi punjabi pandschabi
pl polnisch
ps paschtu paschto pashto
pt portugiesisch brasilianisch
qu quechua
rm raetoromanisch
ro rumaenisch moldauisch moldawisch
ru russisch
rw kinyarwanda
sa sanskrit
si singhalesisch
sk slowakisch
sl slowenisch
so somali somalisch
sq albanisch
sr serbisch
sv schwedisch
sw suaheli swahili kisuaheli
ta tamil tamilisch
te telugu
tg tadschikisch
th thai thailaendisch
ti tigrinya tigrinisch
tk turkmenisch
tl tagalog filipino
tr tuerkisch
tt tatarisch
uk ukrainisch
ur urdu
uz usbekisch
vi vietnamesisch
wo wolof
yi jiddisch
yo yoruba yoruebisch
zh chinesisch mandarin kantonesisch hochchinesisch
zu zulu
"""
_BY_CODE = frozenset(_CODES.split())
_BY_NAME = {name: code for code, *names in (line.split() for line in _NAMES.strip().splitlines()) for name in names} | {
    "bahasa indonesia": "id"
}


def language(text: str) -> str | None:
    """Returns the code of a language by its German name or its code; None where it has none, such as Aramäisch.

    Remarks in brackets do not matter: "Englisch (fließend)". A language of several codes (Serbokroatisch) has none.
    """
    name = folded(text.partition("(")[0])
    name = name.removesuffix("e sprache").removesuffix(" sprache")
    return name if name in _BY_CODE else _BY_NAME.get(name)


def is_sign_language(text: str) -> bool:
    """Whether this is a sign language, which has no code and is kept as an offer."""
    return "gebaerden" in folded(text)
