"""The expressions that mean suicidal thoughts, and the words around them, folded: without case, ä as ae, ß as ss.

A word that is on none of these lists negates nothing and lets no negation pass. A new expression needs a line here and
its cases in tests/patient_service/test_suicidality.py, with its negations.
"""

from __future__ import annotations

import re

ABBREVIATIONS = (
    "akt", "bzgl", "bzw", "ca", "dr", "dzt", "evtl", "f", "ggf", "hr", "fr", "insb", "lt", "mom", "pat", "rez", "st",
    "u", "a", "v", "z", "zt", "zzt", "n",
)  # fmt: skip
"""The full stop after these does not end a sentence."""


ASKED = re.compile(r"auf (?:direkte|konkrete|gezielte|aktive|ausdrueckliche) (?:nach|be)?frag\w*")
"""How somebody was asked limits no answer."""


def _misspelt(word: str) -> str:
    """A pattern for a word with at most one letter missing, too many, wrong, or exchanged with the next one."""
    variants = {word}
    for i in range(len(word)):
        variants |= {word[:i] + word[i + 1 :], word[:i] + r"\w" + word[i + 1 :], word[:i] + r"\w" + word[i:]}
        variants.add(word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :])
    return "|".join(sorted(variants, key=len, reverse=True))


_SUICIDE = (
    rf"(?!nichtsui|nonsui)(?:\w*(?:suizid|suicid|selbstmord)|{_misspelt('suizid')}|{_misspelt('suicid')}"
    rf"|{_misspelt('selbstmord')}|selbst mord|selbsttoet|selbsttot|selbstoet|freitod|lebensmued|lebensmud|lebens mued"
    r"|lebensueberdr|lebensuberdr|lebensverneinend|lebensunlust|lebensunwill|lebensunwert|lebensverdr|tod(?:es)?wuns|tod(?:es)?wuens|todessehn|todesgedank|sterbewuns"
    r"|sterbewuens|sterbensw|intihar|samobojs|суицид|самоуби)\w*"
)
_PARTS = (
    r"(?: (?:gedanken?|impulse?n?|absicht(?:en)?|plaene?n?|ideen?|fantasien|phantasien|versuche?n?|handlung(?:en)?"
    r"|ideation|thoughts?|intent(?:ions?)?|behaviou?r|plans?|attempts?))*"
)

NOUN = re.compile(rf"(?!(?:\w*(?:suizid|suicid)al(?:e|er|es|en|em)?|lebensm\w+)(?!\w))(?:{_SUICIDE})")
"""A token that is a noun of these; "suizidal" and "lebensmüde" are adjectives."""
STATE = re.compile(r"suizidal(?:itaet|itat)?|suicidality|suicidal")
"""Headings of a finding, which the words after them affirm or negate."""

_SELF = r"(?:sich|mich|mir|dich|dir|uns)"
_WANTS = (
    r"(?:will|wollen|wollte|wolle|wuerde|moecht\w*|moegen|mag|wuensch\w*|wunsch|lieber|gerne?|liebsten|sehn\w*|koennte)"
)
_WHOSE = r"(?:mein|sein|ihr|das|unser|dieses)\w*"

_ABOUT_DEATH = r"(?:an den|ueber den|an seinen|an meinen|an ihren) (?:eigenen )?tod(?!\w)"
_HEIGHT = r"(?:von|vom) (?:\w+ )?(?:\w*bruecke\w*|dach|balkon|hochhaus|turm)"

