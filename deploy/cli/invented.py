"""Invented people and words for the sample area: nobody here exists. Numbers are of the ranges kept for examples."""

# fmt: off
GIVEN_NAMES: tuple[str, ...] = (
    "Aisha", "Alfie", "Amelia", "Arlo", "Ava", "Ayaan", "Bea", "Caleb", "Cerys", "Dara", "Delilah", "Efe", "Elif",
    "Ellis", "Esme", "Ezra", "Fatima", "Finley", "Freya", "George", "Hana", "Harvey", "Ibrahim", "Imani", "Isla",
    "Ivy", "Jakub", "Jude", "Kai", "Keira", "Kofi", "Lara", "Leo", "Lina", "Luca", "Mabel", "Maja", "Marcus", "Mila",
    "Nadia", "Noah", "Nora", "Oliwia", "Oscar", "Otis", "Poppy", "Priya", "Reuben", "Rosa", "Rowan", "Safa", "Samuel",
    "Seren", "Sofia", "Tariq", "Thea", "Tobi", "Willow", "Yusuf", "Zara", "Zofia",
)
FAMILY_NAMES: tuple[str, ...] = (
    "Abbott", "Adeyemi", "Ahmed", "Akhtar", "Bailey", "Barnes", "Begum", "Byrne", "Chandra", "Clarke", "Cole",
    "Davies", "Dobson", "Ellery", "Farah", "Fenwick", "Flynn", "Garner", "Goddard", "Hale", "Hussain", "Iqbal",
    "Jarvis", "Kaur", "Kowalski", "Lambert", "Lowe", "Mensah", "Mistry", "Nowak", "O'Connor", "Okafor", "Osborne",
    "Patel", "Pereira", "Quinn", "Rahman", "Reid", "Sadler", "Sharma", "Siddiqui", "Thorpe", "Udoh", "Vaughan",
    "Walsh", "Wójcik", "Yates", "Zielińska",
)
# fmt: on
DISTRICTS = ("SS1 9ZZ", "SS2 9ZZ", "SS9 9ZZ", "CM1 9ZZ", "CO3 9ZZ", "NN16 9ZZ")
LANGUAGES = ("en",) * 12 + ("pl", "ur", "ro", "ar", "bn")

