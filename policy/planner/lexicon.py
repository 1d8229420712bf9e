"""The closed classes of English that the planner's grammar stands on: words, not sentences.

Nouns are not here: they are open, and what the detector knows is the tools' own business.
"""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


NUMBERS: dict[str, int] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
}  # fmt: skip

ORDINALS: dict[str, int] = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13,
    "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18,
    "nineteenth": 19, "twentieth": 20, "last": -1, "final": -1, "penultimate": -2, "former": 1,
    "latter": -1,
}  # fmt: skip
"""Ranks; negative ones count from the end."""

PICTURE = word_set(
    """
    image picture photo photograph pic frame img shot snapshot snap panel foto pictrue
    """
)
PICTURES = frozenset(f"{word}s" for word in PICTURE)

FOLLOWS_PICTURE_AS_COMPOUND = word_set(
    """
    frame frames album albums book books hook hooks booth wall walls
    """
)
"""Nouns that make `picture X` a thing of its own: a picture frame, a photo album."""

CONTRACTIONS: dict[str, str] = {
    "what's": "what is", "where's": "where is", "who's": "who is", "that's": "that is",
    "there's": "there is", "it's": "it is", "here's": "here is", "how's": "how is",
    "which's": "which is", "let's": "let us", "i'd": "i would", "i'm": "i am", "i've": "i have",
    "i'll": "i will", "you'd": "you would", "we'd": "we would", "they're": "they are",
    "where're": "where are", "what're": "what are", "isn't": "is not", "aren't": "are not",
    "doesn't": "does not", "don't": "do not", "didn't": "did not", "hasn't": "has not",
    "haven't": "have not", "can't": "can not", "cannot": "can not", "won't": "will not",
    "wasn't": "was not", "weren't": "were not", "they've": "they have",
    "we're": "we are", "you're": "you are",
    "whats": "what is", "wheres": "where is", "theres": "there is", "doesnt": "does not",
    "isnt": "is not", "dont": "do not", "arent": "are not", "didnt": "did not",
    "hasnt": "has not", "havent": "have not", "wasnt": "was not", "werent": "were not",
    "cant": "can not", "wont": "will not",
}  # fmt: skip

ARTICLES = word_set(
    """
    the teh a an this these that those my our your his her its their some any every each all both
    either several many few multiple single only such certain another other
    """
)
PREPOSITIONS = word_set(
    """
    above below under underneath beneath behind front top left right in on at of from within
    inside into onto to as for by with across throughout among amongst amid over between through
    out about toward towards along upon per via around than like off up down away back rear atop
    astride aboard alongside adjacent outside against past opposite
    """
)
CONJUNCTIONS = word_set(
    """
    and or but nor plus also & while whereas then so if when because
    """
)

FUNCTION_WORDS = word_set(
    """
    i you he she it we they me him us them who whom whose whichever which what where when why how
    is are was were be been being am do does did done has have had having can could would should
    shall will may might must there here not no none nothing neither yes please kindly thanks
    thank just only also too again now still even very quite rather really actually exactly
    precisely simply altogether overall together anywhere somewhere everywhere wherever ever never
    maybe perhaps possibly probably definitely however otherwise else instead though although
    since once well ok okay hi hello hey dear sir madam want wants wanted need needs needed like
    likes wish wondering wonder curious interested hope mind able appreciate grateful help helps
    know think believe guess suppose sure certain let try tries going gonna wanna e.g i.e etc vs
    versus more less same one ones own self themselves itself himself herself myself whether that
    this these those until unless yet already ago later soon much many lot lots quick quickly
    carefully correctly properly accurately respectively correspondingly particularly especially
    specifically namely i'll said say says saying idea clue doubt chance side sides edge edges
    corner corners half border margin without closest nearest next furthest farthest further most
    least fewest fewer except excluding besides near ever either nearby beside mine ours yours
    theirs alone individually separately lack lacks miss misses devoid free forget omit
    overlook twice aside apart exception unique exclusive absent gone far ignore ignoring disregard
    disregarding plz pls middle center centre immediate direct
    """
)

ORDERS = word_set(
    """
    find locate detect box mark show point highlight outline draw give label identify circle return
    """
)
"""Verbs that order boxes, as the words that open a sentence."""