_GERMAN = (
    rf"{_SUICIDE}{_PARTS}",
    r"sm gedanken",
    r"(?:sehn\w*|wunsch|verlangen) nach dem tod\w*",
    rf"{_ABOUT_DEATH}(?: \w+){{0,2}} (?:zu )?(?:denk|dacht|gedacht|nachdenk)\w*",
    rf"(?:denk|dacht|gedank)\w*(?: \w+){{0,3}} {_ABOUT_DEATH}",
    r"(?:denk|dacht|gedank)\w* (?:\w+ )?(?:ans sterben|zu sterben)",
    r"umbrin?[gn]\w*|unbringen|umzubrin?\w+|umgebracht|umbrach\w*|um ?zu ?bring\w*",
    rf"br(?:inge?|ingt|achte|aechte) {_SELF}(?: \w+){{0,3}} um(?!\w)",
    rf"{_SELF}(?: \w+){{0,5}} (?:zu )?(?:toeten|toete|toetet|getoetet|erhaen\w*|erhang\w*|aufhaeng\w*|aufzuhaeng\w*"
    r"|aufgehaengt|aufgehang\w*|aufhang\w*|erschiess\w*|erschoss\w*|ertraenk\w*|vergift\w*|verbluten)",
    rf"{_SELF} (?:selbst )?(?:zu )?toten(?!\w)",
    rf"(?:toete|toetet|erhaenge|erhaengt|erschiesse|erschiesst|vergifte|vergiftet) {_SELF}",
    rf"haeng(?:e|t) {_SELF}(?: \w+)? auf(?!\w)",
    r"(?:das|ihr|sein|mein) leben (?:zu )?(?:nehmen|nehme|nimmt|naehme|nahm|genommen)",
    rf"{_SELF} (?:\w+ ){{0,4}}(?:das|ihr|sein|mein) leben (?:\w+ ){{0,2}}(?:nehmen|nehme|nimmt|genommen)",
    rf"(?:nehme|nimmt|nimm|nahm|naehme) {_SELF}(?: \w+){{0,3}} das leben",
    rf"{_SELF}(?: \w+){{0,4}} (?:etwas|was|selbst)(?: \w+){{0,3}} an(?:(?:zu)?tun|tue|tut)",
    rf"tu(?:e|t)? {_SELF}(?: \w+){{0,2}} (?:etwas|was) an(?!\w)",
    r"vor (?:einen|den|nen|irgendeinen) (?:\w*zug|lkw)|vor (?:die|eine) (?:\w )?\w*bahn",
    rf"{_HEIGHT}(?: \w+){{0,2}} (?:zu )?(?:spring|stuerz|runter)\w*|(?:spring|stuerz)\w*(?: \w+){{0,2}} {_HEIGHT}",
    r"aus dem fenster(?: \w+)? (?:zu )?(?:spring|stuerz)\w*|(?:spring|stuerz)\w*(?: \w+)? aus dem fenster",
    r"gegen (?:einen|den|nen) (?:\w*baum|\w*pfeiler|\w*mauer)(?: \w+)? (?:zu )?(?:fahr|lenk|steuer|ras)\w*",
    r"ums leben (?:zu )?(?:bring|gebracht)\w*",
    r"(?:puls|schlag)?adern?(?: \w+){0,2} (?:auf|durch)(?:zu|ge)?schn[ei]\w*",
    r"(?:alle|viele|handvoll|packung|schachtel|haufen) (?:\w+ )?(?:\w*tabletten|\w*pillen|medikamente)"
    r" (?:\w+ )?(?:ge)?schluck\w*",
    r"um (?:\w+ ){0,3}zu sterben",
    r"pulsader\w*|\w*ueberdosis|\w*ueberdosier\w*",
    rf"{_WANTS}(?: \w+){{0,5}} (?:zu )?(?:sterben|sterbe(?!\w)|gestorben)",
    r"sterben (?:zu )?(?:will|wollen|wollte|moecht\w*|duerfen|koennen)",
    rf"(?:{_WANTS}|waere?|waer|besser|einfach)(?: \w+){{0,4}} tot(?!\w)(?! umfall)",
    r"tot (?:zu )?(?:sein|waere?|waer|bin)|tod (?:zu )?(?:sein|waere?|waer)(?!\w)|waere? (?:\w+ )?tod(?!\w)",
    rf"(?:allem|alledem|dem (?:\w+ )?leben|{_WHOSE} leben|dem ganzen)(?: \w+){{0,3}} ein ende",
    r"ein ende (?:zu )?(?:setz|mach|bereit)\w*",
    rf"{_WHOSE} leben(?: \w+){{0,2}} (?:zu )?beend\w*|beend\w* {_WHOSE} leben",
    r"aus dem leben (?:zu )?(?:scheid|geh|tret|gehen)\w*|mit (?:allem|dem leben)(?: \w+)? (?:schluss|abgeschlossen)",
    r"schluss (?:zu )?mach\w* mit (?:allem|dem leben|mir)|schluss mit (?:allem|dem leben)",
    r"(?:einfach|spurlos|fuer immer|von (?:der|dieser) (?:welt|erde))(?: \w+)? (?:zu )?verschwind\w*",
    r"einfach weg (?:zu )?sein|fuer immer (?:zu )?(?:ein)?schlafen",
    r"leben(?: \w+){0,3} sinnlos|sinnloses leben|des lebens (?:mued|muede|mude|ueberdruess)\w*",
    r"(?:das leben|mein leben) (?:\w+ )?satt|alles (?:zu )?beenden|hand an (?:sich|mich)",
    r"abschiedsbrief\w*|sterbehilfe\w*",
)
_WILL = r"(?:grund|wunsch|lust|kraft|willen?|bock|mut|energie|antrieb|motivation|anlass|verlangen)"
_GERMAN_WITH_NEGATION = (
    r"besser(?: \w+){0,4} ohne (?:mich|ihn|sie)(?!\w)|ohne (?:mich|ihn|sie)(?: \w+){0,3} besser",
    r"(?:nicht|nie|nimmer) (?:mehr |laenger |weiter )+(?:so )?(?:weiter)?(?:zu)?leb(?:en|e|t|te)(?!\w)",
    r"nicht weiter(?:zu)?leben|(?:will|moechte|mag|wolle)(?: \w+){0,2} nicht leben",
    r"leben(?: \w+){0,2} nicht (?:mehr|laenger) (?:aus(?!\w)|ertrag\w*|auszuhalt\w*|aushalt\w*)",
    rf"kein\w* {_WILL}(?: mehr)?(?: ,)? (?:(?:\w+ ){{0,2}}(?:zu|zum|weiter zu|auf|aufs|auf das) leben|weiterzuleben)",
    rf"{_WILL} (?:zu|zum|am|auf) leben(?: \w+){{0,2}} (?:verlor\w*|weg|fehlt\w*|vergangen)",
    r"(?:nicht|nie) (?:mehr|wieder)(?: \w+){0,3} (?:zu )?(?:auf(?:zu)?wach\w*|erwach\w*|existier\w*)",
    r"nicht mehr (?:hier |da |am leben |auf (?:der|dieser) welt )?(?:zu )?sein",
    r"kein\w* (?:lebenswill\w*|lebensmut)|(?:ohne|kein\w*) (?:\w+ ){0,3}sinn(?: \w+)? (?:im|am|des) leben",
    r"leben(?: \w+){0,4} (?:keinen (?:\w+ )?sinn|nicht (?:mehr )?(?:lebenswert|wert)|nicht etwas wert)",
    r"(?:besser|lieber|am liebsten)(?: \w+){0,4} (?:nicht|nie) (?:mehr )?(?:da|auf der welt)|(?:nicht|nie) geboren",
    r"(?:will|moechte|mag|wolle|wollte|moecht)(?: \w+){0,2} nicht (?:mehr|laenger)(?= [,:()–—-]|$)",
)
_ENGLISH = (
    r"kill(?:ing|ed|s)? (?:my|him|her|them|one|your)sel(?:f|ves)",
    r"(?:end|ends|ending|ended) (?:it all|(?:my|his|her|their|ones) (?:own )?(?:life|lives))",
    r"(?:take|takes|taking|taken|took) (?:my|his|her|their|ones) own (?:life|lives)",
    r"(?:want|wants|wanted|wanting|wish|wishes|wished|like)(?: \w+){0,4} (?:die|dead)(?!\w)",
    r"better off dead|\w*overdos\w*|(?:passive|active|chronic|positive for) si(?!\w)",
)
_ENGLISH_WITH_NEGATION = (
    r"(?:not|dont|doesnt|didnt|no longer|never)(?: \w+){0,3} (?:want|wants|wanted|wanting|wish|wishes)(?: \w+){0,2}"
    r" (?:live|living|alive|here|exist|wake up|go on)",
    r"(?:lost|lose|loses|losing) (?:\w+ )?will to live",
    r"no (?:longer (?:\w+ )?want\w* to live|reason to live|will to live|point in living)",
    r"(?:not|never) (?:to )?wak\w* up|not worth living|better off without (?:me|him|her|them)",
)