STORIES: tuple[dict[str, object], ...] = (
    {
        "needs": ["SLCN"],
        "support": ["speech_and_language"],
        "concern": "Adults who do not know the child understand about half of what is said. New sounds are not coming.",
        "tried": ["A small language group three times a week for eight weeks.", "Adults model words back."],
        "strengths": "Tells long stories with pictures and waits kindly for others.",
        "child_voice": "I say it and then I say it again.",
        "therapy": "salt",
    },
    {
        "needs": ["PD"],
        "support": ["occupational_therapy"],
        "concern": "Buttons, scissors and a knife and fork are still out of reach. Writing tires the hand in minutes.",
        "tried": ["A sloped board and a pencil grip since the autumn.", "Dressing practised backwards at home."],
        "strengths": "Builds anything, and remembers every instruction read aloud.",
        "child_voice": "My hand gets tired and then I stop.",
        "therapy": "ot",
    },
    {
        "needs": ["ASD", "SLCN"],
        "support": ["speech_and_language", "educational_psychology"],
        "concern": "Finds the hall and the playground too much and leaves the room. Few words on hard days.",
        "tried": ["Now-and-next board.", "A quiet corner with ear defenders.", "Specialist teacher visited twice."],
        "strengths": "Exceptional memory; reads far above age.",
        "child_voice": "I like the quiet room.",
        "therapy": "salt",
    },
    {
        "needs": ["SEMH"],
        "support": ["early_help", "mental_health"],
        "concern": "Mornings and sleep are very hard since the summer, and school is missed two days in five.",
        "tried": ["Check-in with a trusted adult each morning.", "Parents went to three evening sessions."],
        "strengths": "Loyal, funny, very good with younger children.",
        "child_voice": "I want people to ask me first.",
        "therapy": None,
    },
    {
        "needs": ["SPLD"],
        "support": ["specialist_teaching"],
        "concern": "Reading is three years behind in spite of daily practice, and confidence is going.",
        "tried": ["Two terms of a structured reading programme.", "Audio books and extra time."],
        "strengths": "Strong in science and talking.",
        "child_voice": "The letters will not keep still.",
        "therapy": None,
    },
    {
        "needs": ["ASD"],
        "support": ["ehc_needs_assessment"],
        "concern": "Needs an adult close by for all learning and to be safe at break. Mornings only since May.",
        "tried": ["Three cycles of assess, plan, do, review.", "Educational psychology consultation."],
        "strengths": "Draws maps of everywhere from memory.",
        "child_voice": "I do not like the hall.",
        "therapy": "ot",
    },
    {
        "needs": ["NYK"],
        "support": [],
        "concern": "No words yet at two years and four months; does not point or follow a point.",
        "tried": ["Home activities for eight weeks after the two-year review."],
        "strengths": "Loves water, puzzles and her brother.",
        "child_voice": "Smiles when the taps run.",
        "therapy": "salt",
    },
    {
        "needs": ["HI", "SLCN"],
        "support": ["speech_and_language", "specialist_teaching"],
        "concern": "Wears two aids and misses much of what is said in class; speech sounds are unclear.",
        "tried": ["Radio aid.", "Seated at the front, friends taught to face."],
        "strengths": "Watches closely and works things out.",
        "child_voice": "Look at me when you talk.",
        "therapy": "salt",
    },
    {
        "needs": ["SEMH"],
        "support": ["parenting_support", "short_breaks"],
        "concern": "A lone parent of three is worn out; evenings end in shouting. No concern of significant harm.",
        "tried": ["Family support worker rang weekly in spring."],
        "strengths": "Kind at bedtime, good at football.",
        "child_voice": "I want a day with just mum.",
        "therapy": None,
    },
    {
        "needs": ["PD", "SLCN"],
        "support": ["occupational_therapy", "speech_and_language"],
        "concern": "Eating takes an hour and clothes with seams are refused; talks little outside home.",
        "tried": ["Choice of cutlery and a cushion.", "Pre-warning of changes."],
        "strengths": "Sings whole songs by heart.",
        "child_voice": "Socks are the worst.",
        "therapy": "ot",
    },
)
REFERRERS: tuple[tuple[str, str], ...] = (
    ("senco", "senco"),
    ("senco", "senco"),
    ("other-senco", "senco"),
    ("teacher", "teacher"),
    ("health-visitor", "health_visitor"),
    ("gp", "gp"),
    ("nurse", "nurse"),
    ("social-worker", "social_worker"),
    ("parent", "parent"),
)
SETTINGS = {"senco": "sample-school", "teacher": "sample-school", "other-senco": "other-school"}
PROVIDERS: tuple[dict[str, str], ...] = (
    {"name": "Saltmarsh Community NHS Trust", "kind": "nhs"},
    {"name": "Estuary Valley NHS Trust", "kind": "nhs"},
    {"name": "Saltmarsh Council therapy team", "kind": "council"},
    {"name": "Little Lantern charity", "kind": "charity"},
    {"name": "Clear Words Practice", "kind": "private"},
)
THERAPISTS: tuple[dict[str, object], ...] = (
    {"name": "Hollie Marsh", "provider": 0, "disciplines": ["salt"], "person": "therapist-salt"},
    {"name": "Dev Anand", "provider": 0, "disciplines": ["ot"], "person": "therapist-ot"},
    {"name": "Grace Ojo", "provider": 1, "disciplines": ["salt", "ot"]},
    {"name": "Ines Duarte", "provider": 3, "disciplines": ["ot"]},
    {"name": "Tom Weller", "provider": 4, "disciplines": ["salt"], "languages": ["pl"]},
)
PLACES: tuple[dict[str, str], ...] = (
    {"name": "Harbour Health Centre, room 2", "kind": "clinic", "postcode": "SS1 9ZZ"},
    {"name": "Curlew Road Primary School, the nest", "kind": "school", "postcode": "SS2 9ZZ"},
    {"name": "Samphire Family Hub", "kind": "hub", "postcode": "SS9 9ZZ"},
    {"name": "Online room", "kind": "online"},
)
BLOCKS: tuple[dict[str, object], ...] = (
    {"therapist": 0, "place": 0, "discipline": "salt", "mode": "individual", "time": "09:30", "seats": 1, "weekday": 0},
    {"therapist": 0, "place": 1, "discipline": "salt", "mode": "group", "time": "10:30", "seats": 4, "weekday": 1},
    {"therapist": 1, "place": 2, "discipline": "ot", "mode": "group", "time": "13:15", "seats": 3, "weekday": 2},
    {"therapist": 2, "place": 0, "discipline": "ot", "mode": "individual", "time": "14:00", "seats": 1, "weekday": 3},
    {"therapist": 4, "place": 3, "discipline": "salt", "mode": "group", "time": "15:30", "seats": 2, "weekday": 4},
    {"therapist": 3, "place": 2, "discipline": "ot", "mode": "group", "time": "11:00", "seats": 3, "weekday": 1},
)