ASKING = word_set(
    """
    find finds finding found locate locates locating located location locations localize localise
    localizing detect detects detecting detected detection detections detector show shows showing
    shown mark marks marking marked point points pointing pointed draw draws drawing drawn put
    place places placing placed give gives giving given tell tells telling return returns
    returning output outputs outputting report reports reporting provide provides providing
    provided get gets getting identify identifies identifying identified recognize recognise
    recognizing recognising spot spots spotting spotted pick picks picking picked select selects
    selecting selected choose chooses choosing chosen highlight highlights highlighting
    highlighted outline outlines outlining outlined circle circles circling circled box boxes
    boxing boxed bounding bound bbox bboxes rectangle rectangles coordinate coordinates coords
    position positions positioned annotate annotates annotating annotated annotation annotations
    label labels labeling labelling labeled labelled indicate indicates indicating indicated name
    names specify specifies specifying specified
    naming list lists listing look looks looking looked search searches searching searched see
    sees seeing seen seem seems check checks checking determine determines work works ground
    confirm confirms verify verifies leave omit omits minus
    grounding grounded localization localisation region regions area areas spatial enclose
    encloses enclosing surround surrounding frame framing framed pinpoint pinpoints track tracks
    ask asks asking asked answer answers question questions request task hunt hunting describe
    described describes description sentence expression phrase refer refers referred referring
    tasks instruction instructions reference mention mentioned mentions appear appears appearing
    appeared occur occurs occurring
    exist exists existing present visible contain contains containing contained include includes
    including included feature features featuring featured depict depicts depicting depicted
    display displays displaying displayed hold holds held photographed captured capture captures
    pictured catch catches come comes coming happen happens turn turns go goes lie lies stand
    stands sit sits hide hides hiding hidden lurk lurks count counts counting counted number
    numbers amount total enumerate consider considering considered given following belong belongs
    make makes making use using used take takes taking taken took focus focusing attention scan
    scanning examine inspect view views viewing watch notice noticed collect fetch follow follows
    trace traces mean means meant match
    matches matching matched hit hits instance instances example examples occurrence occurrences
    case cases candidate candidates specimen specimens spotting where place spot spots whereabouts
    query queries visual
    extent extents tight tightly precise exact order ordered ordering sort sorted sorting line
    lined row set series group collection photo album pixel pixels format json answer brackets
    """
)
"""Words of asking rather than of what is asked for; any of them may still be a noun where nothing
else is named (`boxes`, `circle`)."""

GENERIC = word_set(
    """
    object thing item stuff something anything entity element category class kind type sort
    subject everything article piece target content
    """
)
GENERIC_PLURAL = word_set(
    """
    objects things items entities elements categories classes kinds types sorts subjects articles
    targets contents
    """
)

PARTITIVES = word_set(
    """
    group groups bunch bunches pair pairs slice slices set sets couple lot lots herd herds flock
    flocks crowd crowds row rows stack stacks pile piles kind kinds type types sort sorts instance
    instances example examples occurrence occurrences specimen specimens piece pieces number
    handful copy copies member members variety trace sign signs image picture outline outlines
    shape shapes silhouette silhouettes figure figures body bodies form sight glimpse presence
    contour contours mask masks end ends edge rim foot base
    """
)
"""Nouns before `of` that hand their place to the noun after it (a group of people)."""

ADJECTIVES = word_set(
    """
    red green blue yellow black white brown orange purple pink grey gray silver golden gold beige
    tan dark light bright pale colorful colourful striped spotted plaid big small large little
    tiny huge giant tall short long wide narrow thick thin old young new modern vintage antique
    round square rectangular wooden metal metallic plastic glass leather stone brick empty full
    open closed wet dry clean dirty beautiful pretty cute lovely nice furry fluffy happy sad
    outdoor outdoors indoor indoors elderly male female adult baby double single clear blurry
    blurred visible entire whole
    complete partial partially occluded individual separate main real actual possible different
    various similar identical obvious apparent lone sole solitary blonde blond bald bearded parked
    moving standing sitting lying flying running walking sleeping
    """
)

COLOURS = word_set(
    """
    red green blue yellow black white brown orange purple pink grey gray silver golden gold beige
    tan
    """
)

ACTIVITY = word_set(
    """
    sitting standing lying laying parked placed resting located walking running sleeping waiting
    grazing swimming flying jumping posing facing leaning hanging crossing driving skating surfing
    skiing smiling looking playing seated positioned situated perched floating stood sat lined
    gathered stuck mounted moving dressed parking rolling travelling traveling kneeling crouching
    relaxing working talking cooking reading chatting hitting swinging throwing catching competing
    racing sailing landing taking drinking sliding climbing crawling turned covered filled
    surrounded dangling stacked piled served left ridden worn carried driven pulled pushed eaten
    cut gripped touched walked led chased followed thrown caught kicked watched fed hugged petted
    """
)
"""Participles that say what a thing does, after it; what follows may be a relation."""

_TOUCHING = """
    holding holds hold, carrying carries carry, wearing wears wear, riding rides ride, using uses
    use, eating eats eat, pulling pulls pull, pushing pushes push, touching touches touch, hugging
    hugs hug, petting pets pet, feeding feeds feed, gripping grips grip, clutching clutches clutch,
    sporting sports sport, driving drives drive, steering steers steer, drinking drinks drink,
    reading reads read
    """
_REACHING = """
    leading leads lead, walking walks walk, chasing chases chase, following follows follow,
    throwing throws throw, catching catches catch, hitting hits hit, kicking kicks kick, watching
    watches watch, facing faces face, surrounding surrounds surround
    """


def _forms(text: str) -> dict[str, str]:
    """Every form of the verbs of a text, and its participle."""
    verbs = [verb.split() for verb in text.split(",")]
    return {form: forms[0] for forms in verbs for form in forms}


HOLDING: dict[str, str] = _forms(_TOUCHING)
"""Verbs that bind a second noun to the first by contact: each form and its participle."""

REACHING: dict[str, str] = _forms(_REACHING)
"""Verbs whose second noun is near the first, though they need not touch."""

PARTICIPLES = frozenset({*HOLDING.values(), *REACHING.values()})