WITHOUT_NEGATION = re.compile(rf"(?<!\w)(?:{'|'.join((*_GERMAN, *_ENGLISH))})")
WITH_NEGATION = re.compile(rf"(?<!\w)(?:{'|'.join((*_GERMAN_WITH_NEGATION, *_ENGLISH_WITH_NEGATION))})")

# Negation

NOT = frozenset({"nicht", "not", "isnt", "arent", "wasnt", "dont", "doesnt", "didnt"})
DISTANCING = frozenset({"distanziert", "distanzierte", "distanzieren", "distanzierung", "distanzierend"})
FREE = frozenset({"frei", "free", "negative", "absence", "ausschluss"})
REFUTING = DISTANCING | {
    "verneint", "verneinte", "verneinen", "verneine", "verneinend", "verneinung", "bestreitet", "bestreiten",
    "bestritt", "bestritten", "negiert", "negierte", "negieren", "dementiert", "denies", "denied", "denying",
}  # fmt: skip
NEGATING = NOT | FREE | REFUTING | {
    "kein", "keine", "keinen", "keinem", "keiner", "keines", "keinerlei", "nie", "niemals", "nimmer", "ohne", "weder",
    "no", "never", "without", "neither",
}  # fmt: skip
NEGATING_AFTER = NOT | REFUTING | {
    "kein", "keine", "keinen", "keiner", "keinerlei", "nein", "nie", "niemals", "ausgeschlossen", "negativ", "negative",
    "no", "none", "never", "absent", "0", "ø", "o",
}  # fmt: skip

