"""The words for each attribute: synonyms that captions choose from.

Three grammatical kinds: ADJECTIVES come before the noun ("an angry man"), NOUNS stand for the person ("a zombie"),
PHRASES follow ("with red lipstick", "wearing clown make-up"). A phrase with no leading verb or preposition gets "with".
"""

PERSON = {
    "woman": ("woman", "woman", "woman", "lady", "female", "female face", "woman's face", "female person"),
    "man": ("man", "man", "man", "guy", "male", "male face", "man's face", "gentleman", "male person"),
    "any": ("face", "face", "person", "person", "human", "human face", "head"),
}
YOUNG_PERSON = {"woman": ("girl", "young woman", "young lady"), "man": ("boy", "young man", "young guy")}
OLD_PERSON = {"woman": ("grandmother", "old woman", "old lady", "grandma", "elderly woman"),
              "man": ("grandfather", "old man", "old guy", "grandpa", "elderly man")}  # fmt: skip

AGE_ADJECTIVES = {
    "young": ("young", "young", "youthful", "teenage", "young adult"),
    "adult": ("middle-aged", "adult", "grown", "mature"),
    "old": ("old", "old", "old", "elderly", "aged", "senior", "ancient", "ageing"),
}
AGE_PHRASES = {
    "young": ("smooth young skin", "a youthful look", "in their twenties", "fresh young skin"),
    "adult": ("in their forties", "of middle age"),
    "old": ("wrinkled skin", "deep wrinkles", "wrinkles", "old age", "many wrinkles", "aged skin", "in their eighties",
            "over seventy years old", "sagging skin", "lines of age"),
}  # fmt: skip
SKIN_ADJECTIVES = {
    "pale": ("pale", "white", "pale-skinned", "light-skinned", "caucasian"),
    "fair": ("fair", "fair-skinned", "light-skinned", "white", "caucasian"),
    "olive": ("olive-skinned", "mediterranean"),
    "tan": ("tanned", "tan", "asian", "latin"),
    "brown": ("brown-skinned", "indian", "latin"),
    "dark": ("dark-skinned", "black", "african"),
}
SKIN_PHRASES = {
    "pale": ("pale skin", "white skin", "light skin", "very light skin"), "fair": ("fair skin", "light skin",
        "rosy skin"),
    "olive": ("olive skin", "an olive complexion"), "tan": ("tanned skin", "tan skin", "a sun tan", "golden skin"),
    "brown": ("brown skin", "a brown complexion"), "dark": ("dark skin", "black skin", "a dark complexion"),
}  # fmt: skip
EYE_PHRASES = {
    "blue": ("blue eyes", "blue eyes", "bright blue eyes", "light blue eyes"), "green": ("green eyes",
        "bright green eyes"),
    "grey": ("grey eyes", "gray eyes", "pale grey eyes"), "hazel": ("hazel eyes", "amber eyes", "light brown eyes"),
    "brown": ("brown eyes", "dark brown eyes"), "black": ("dark eyes", "black eyes", "very dark eyes"),
}  # fmt: skip
HAIR_WORDS = {
    "black": ("black hair", "dark hair"), "brown": ("brown hair", "brunette hair", "chestnut hair", "dark brown hair"),
    "blond": ("blonde hair", "blonde hair", "blond hair", "golden hair", "fair hair", "yellow hair"),
    "red": ("red hair", "ginger hair", "orange hair", "auburn hair"),
    "grey": ("grey hair", "gray hair", "silver hair"), "white": ("white hair", "snow white hair", "silver hair"),
}  # fmt: skip
HAIR_ADJECTIVES = {
    "black": ("black-haired", "dark-haired"), "brown": ("brown-haired", "brunette"),
    "blond": ("blonde", "blond", "blonde", "fair-haired"), "red": ("red-haired", "redhead", "ginger"),
    "grey": ("grey-haired", "gray-haired"), "white": ("white-haired", "silver-haired"),
}  # fmt: skip
BALD_PHRASES = ("a bald head", "no hair", "a shaved head", "a bare scalp")
BUZZ_PHRASES = ("a buzz cut", "very short hair", "short hair", "cropped hair", "a shaven head")
BEARD_PHRASES = {
    "stubble": (
        "stubble",
        "a stubbly chin",
        "a five o'clock shadow",
        "designer stubble",
        "an unshaven face",
        "short stubble",
    ),
    "goatee": ("a goatee", "a chin beard", "a small beard", "a goatee beard"),
    "beard": (
        "a beard",
        "a beard",
        "a full beard",
        "a thick beard",
        "a bushy beard",
        "facial hair",
        "whiskers",
        "a big beard",
    ),
}
BEARD_ADJECTIVES = {
    "stubble": ("unshaven", "stubbly"),
    "goatee": ("goateed",),
    "beard": ("bearded", "bearded", "hairy"),
}
MOUSTACHE_PHRASES = ("a moustache", "a mustache", "a thick moustache", "hair on the upper lip")
CLEAN_SHAVEN = ("a clean-shaven chin", "no beard", "a smooth shaven chin")
FLAG_PHRASES = {
    "freckles": (
        "freckles",
        "freckles",
        "a freckled face",
        "freckles on the nose and cheeks",
        "many freckles",
        "freckled skin",
    ),
    "wrinkles": (
        "wrinkles",
        "wrinkles",
        "a wrinkled face",
        "deep lines",
        "wrinkled skin",
        "furrows and lines",
        "creased skin",
    ),
    "tired": (
        "dark circles under the eyes",
        "bags under the eyes",
        "tired eyes",
        "a tired look",
        "shadows under the eyes",
    ),
    "scar": ("a scar", "a scar on the cheek", "a scarred face", "a long scar"),
}
FLAG_ADJECTIVES = {"freckles": ("freckled", "freckly"), "wrinkles": ("wrinkled", "wrinkly"),
                   "tired": ("tired", "exhausted", "sleepy"), "scar": ("scarred",)}  # fmt: skip