WITHOUT = frozenset({"ohne", "without"})
TAKING_AWAY = NEGATING | {"cannot", "cant", "wont", "couldnt", "kaum", "hardly"}
"""Before a negation these negate it."""
ALWAYS = re.compile(
    r"(?<!\w)(?:kein\w*|nicht eine?n?|kaum eine?n?|no|not an?) (?:einzige[rn]? |single )?"
    r"(?:tage?|nacht|stunde|minute|sekunde|moment|augenblick|morgen|abend|woche|day|night|hour|week)(?!\w)"
)
"""No day without something is something on every day, whatever else is negated."""
DOUBTING = re.compile(
    r"(?<!\w)(?:unklar|fraglich|unsicher|zweifel|ungewiss|angeblich|vermutlich|vielleicht|womoeglich|moeglicherweise"
    r"|eventuell|wahrscheinlich|unglaub|glaube|glaubt|gelogen|luegt|(?:wenig|kaum|nicht|bedingt) glaub|nicht sicher"
    r"|weiss nicht|stimmt nicht|unclear|not sure|maybe|perhaps|possibly|probably|allegedly|doubtful)"
)
TAKING_BACK = re.compile(r"\bdoch\b(?=\s*(?:[,.;!?)]|$))")
"""By itself it contradicts what was said before; at the beginning of a sentence it is "but"."""

CONTRASTING = frozenset({
    "aber", "jedoch", "allerdings", "sondern", "trotzdem", "dennoch", "doch", "obwohl", "wobei", "ausser", "but",
    "however", "although", "though", "except", "yet",
})  # fmt: skip
"""What follows is not negated by what is before."""
LISTING = frozenset({"oder", "noch", "bzw", "beziehungsweise", "/", "or", "nor"})
"""A negation reaches over these."""
ADDING = frozenset({"und", "sowie", "and", "&", "+"})
"""A negation reaches over these only from one of the expressions to the next."""
JOINING = LISTING | ADDING
THAT = frozenset({"dass", "das", "that"})
OF = frozenset({"von", "vom", "of", "for", "from", "davon", "hiervon"})
PREPOSITIONS = frozenset({"an", "ueber", "von", "zu", "of", "about"})
INTENDED_STEMS = ("absicht", "impuls", "handlung", "plaen", "versuch")
NO = frozenset({"kein", "keine", "keinen", "keiner", "keinerlei", "no"})
REFLEXIVE = frozenset({"sich", "mich", "mir"})
DEPENDING = THAT | REFLEXIVE | {"ob", "whether", "if"}
"""With these a clause begins that depends on the one before its comma."""
INTENTIONS = frozenset({
    "absicht", "absichten", "gedanken", "wunsch", "vorhaben", "plan", "plaene", "vor", "daran", "drang", "impuls",
    "impulse", "idee", "ideen", "verlangen", "gedacht",
})  # fmt: skip

KINDS = ("latent", "passiv", "chronisch", "fruehere", "gelegentlich", "passive", "chronic")
"""Kinds of what is negated before, which are said to be there without its name."""

SINCE = frozenset({"seit", "seitdem", "seither", "since"})
"""Where these follow, there was something before."""
LIMITING = frozenset({
    "nur", "selten", "immer", "mehr", "sicher", "wieder", "kaum", "wenig", "wenige", "weniger", "schwer", "teilweise",
    "bedingt", "laenger", "only", "just", "always", "anymore", "longer", "hardly", "barely", "often", "oft", "haeufig",
})  # fmt: skip
LIMITING_STEMS = (
    "konkret", "aktiv", "ernst", "direkt", "unmittelbar", "staendig", "dauernd", "taeglich", "permanent", "konstant",
    "durchgehend", "draengend", "eingeschraenkt", "constant", "active", "imminent", "specific", "daily", "serious",
)  # fmt: skip
"""Who is not always, or not actively, suicidal is so sometimes, or passively."""

QUALIFYING_STEMS = ("klar", "glaubhaft", "glaubwuerdig", "eindeutig", "deutlich", "ausdruecklich", "akut", "latent")
"""Between two of these "and" adds nothing of its own."""
TIMES = (
    "aktuell",
    "derzeit",
    "momentan",
    "gegenwaertig",
    "heute",
    "bisher",
    "zurzeit",
    "jetzt",
    "in",
    "der",
    "vorgeschichte",
)
"""A heading may name one of these before its colon: "Suizidgedanken aktuell: keine"."""
HARMLESS = frozenset({
    "auf", "fuer", "an", "von", "vom", "zu", "zur", "zum", "in", "im", "ueber", "vor", "nach", "bei", "der", "die",
    "das", "den", "dem", "des", "er", "sie", "es", "ich", "wir", "man", "sich", "mich", "mir", "ihm", "ihr", "selbst",
    "dass", "je", "bisher", "bislang", "bis", "dato", "jetzt", "heute", "hier", "dzt", "zt", "z", "zurzeit", "zeit",
    "fall", "art", "pat", "patient", "patientin", "hr", "fr", "herr", "frau", "daran", "dazu", "etwas", "was",
    "gedacht", "going", "zeitpunkt", "gespraech", "vorgeschichte", "vergangenheit", "anamnese",
    "rez", "akt", "mom", "zzt", "f", "klar", "auch", "gedanken", "gedanke", "wunsch", "drang", "plan", "plaene",
    "sein", "war", "ist", "ideen", "idee", "zeichen", "vorhaben",
    "of", "for", "from", "any", "a", "the", "to", "be", "been", "being", "is", "has", "have", "having", "had",
    "he", "she", "they", "that", "about", "current", "currently", "acute", "acutely", "past", "evidence",
    "sign", "signs", "history", "thoughts", "thought", "at", "present", "time", "this", "ever",
})  # fmt: skip
HARMLESS_STEMS = (
    "akut", "aktuell", "derzeit", "momentan", "gegenwaertig", "jeglich", "irgend", "jemals", "jede", "hinweis",
    "anhalt", "anzeichen", "verdacht", "ein", "glaubhaft", "glaubwuerdig", "eindeutig", "deutlich", "ausdruecklich",
    "manifest", "latent", "passiv", "psychot", "psychos", "wahn", "halluzination", "zwang", "zwaeng", "selbstverletz",
    "selbstschaedig", "selbstgefaehrd", "fremd", "eigengefaehrd", "gefaehrd", "sucht", "substanz", "drogen", "alkohol",
    "aggress", "dissoziat", "symptom", "absicht", "impuls", "handlung", "tendenz", "indication", "homicid", "psychotic",
    "hallucinat", "klinisch", "jetzig", "untersuchung", "explor", "befrag", "nachfrag", "anamnestisch",
)  # fmt: skip
"""What may stand between a negation and the expression."""
HARMLESS_AFTER = frozenset({
    "wird", "werden", "wurde", "wurden", "worden", "besteht", "bestehen", "bestehe", "bestand", "bestanden",
    "bestuenden", "bestehend", "vorhanden", "gegeben", "erkennbar", "feststellbar", "vorliegend", "liegt", "liegen",
    "lag", "lagen", "eruierbar", "nachweisbar", "ersichtlich", "hat", "habe", "haben", "hatte", "haette", "kenne",
    "kennt", "gehabt", "ergab", "ergaben", "ergeben", "gibt", "gab", "finden", "fanden", "findet", "zeigen", "zeigten",
    "berichtet", "angegeben", "geaeussert", "sind", "waren", "sei", "seien", "wollen", "moechten", "kann", "koennen",
    "nachfrage", "explizit", "versuche", "ueberzeugend", "davon", "hiervon",
    "reported", "endorsed", "evident", "noted", "were", "are", "ruled", "out", "as",
})  # fmt: skip
"""What may stand between the expression and a negation that follows it."""