MAKEUP_PHRASES = {
    "natural": ("natural makeup", "light makeup", "makeup", "make-up", "subtle make-up", "blush", "mascara",
                "rosy cheeks"),
    "party": ("party makeup", "party makeup", "party make-up", "glamorous makeup", "glitter makeup",
              "colourful eye shadow",
              "colorful eyeshadow", "glitter", "bright makeup", "heavy makeup", "festival makeup", "a night out look"),
    "gothic": ("gothic makeup", "gothic makeup", "gothic make-up", "goth makeup", "dark makeup", "black eyeliner",
               "black lipstick", "black lips and black eye shadow", "smoky eyes", "emo makeup", "dark gothic make-up"),
}  # fmt: skip
MAKEUP_NOUNS = {"gothic": ("goth", "gothic person", "goth girl", "emo"), "party": ("party girl", "glamorous person")}
LIPSTICK_PHRASES = {
    "red": ("red lipstick", "red lipstick", "bright red lips", "red lips", "scarlet lipstick", "ruby lips", "lipstick"),
    "pink": ("pink lipstick", "pink lips", "rose lipstick", "lipstick"),
    "dark": ("dark lipstick", "dark red lipstick", "purple lipstick", "plum lips", "wine lipstick"),
}
EXPRESSION_ADJECTIVES = {
    "neutral": ("calm", "serious", "relaxed", "expressionless"),
    "smiling": ("smiling", "smiling", "happy", "happy", "cheerful", "glad", "pleased", "friendly", "joyful"),
    "laughing": (
        "laughing",
        "laughing",
        "grinning",
        "happy",
        "joyful",
        "very happy",
        "amused",
        "giggling",
        "delighted",
    ),
    "angry": ("angry", "angry", "furious", "mad", "enraged", "frowning", "hostile", "annoyed", "raging"),
    "sad": ("sad", "sad", "unhappy", "sorrowful", "depressed", "crying", "gloomy", "miserable", "upset"),
    "surprised": ("surprised", "surprised", "shocked", "astonished", "amazed", "startled", "stunned"),
    "disgusted": ("disgusted", "disgusted", "revolted", "sickened", "repulsed"),
    "afraid": ("afraid", "scared", "frightened", "terrified", "fearful", "anxious", "worried"),
    "kissing": ("kissing", "pouting", "puckering", "whistling"),
    "sleeping": ("sleeping", "asleep", "dreaming", "resting"),
    "smirking": ("smirking", "sly", "smug", "sneering", "cheeky"),
}
EXPRESSION_PHRASES = {
    "neutral": ("a neutral expression", "a blank face", "no expression", "a straight face", "a closed mouth"),
    "smiling": ("a smile", "a big smile", "a happy expression", "a happy face", "a warm smile", "who smiles",
                "a smiling mouth"),
    "laughing": ("a wide grin", "an open smile", "who laughs", "laughing out loud", "an open laughing mouth",
                 "a toothy smile",
                 "showing teeth in a smile", "a big laugh"),
    "angry": ("an angry expression", "furrowed brows", "an angry face", "lowered eyebrows", "who is angry",
              "a furious look",
              "an angry frown", "full of anger", "full of rage", "a scowl"),
    "sad": ("a sad expression", "a sad face", "a frown", "mouth corners down", "who is sad", "tearful eyes",
            "full of sorrow",
            "raised inner brows", "a sorrowful look"),
    "surprised": ("a surprised expression", "an open mouth and raised eyebrows", "wide eyes", "who is surprised",
                  "raised eyebrows",
                  "a shocked face", "a look of surprise", "a dropped jaw", "an open mouth"),
    "disgusted": ("a disgusted expression", "a wrinkled nose", "a look of disgust", "who is disgusted",
                  "a raised upper lip"),
    "afraid": ("a frightened expression", "a scared face", "a look of fear", "full of fear", "who is afraid"),
    "kissing": ("puckered lips", "a kiss", "pursed lips", "a duck face", "blowing a kiss"),
    "sleeping": ("closed eyes", "eyes closed", "eyes shut", "who is asleep"),
    "smirking": ("a smirk", "a crooked smile", "one mouth corner raised", "a sly grin", "a mocking smile"),
}  # fmt: skip
