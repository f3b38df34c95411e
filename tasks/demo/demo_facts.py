"""The hand-written tables behind the demo benchmark: what the pictures hold, and what is said about them.

`CHARTS` and `SHEETS` say what the chart and text pictures show; the scenes are drawn in `demo_pictures.py`.  `ITEMS`
holds one entry a picture: a question, a good answer with one minor flaw, a bad answer with one major flaw, and the
criteria of two rubric writers.  `careful` looked at the picture and the question; `vague` hardly knew the topic.
"""

from typing import Literal, NamedTuple


class Chart(NamedTuple):
    """A chart: `series` maps a series' name to its values, one a label (one series unless lines or bars are paired)."""

    kind: Literal["bar", "hbar", "line", "pie"]
    title: str
    labels: tuple[str, ...]
    series: dict[str, tuple[int, ...]]
    colours: tuple[str, ...]
    unit: str = ""


class Row(NamedTuple):
    """A row of a text picture: one cell is centred, several go to the sheet's columns; no cells make a rule."""

    cells: tuple[str, ...] = ()
    size: int = 15
    ink: str = "#222222"


class Sheet(NamedTuple):
    """A sign, receipt, table or notice: cells `<left>`, `<up>`, `<right>`, `[x]` and `[ ]` are drawn, not written."""

    wall: str
    paper: str
    frame: str
    rows: tuple[Row, ...]
    columns: tuple[int, ...] = ()
    margin: int = 20


class Flaw(NamedTuple):
    """What is known to be wrong with an answer; its severity follows from the answer's place in the item."""

    kind: str
    note: str


class Criterion(NamedTuple):
    """One line of a rubric; the weights of a rubric sum to 100."""

    name: str
    weight: int
    description: str


class Item(NamedTuple):
    """One question about one picture; `label` is the place (0 or 1) that the good answer takes in the pair."""

    id: str
    label: Literal[0, 1]
    prompt: str
    good: str
    minor: Flaw
    bad: str
    major: Flaw
    careful: tuple[Criterion, ...]
    vague: tuple[Criterion, Criterion, Criterion]


BLUE, ORANGE, GREEN, RED, PURPLE, TEAL = "#3b6fb6", "#e8923a", "#4f9d4f", "#c94040", "#8a5ab0", "#3a9c9c"
GOLD, BROWN = "#d9b32c", "#8a5a33"

CHARTS: dict[str, Chart] = {
    "charts-01": Chart("bar", "Books lent", ("Jan", "Feb", "Mar", "Apr", "May"), {"": (31, 27, 48, 36, 22)}, (BLUE,)),
    "charts-02": Chart(
        "line",
        "Noon temperature (°C)",
        ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat"),
        {"": (14, 17, 21, 19, 12, 15)},
        (RED,),
    ),
    "charts-03": Chart(
        "pie", "Trips to work", ("Bus", "Bike", "Car", "Walk"), {"": (40, 25, 20, 15)}, (BLUE, GREEN, RED, GOLD), "%"
    ),
    "charts-04": Chart("bar", "Visitors", ("Thu", "Fri", "Sat", "Sun"), {"": (120, 180, 310, 260)}, (TEAL,)),
    "charts-05": Chart(
        "line",
        "Sales (boxes)",
        ("2021", "2022", "2023", "2024"),
        {"Tea": (20, 26, 33, 41), "Coffee": (45, 42, 38, 35)},
        (GREEN, BROWN),
    ),
    "charts-06": Chart(
        "hbar", "Height of the towers (m)", ("North", "East", "South", "West"), {"": (85, 60, 110, 72)}, (PURPLE,)
    ),
    "charts-07": Chart(
        "pie",
        "Household budget",
        ("Rent", "Food", "Travel", "Savings"),
        {"": (45, 25, 10, 20)},
        (BLUE, ORANGE, GREEN, RED),
        "%",
    ),
    "charts-08": Chart("bar", "Rainfall (mm)", ("Jun", "Jul", "Aug", "Sep"), {"": (64, 30, 12, 51)}, (BLUE,)),
    "charts-09": Chart(
        "line", "Battery charge (%)", ("0 h", "1 h", "2 h", "3 h", "4 h"), {"": (100, 88, 71, 52, 30)}, (GREEN,)
    ),
    "charts-10": Chart(
        "bar", "Goals scored", ("Reds", "Blues", "Greens", "Golds"), {"": (9, 14, 6, 11)}, (RED, BLUE, GREEN, GOLD)
    ),
    "charts-11": Chart(
        "pie", "Pets in our class", ("Dogs", "Cats", "Fish", "Birds"), {"": (12, 9, 6, 3)}, (BROWN, ORANGE, TEAL, GOLD)
    ),
    "charts-12": Chart(
        "bar",
        "Tickets sold",
        ("Mon", "Tue", "Wed"),
        {"Morning": (20, 35, 25), "Evening": (40, 30, 50)},
        (GOLD, PURPLE),
    ),
    "charts-13": Chart(
        "line",
        "Followers (thousands)",
        ("2019", "2020", "2021", "2022", "2023"),
        {"": (2, 5, 11, 18, 20)},
        (PURPLE,),
    ),
    "charts-14": Chart(
        "hbar",
        "Favourite fruit (votes)",
        ("Apple", "Pear", "Plum", "Grape", "Cherry"),
        {"": (18, 7, 12, 12, 21)},
        (RED,),
    ),
}

WHITE, INK, MUTED = "#ffffff", "#222222", "#666666"

SHEETS: dict[str, Sheet] = {
    "text-01": Sheet(
        "#b7a58c",
        "#fdf8ea",
        "#7a3b1e",
        (
            Row(("OPEN",), 34, "#b03020"),
            Row(),
            Row(("Mon - Fri", "9:00 - 18:00"), 17),
            Row(("Saturday", "10:00 - 14:00"), 17),
            Row(("Sunday", "closed"), 17),
        ),
        (40, 155),
    ),
    "text-02": Sheet(
        "#6f7680",
        WHITE,
        "#d8d8d8",
        (
            Row(("CORNER CAFE",), 18),
            Row(),
            Row(("Latte", "3.80")),
            Row(("Bagel", "2.50")),
            Row(("Juice", "3.20")),
            Row(),
            Row(("TOTAL", "9.50"), 17),
            Row(("CASH", "10.00"), 13, MUTED),
            Row(("CHANGE", "0.50"), 13, MUTED),
        ),
        (75, 200),
        55,
    ),
    "text-03": Sheet(
        "#dfe6ee",
        WHITE,
        BLUE,
        (
            Row(("BUS 12 to HARBOUR",), 20, BLUE),
            Row(),
            Row(("Departs", "Arrives"), 14, MUTED),
            Row(("07:15", "07:40"), 20),
            Row(("07:50", "08:15"), 20),
            Row(("08:30", "08:55"), 20),
        ),
        (65, 190),
    ),
    "text-04": Sheet(
        "#c9c2b4",
        WHITE,
        RED,
        (
            Row(("NOTICE",), 30, RED),
            Row(("Lift out of order",), 20),
            Row(("Please use the stairs",), 20),
            Row(("Repair: 14 May",), 18, MUTED),
        ),
    ),
    "text-05": Sheet(
        "#e9d9c4",
        "#fff6e0",
        ORANGE,
        (
            Row(("APRICOT JAM",), 28, "#c05a10"),
            Row(("340 g",), 22),
            Row(),
            Row(("Best before 03/2026",), 16),
            Row(("Keep cool",), 16),
        ),
        (),
        28,
    ),
    "text-06": Sheet(
        "#a9d3f0",
        "#1f6b45",
        WHITE,
        (
            Row(("<left>", "Lakeview", "8 km"), 20, WHITE),
            Row(("<up>", "Milton", "15 km"), 20, WHITE),
            Row(("<right>", "Airport", "22 km"), 20, WHITE),
        ),
        (40, 85, 220),
    ),
    "text-07": Sheet(
        "#8b6f4e",
        "#2c3531",
        "#c8a26a",
        (
            Row(("MENU",), 26, "#f3e9c8"),
            Row(("Soup", "4.00"), 18, WHITE),
            Row(("Pasta", "8.50"), 18, WHITE),
            Row(("Fish", "11.00"), 18, WHITE),
            Row(("Cake", "3.50"), 18, WHITE),
        ),
        (60, 210),
    ),
    "text-08": Sheet(
        "#3a2b4f",
        "#f6e7a8",
        "#b98a1c",
        (
            Row(("CINEMA LUX",), 20, "#7a1f3d"),
            Row(("The Blue Hour",), 26),
            Row(),
            Row(("Screen 3", "Row F", "Seat 12"), 18),
            Row(("19:30",), 24, "#7a1f3d"),
        ),
        (40, 135, 210),
    ),
    "text-09": Sheet(
        "#c79a63",
        WHITE,
        "#999999",
        (
            Row(("TO:",), 14, MUTED),
            Row(("Mara Lind",), 24),
            Row(("27 Mill Lane",), 20),
            Row(("Oxbury",), 20),
            Row(),
            Row(("FRAGILE",), 26, RED),
        ),
    ),
    "text-10": Sheet(
        "#9fb4a5",
        "#fffbe0",
        "#d8cf9a",
        (
            Row(("TO DO",), 24, BLUE),
            Row(("[x]", "Milk"), 20),
            Row(("[ ]", "Bread"), 20),
            Row(("[x]", "Eggs"), 20),
            Row(("[ ]", "Stamps"), 20),
        ),
        (90, 130),
        40,
    ),
    "text-11": Sheet(
        "#8fd0dc",
        "#f4fbff",
        TEAL,
        (
            Row(("POOL RULES",), 24, TEAL),
            Row(("1.", "Shower first"), 16),
            Row(("2.", "No running"), 16),
            Row(("3.", "No glass"), 16),
            Row(("4.", "Children under 10 with adult"), 16),
        ),
        (34, 56),
    ),
    "text-12": Sheet(
        "#50565e",
        "#101418",
        "#2e3640",
        (
            Row(("DEPARTURES",), 20, "#ffd54a"),
            Row(("10:05", "Oslo", "A4", "On time"), 16, WHITE),
            Row(("10:40", "Rome", "B2", "Delayed"), 16, "#ff9a5a"),
            Row(("11:15", "Cairo", "A7", "On time"), 16, WHITE),
            Row(("11:30", "Lima", "C1", "Cancelled"), 16, "#ff6b6b"),
        ),
        (30, 90, 155, 205),
        14,
    ),
    "text-13": Sheet(
        "#d8d3e6",
        "#2b1d52",
        "#e8b23a",
        (
            Row(("JAZZ NIGHT",), 32, "#ffd166"),
            Row(("Friday 8 June",), 20, WHITE),
            Row(("Doors 20:00",), 18, WHITE),
            Row(("Town Hall",), 20, WHITE),
            Row(("Entry free",), 22, "#ffd166"),
        ),
    ),
}

ITEMS: tuple[Item, ...] = (
    Item(
        "charts-01",
        0,
        "Which month had the most loans, and how many were there?",
        "March had the most loans: its bar is the tallest in the chart and is marked 48. Charts like this are handy "
        "for seeing that at a glance.",
        Flaw("needless remark", "closes with a comment on charts that nobody asked for"),
        "April had the most loans, with 48 books lent, which makes its bar the highest of the five.",
        Flaw("wrong item", "the 48 belongs to March; April has 36"),
        (
            Criterion("Right month", 45, "Names March as the month with the most loans."),
            Criterion("Right value", 35, "Gives 48 as the number of loans."),
            Criterion("Grounded", 20, "Rests on the tallest bar in the chart, not on a guess."),
        ),
        (
            Criterion("Reads nicely", 40, "The wording flows and is pleasant to read."),
            Criterion("Sounds sure", 30, "Grasps the chart at a glance and is confident about it."),
            Criterion("Complete", 30, "It feels as if nothing has been left out."),
        ),
    ),
    Item(
        "charts-02",
        1,
        "How did the noon temperature change over the days shown?",
        "It climbed from 14 °C on Monday to a peak of 21 °C on Wednesday, fell to 12 °C by Friday and then picked up "
        "again somewhat on Saturday.",
        Flaw("omission", "does not give the Saturday value of 15 °C"),
        "Noon temperatures rose over the first three days, from 14 °C on Monday through 17 °C to 21 °C on Wednesday. "
        "After that they dropped to 19 °C on Thursday and 12 °C on Friday, and on Saturday they sank further, to 9 °C.",
        Flaw("misread value", "Saturday is 15 °C, a rise after Friday, not a fall to 9 °C"),
        (
            Criterion("Rise and peak", 35, "Says it rises from 14 on Monday to a maximum of 21 on Wednesday."),
            Criterion("Low point", 25, "Says it fell to 12 by Friday."),
            Criterion("End of the week", 40, "Says that it recovered on Saturday, to 15."),
        ),
        (
            Criterion("Detail", 50, "Plenty of figures are quoted."),
            Criterion("Tone", 25, "Keeps a neutral, factual tone."),
            Criterion("Order", 25, "The order is sensible and bears being read again."),
        ),
    ),
    Item(
        "charts-03",
        0,
        "What share of the trips is made by bike, and how does that compare with the car?",
        "Bikes account for roughly a quarter of the trips to work, which is a bit more than the share of the car "
        "with its 20%.",
        Flaw("loose rounding", "says roughly a quarter where the chart gives exactly 25%"),
        "According to the chart, 15% of the trips are made by bike. That puts cycling slightly behind the car, which "
        "has a share of 20%, and well behind the bus at 40%.",
        Flaw("misread value", "bike is 25% and ahead of the car; 15% is the share of walking"),
        (
            Criterion("Bike share", 50, "Gives the bike share as 25%, a quarter of the trips."),
            Criterion("Comparison", 35, "Says that the bike has more than the car."),
            Criterion("Car share", 15, "Gives 20% for the car."),
        ),
        (
            Criterion("Professional", 34, "Sounds like something out of a report."),
            Criterion("Refers to the chart", 33, "Makes it plain that a chart is being discussed."),
            Criterion("Helpful", 33, "A reader would come away satisfied."),
        ),
    ),
    Item(
        "charts-04",
        1,
        "How many more visitors came on Saturday than on Friday?",
        "Saturday drew 310 visitors and Friday 180, so there were 130 more on Saturday. For what it is worth, "
        "Sunday was a busy day as well.",
        Flaw("needless remark", "brings in Sunday, which the question leaves out"),
        "The bars read 310 for Saturday and 180 for Friday, so Saturday had 150 more visitors.",
        Flaw("wrong arithmetic", "310 - 180 is 130, not 150"),
        (
            Criterion("Difference", 60, "Arrives at 130 more visitors on Saturday."),
            Criterion("Saturday", 20, "Reads 310 for Saturday."),
            Criterion("Friday", 20, "Reads 180 for Friday."),
        ),
        (
            Criterion("Directness", 40, "Comes to the point without dithering."),
            Criterion("Numbers", 30, "Contains some figures that one can read off."),
            Criterion("Politeness", 30, "Is courteous and worth one's while."),
        ),
    ),
    Item(
        "charts-05",
        0,
        "Between which two years does tea overtake coffee?",
        "Tea overtakes coffee between 2023 and 2024. In 2023 coffee was still ahead, 38 against 33, but in 2024 tea "
        "stood at 41 and coffee at 35, so that in 2024 it is tea that leads, coffee having been overtaken by then.",
        Flaw("repetition", "says three times over that tea leads in 2024"),
        "The crossover falls between 2022 and 2023: from then on the green line for tea runs above the brown line "
        "for coffee.",
        Flaw("wrong interval", "coffee is still ahead in 2023 (38 to 33); the lines cross between 2023 and 2024"),
        (
            Criterion("Years", 50, "Places the crossing between 2023 and 2024."),
            Criterion("Still behind", 25, "Notes that coffee was ahead in 2023, 38 to 33."),
            Criterion("Then ahead", 25, "Notes that tea leads in 2024, 41 to 35."),
        ),
        (
            Criterion("Brevity", 40, "Is kept as short as can be."),
            Criterion("Line of thought", 30, "One can follow where it leads."),
            Criterion("Vocabulary", 30, "Uses apt and varied words."),
        ),
    ),
    Item(
        "charts-06",
        0,
        "List the towers from the tallest to the shortest.",
        "South 110 m, North 85 m, West 72 m and East 60 m, that being the order from tall to short.",
        Flaw("awkward structure", "a bare list with the explanation trailing behind it"),
        "From tallest to shortest the chart shows South, which reaches 110 m, followed by West at 85 m, North at 72 "
        "m and finally East, which with its 60 m is the shortest of the four towers.",
        Flaw("swapped values", "North is 85 m and West 72 m, so these two are in the wrong order"),
        (
            Criterion("Order", 55, "Ranks them as South, North, West, East."),
            Criterion("Values", 30, "Gives the heights as 110 m, 85 m, 72 m and 60 m."),
            Criterion("All four", 15, "Leaves none of the four towers out."),
        ),
        (
            Criterion("Order", 30, "Has some order to it."),
            Criterion("Full sentences", 40, "Is written in whole sentences rather than in fragments."),
            Criterion("Engaging", 30, "Holds the interest of whoever reads it."),
        ),
    ),
    Item(
        "charts-07",
        1,
        "Which slice is the largest, and what colour is it?",
        "Rent is the largest slice of the pie, and the colour in which it is drawn is blue. It takes up not quite "
        "half of the household budget.",
        Flaw("loose rounding", "says not quite half where the chart gives 45%"),
        "The largest slice is rent, which makes up 45% of the household budget and is shown in orange. Food comes "
        "next with 25%, ahead of savings at 20% and travel at 10%.",
        Flaw("wrong colour", "the rent slice is blue; orange is food"),
        (
            Criterion("Slice", 40, "Names rent as the largest slice of the pie."),
            Criterion("Colour", 45, "Says that it is drawn in blue."),
            Criterion("Share", 15, "Gives its share as 45%, not quite half."),
        ),
        (
            Criterion("Thoroughness", 40, "Looks at every part of what is there."),
            Criterion("Friendly", 20, "Has a friendly voice and takes the question seriously."),
            Criterion("Clear", 40, "Is clear."),
        ),
    ),
    Item(
        "charts-08",
        1,
        "Describe how the rainfall develops over the months.",
        "June is the wettest month with 64 mm. July drops to 30 mm, August is the driest with 12 mm, and in September "
        "it climbs back to 51 mm. So the pattern is a fall and then a rise, first going down and going up afterwards.",
        Flaw("repetition", "the last sentence says the same thing twice"),
        "Rainfall keeps falling over the four months: from 64 mm in June to 30 mm in July, 12 mm in August and "
        "5 mm in September.",
        Flaw("misread value", "September is 51 mm, so the rain increases again after August"),
        (
            Criterion("Start", 20, "Starts with June as the wettest month, 64 mm."),
            Criterion("Driest month", 30, "Names August as the driest, at 12 mm."),
            Criterion("Recovery", 50, "Says that September is wet again, with 51 mm, after the fall."),
        ),
        (
            Criterion("Flow", 35, "Sentences follow a smooth pattern."),
            Criterion("Expertise", 35, "Sounds like an expert on the weather."),
            Criterion("Accuracy", 30, "Is accurate."),
        ),
    ),
    Item(
        "charts-09",
        0,
        "When does the battery charge drop below 60%?",
        "The charge is below 60% once the 3 h mark is reached: the point there reads 52, and one hour later only 30 "
        "is left.",
        Flaw("omission", "does not say that it was still at 71% one hour earlier"),
        "The battery starts out full at 100% and reads 88% after one hour. By the 2 h mark the charge has already "
        "dropped below 60%, with the point there labelled 52.",
        Flaw("misread value", "at 2 h it is still 71%; the 52 stands at 3 h"),
        (
            Criterion("Time", 50, "Names the 3 h mark as the one where the charge is below 60%."),
            Criterion("Reading", 25, "Quotes what the point there reads, 52."),
            Criterion("Before that", 25, "Notes that it is still 71 at 2 h, one hour before."),
        ),
        (
            Criterion("Story", 40, "Tells the story of the battery from the start."),
            Criterion("Grammar", 30, "No slips in grammar or spelling."),
            Criterion("Polish", 30, "Comes over as polished."),
        ),
    ),
    Item(
        "charts-10",
        0,
        "How many goals did the four teams score altogether?",
        "Adding up the labels gives 9 + 14 + 6 + 11 = 40 goals in total. I rather like that each bar is painted in "
        "its team's own colour.",
        Flaw("needless remark", "adds an opinion on how the bars are painted"),
        "The four teams scored 38 goals altogether: 9 for the Reds, 14 for the Blues, 6 for the Greens and 11 for "
        "the Golds.",
        Flaw("wrong arithmetic", "9 + 14 + 6 + 11 is 40, not 38"),
        (
            Criterion("Total", 60, "Gives 40 goals as the sum."),
            Criterion("Adding up", 30, "Shows the labels being added up: 9, 14, 6 and 11."),
            Criterion("Every team", 10, "Takes in all four: Reds, Blues, Greens and Golds."),
        ),
        (
            Criterion("Team spirit", 34, "Speaks of the teams in a fair manner."),
            Criterion("Concise", 33, "Says it in as few words as it can."),
            Criterion("Credible", 33, "One is inclined to believe it."),
        ),
    ),
    Item(
        "charts-11",
        1,
        "How many cats and how many birds does the chart count?",
        "Of cats there are 9, and of birds, theirs being the smallest of the slices, only 3.",
        Flaw("awkward structure", "inverted phrasing that is stiff to read"),
        "The pie chart counts 9 cats and 6 birds. Dogs form the biggest slice with 12, which puts cats in second "
        "place among the four kinds of pet.",
        Flaw("misread value", "there are 3 birds; the 6 belongs to fish"),
        (
            Criterion("Cats", 40, "Gives 9 as the number of cats."),
            Criterion("Birds", 40, "Gives 6 as the number of birds."),
            Criterion("Two numbers", 20, "Keeps the two kinds of pet apart, each with its own number."),
        ),
        (
            Criterion("Looks finished", 40, "Everything is in its place."),
            Criterion("Warmth", 30, "Shows some fondness for animals."),
            Criterion("Simple", 30, "Even a child could follow it."),
        ),
    ),
    Item(
        "charts-12",
        1,
        "On which day did the morning sell more tickets than the evening?",
        "Only on Tuesday: the morning bar stands at 35 and the evening bar at 30. On the other days the evening was "
        "well ahead, with 40 to 20 on Monday and something like double the morning's figure on Wednesday.",
        Flaw("loose rounding", "says something like double for Wednesday where the bars give 50 to 25"),
        "Monday: the morning bar shows 40 tickets there, against 20 tickets for the evening.",
        Flaw("swapped values", "on Monday the evening has 40 and the morning 20; the right day is Tuesday"),
        (
            Criterion("Day", 50, "Names Tuesday, and only Tuesday."),
            Criterion("Bars compared", 30, "Sets the morning bar, 35, against the evening bar, 30."),
            Criterion("Other days", 20, "Says that on Monday and on Wednesday the evening was ahead."),
        ),
        (
            Criterion("Decisive", 40, "Commits to one day."),
            Criterion("Echoes the question", 40, "Takes up the words of the question."),
            Criterion("Style", 20, "Is well phrased."),
        ),
    ),
    Item(
        "charts-13",
        0,
        "Between which two years was the growth in followers the largest?",
        "The largest jump is the one from 2021 to 2022, when the count went from 11 to 18 thousand. The step before "
        "it, from 5 to 11, was almost as large, whereas the last one was quite small by comparison.",
        Flaw("omission", "does not say how small the last step was (2 thousand)"),
        "Growth was largest between 2022 and 2023, in the final step, which takes the line to its highest point at "
        "20 thousand.",
        Flaw("wrong interval", "that step is only 2 thousand (18 to 20); the largest is 2021 to 2022, 11 to 18"),
        (
            Criterion("Years", 55, "Gives 2020 to 2021 as the step with the largest growth."),
            Criterion("Counts", 25, "Backs it up with the count before and after, in thousands."),
            Criterion("Size of the jump", 20, "Says how large the jump is in comparison with the step before it."),
        ),
        (
            Criterion("Insight", 40, "Offers some insight."),
            Criterion("Elegance", 30, "Elegantly phrased."),
            Criterion("Modesty", 30, "Does not claim too much."),
        ),
    ),
    Item(
        "charts-14",
        0,
        "Is there a tie in the survey? If so, between which fruits?",
        "Yes, there is one tie in the survey. It is between plum and grape, whose bars end at the very same length.",
        Flaw("omission", "does not give the 12 votes that both have"),
        "There is one tie in this survey, between apple and plum, which have received 12 votes each. Cherry is the "
        "overall favourite with 21 votes, and pear comes last with just 7.",
        Flaw("wrong item", "the tie is between plum and grape; apple has 18 votes"),
        (
            Criterion("Tie found", 25, "Says yes, there is a tie."),
            Criterion("Fruits", 55, "Names plum and grape as the two fruits."),
            Criterion("Votes", 20, "Backs this with their bars: 12 votes, the same length."),
        ),
        (
            Criterion("Rich", 40, "Is rich in information about the survey."),
            Criterion("Sincere", 30, "Comes across as sincere."),
            Criterion("Short enough", 30, "Can be read in one breath."),
        ),
    ),
    Item(
        "scenes-01",
        1,
        "Describe the scene.",
        "A cream house with a red roof, a blue door and two windows stands on green grass. To the left of it there is "
        "a tree, and a yellow sun shines in the upper right corner. A cheerful little picture, if I may say so.",
        Flaw("needless remark", "ends on a judgement of the picture's mood"),
        "A cream house with a red roof, two windows and a blue door stands on green grass. There is a tree to the "
        "right of the house and a yellow sun in the upper right corner.",
        Flaw("wrong relation", "the tree stands to the left of the house"),
        (
            Criterion("House", 35, "Describes a cream house with a red roof and a blue door."),
            Criterion("Tree", 40, "Places the tree to the left of the house."),
            Criterion("Sun", 25, "Mentions the yellow sun in the upper right corner."),
        ),
        (
            Criterion("Vivid", 40, "Lets one see the scene in the mind's eye."),
            Criterion("Mentions the picture", 30, "Talks about the picture."),
            Criterion("Well organised", 30, "Things come in a natural order."),
        ),
    ),
    Item(
        "scenes-02",
        1,
        "How many balls are on the table, and what colours are they?",
        "Five balls, of which two are red and one each blue, green, yellow, are on the table.",
        Flaw("awkward structure", "the list is wedged between subject and verb, and lacks its last 'and'"),
        "There are six balls lying in a row on the brown table. Three of them are red, and besides these one can see "
        "a blue ball, a green ball and a yellow ball.",
        Flaw("miscount", "there are five balls, two of them red"),
        (
            Criterion("Count", 45, "Counts five balls on the table."),
            Criterion("Red ones", 30, "Says that two are red."),
            Criterion("Other colours", 25, "Adds one blue, one green and one yellow."),
        ),
        (
            Criterion("Descriptive", 40, "Is descriptive and lets the reader see things."),
            Criterion("Counting", 30, "Some counting has been done."),
            Criterion("Calm", 30, "Has a calm voice."),
        ),
    ),
    Item(
        "scenes-03",
        0,
        "What colour is the car on the left, and what does the traffic light show?",
        "The car on the left is red, while the one on the right is blue. The traffic light between them shows green, "
        "the bottom lamp being lit, which in most countries would mean that cars are allowed to go.",
        Flaw("needless remark", "explains what a green light means"),
        "The car on the left is red. The traffic light that stands between the two cars has its top lamp lit and so "
        "shows red.",
        Flaw("wrong colour", "the bottom lamp is lit and the light shows green"),
        (
            Criterion("Car", 35, "Says that the car on the left is red."),
            Criterion("Light", 50, "Says that the traffic light shows green."),
            Criterion("Lamp", 15, "Points to the bottom lamp as the one that is lit."),
        ),
        (
            Criterion("Road sense", 30, "Shows some sense of how roads work."),
            Criterion("Both parts", 40, "Has something on each part of the question."),
            Criterion("No fuss", 30, "Keeps it plain, with no frills."),
        ),
    ),
    Item(
        "scenes-04",
        0,
        "How many birds are in the sky, and where is the lighthouse?",
        "Three birds are in the sky. The lighthouse is somewhere on the right of the picture.",
        Flaw("imprecise", "says somewhere, and does not mention the rock it stands on"),
        "There are three birds in the sky, above the sea. The lighthouse, striped in red and white, stands on a "
        "grey rock at the left edge of the picture, while the brown boat with its white sail is in the middle.",
        Flaw("wrong relation", "the lighthouse and its rock are on the right"),
        (
            Criterion("Birds", 40, "Counts three birds in the sky."),
            Criterion("Lighthouse", 50, "Says that the lighthouse is on the right."),
            Criterion("Rock", 10, "Mentions the rock under it."),
        ),
        (
            Criterion("Atmosphere", 50, "Catches the mood."),
            Criterion("Careful wording", 25, "Words have been picked with care."),
            Criterion("Natural", 25, "Sounds like a person talking."),
        ),
    ),
    Item(
        "scenes-05",
        1,
        "What is in the bowl?",
        "The bowl holds five pieces of fruit, namely three oranges and two green apples, all of which are round.",
        Flaw("needless remark", "adds that the fruit is round"),
        "The purple bowl on the table holds fruit. I can count three oranges and two green apples in it, and there is "
        "a bunch of grapes hanging over its right rim.",
        Flaw("invented object", "there are no grapes in the picture"),
        (
            Criterion("Oranges", 35, "Names three oranges."),
            Criterion("Apples", 35, "Names two green apples."),
            Criterion("Nothing else", 30, "Claims no other fruit: all of them are oranges or apples."),
        ),
        (
            Criterion("Appetising", 30, "Makes the mouth water."),
            Criterion("Elaborate", 40, "Goes into things at some length."),
            Criterion("Reliable", 30, "One can count on it."),
        ),
    ),
    Item(
        "scenes-06",
        1,
        "Describe what can be seen in this night scene.",
        "A crescent moon hangs in the upper left of a dark sky, and seven stars are scattered over it. Below, an "
        "orange tent stands on a dark green hill, and a small campfire burns to its right. All in all a night scene, "
        "then, seen at night.",
        Flaw("repetition", "the last sentence adds nothing and repeats itself"),
        "The moon is a crescent in the upper left, and seven stars are out. An orange tent stands on a dark green "
        "hill, and a bicycle is parked to the right of it.",
        Flaw("invented object", "there is no bicycle; a campfire burns to the right of the tent"),
        (
            Criterion(
                "Sky", 30, "Mentions the crescent moon in the upper left and eight stars scattered over the sky."
            ),
            Criterion("Tent", 30, "Mentions the orange tent on the hill."),
            Criterion("Fire", 40, "Mentions the small campfire that burns to the right."),
        ),
        (
            Criterion("Poetic", 40, "Has a touch of poetry."),
            Criterion("Not too long", 40, "Stops before it gets tiresome."),
            Criterion("Correct", 20, "Is correct in every way."),
        ),
    ),
    Item(
        "scenes-07",
        0,
        "Which of the three houses is the tallest, and what colours are they?",
        "The house in the middle is the tallest of the three. They are green, yellow and red.",
        Flaw("imprecise", "does not say which house has which colour"),
        "From left to right, the houses are green, yellow and red, all three with brown roofs. The red house on the "
        "right is the tallest of them, rising clearly above the roofs of both its neighbours.",
        Flaw("wrong item", "the yellow house in the middle is the tallest"),
        (
            Criterion("Tallest", 45, "Says that the yellow house in the middle is the tallest."),
            Criterion("Colours", 35, "Says that they are green, yellow and red."),
            Criterion("Order", 20, "Gives the colours from left to right."),
        ),
        (
            Criterion("Has a view", 30, "Takes a stand instead of guessing."),
            Criterion("Structure", 40, "Starts in one place and works along to another."),
            Criterion("Readable", 30, "Is clearly put."),
        ),
    ),
    Item(
        "scenes-08",
        0,
        "What is the snowman wearing?",
        "The snowman is wearing a black hat and a purple scarf. Three black buttons run down its front as well, and it "
        "has a pointed orange nose, although a nose is of course not something that one wears.",
        Flaw("needless remark", "brings up the nose and then says it is beside the point"),
        "It is wearing a black hat on its head and a green scarf around its neck, with three black buttons down its "
        "front.",
        Flaw("wrong colour", "the scarf is purple"),
        (
            Criterion("Hat", 30, "Names the black hat."),
            Criterion("Scarf", 50, "Names the scarf and its colour, purple."),
            Criterion("Buttons", 20, "Mentions the three black buttons down the front."),
        ),
        (
            Criterion("Seasonal", 30, "Has a wintry feel and is well put."),
            Criterion("Precise", 40, "Is precise about what goes where."),
            Criterion("Lively", 30, "Is lively."),
        ),
    ),
    Item(
        "scenes-09",
        1,
        "How many pots are on the shelf, and which one has no flower?",
        "There are four pots on the shelf. The third of them is the one with no flower in it; all the others have one.",
        Flaw("imprecise", "does not say that it counts from the left"),
        "There are four pots standing on the wooden shelf. Three of them hold a flower on a green stem, and the one "
        "with no flower is the last in the row, at the far right.",
        Flaw("wrong item", "the pot at the far right has a flower; the third from the left is bare"),
        (
            Criterion("Pots", 35, "Counts four pots on the shelf."),
            Criterion("Bare pot", 50, "Picks the third pot from the left as the one with no flower."),
            Criterion("Planted pots", 15, "Makes it plain that the three that remain each hold a flower."),
        ),
        (
            Criterion("Green fingers", 30, "Knows about plants: stem, flower and so on."),
            Criterion("Factual", 35, "Keeps to facts."),
            Criterion("Easy words", 35, "Avoids difficult words."),
        ),
    ),
    Item(
        "scenes-10",
        0,
        "How many wagons does the train have, and what colour is the engine?",
        "The engine, which is green, has, one after the other behind it, three wagons in tow.",
        Flaw("awkward structure", "a chain of insertions between subject and object"),
        "A green engine is at the front of the train, on the left, puffing grey smoke from its black chimney. Four "
        "wagons follow behind it, the first of which is red and the last of which is blue.",
        Flaw("miscount", "there are three wagons: red, yellow and blue"),
        (
            Criterion("Wagons", 55, "Counts three wagons behind the engine."),
            Criterion("Engine", 35, "Says that the engine is green."),
            Criterion("Apart", 10, "Does not count the engine in front as a wagon: the wagons are in tow."),
        ),
        (
            Criterion("Picturesque", 40, "Paints the train in words, smoke and all."),
            Criterion("Assured", 30, "No hesitation is felt."),
            Criterion("Well rounded", 30, "Has a beginning and an end."),
        ),
    ),
    Item(
        "scenes-11",
        1,
        "Where is the bucket in relation to the umbrella, and what colour is it?",
        "The bucket is yellow and stands to the right of the umbrella, by which I mean the only umbrella in the "
        "picture, striped in red and white.",
        Flaw("needless remark", "explains which umbrella is meant although there is only one"),
        "The bucket stands in the sand, to the right of the umbrella. It is a light blue bucket.",
        Flaw("wrong colour", "the bucket is yellow"),
        (
            Criterion("Position", 45, "Says that the bucket stands to the right of the umbrella."),
            Criterion("Colour", 45, "Says that the bucket is yellow."),
            Criterion("Setting", 10, "Knows the umbrella by its red and white stripes, planted in the sand."),
        ),
        (
            Criterion("Holiday feel", 20, "Brings out the feel of a day at the beach."),
            Criterion("Compact", 50, "Is compact."),
            Criterion("Sound", 30, "Sounds as if it had been made for the picture."),
        ),
    ),
    Item(
        "scenes-12",
        0,
        "How are the three shapes arranged?",
        "A red triangle sits on top of a blue square on the left, and a green circle lies to the right of these two, "
        "level with the foot of the square. It may be that the circle is a little smaller than the square.",
        Flaw("hedging", "hedges about the circle, which is plainly smaller"),
        "A blue square rests on top of a red triangle, with a green circle to the right of them.",
        Flaw("wrong relation", "the triangle is on top of the square"),
        (
            Criterion("Stack", 55, "Says that the red triangle is on top of the blue square."),
            Criterion("Circle", 30, "Says that the green circle is to the right, on the same ground line."),
            Criterion("Left", 15, "Places triangle and square on the left."),
        ),
        (
            Criterion("Geometry", 40, "Uses terms from geometry."),
            Criterion("Well founded", 30, "Is based on more than a hunch."),
            Criterion("Agreeable", 30, "Has a little charm."),
        ),
    ),
    Item(
        "scenes-13",
        1,
        "How many ducks are on the pond, and do they all swim the same way?",
        "There are four ducks on the pond. They do not all swim alike: most of them swim to the left, but one swims "
        "to the right.",
        Flaw("imprecise", "says most where three would be exact"),
        "Four yellow ducks are swimming on the blue pond, which has grass all around it and a green lily pad in its "
        "lower right part. They are all heading the same way, with their orange beaks pointing to the left.",
        Flaw("wrong relation", "one of the four ducks swims to the right"),
        (
            Criterion("Ducks", 35, "Counts four ducks."),
            Criterion("Odd one out", 45, "Says that they do not all swim alike, and that one swims to the right."),
            Criterion("Others", 20, "Says that three of them swim to the left."),
        ),
        (
            Criterion("Nature", 34, "Shows a feeling for animals."),
            Criterion("Straight in", 33, "Leads with the main point."),
            Criterion("Unambiguous", 33, "Most readers would take it in one sense."),
        ),
    ),
    Item(
        "text-01",
        0,
        "When is the shop open on Saturday?",
        "On Saturday it is open from 10:00 to 14:00, that is, it opens at ten and closes at two.",
        Flaw("repetition", "gives the same hours twice, once in digits and once in words"),
        "According to the sign, the shop opens at 9:00 and closes at 14:00 on Saturdays. It is closed on Sundays, "
        "and on the five days from Monday to Friday it opens at 9:00 and stays open until 18:00.",
        Flaw("misread value", "on Saturday it opens at 10:00; the 9:00 is for Monday to Friday"),
        (
            Criterion("Opening", 50, "Says that on Saturday it is open from 10:00."),
            Criterion("Closing", 35, "Says that it is open to 14:00."),
            Criterion("Right line", 15, "Reads the line for Saturday, not the one for weekdays."),
        ),
        (
            Criterion("Service", 40, "Is of service to a customer and stays friendly."),
            Criterion("Extras", 30, "Gives more than was asked."),
            Criterion("Crisp", 30, "Crisp."),
        ),
    ),
    Item(
        "text-02",
        1,
        "What was bought, and how much did it come to in total?",
        "The receipt from Corner Cafe lists a latte for 3.80, a bagel for 2.50 and a juice for 3.20. The total is "
        "9.50, which one might also put as ten less a half.",
        Flaw("needless remark", "restates the total in a pointless way"),
        "A latte for 3.80, a bagel for 2.50 and a juice for 3.20 were bought. The total is 8.50.",
        Flaw("misread value", "the total is 9.50"),
        (
            Criterion("Items", 40, "Lists a latte, a bagel and a juice."),
            Criterion("Total", 45, "Gives the total as 9.50."),
            Criterion("Prices", 15, "Quotes 3.80, 2.50 and 3.20 from the receipt."),
        ),
        (
            Criterion("Business-like", 40, "Would do for a set of accounts."),
            Criterion("Sums", 20, "Has sums in it."),
            Criterion("Simple", 40, "Could hardly be put more simply."),
        ),
    ),
    Item(
        "text-03",
        0,
        "I have to be at Harbour by 08:30. Which is the last bus that I can take?",
        "Take the bus at 07:50, which arrives at Harbour at 08:15. The next one arrives at 08:55, which is too "
        "late, since by then it will be past 08:30.",
        Flaw("repetition", "explains what the question already says, that 08:55 is past 08:30"),
        "The last bus you can take is the one that departs at 08:30. It is the third of the three buses in the "
        "timetable.",
        Flaw("wrong item", "the 08:30 bus arrives at 08:55; the last one in time departs at 07:50"),
        (
            Criterion("Bus", 50, "Recommends the bus at 07:50."),
            Criterion("Arrival", 30, "Says that it arrives at 08:15."),
            Criterion("Why not later", 20, "Explains that the next one arrives at 08:55, which is too late."),
        ),
        (
            Criterion("Timetable", 35, "Speaks of times and of a bus, as one would expect."),
            Criterion("Practical", 35, "Is of practical use."),
            Criterion("Brisk", 30, "Wastes no time."),
        ),
    ),
    Item(
        "text-04",
        1,
        "What does the notice say?",
        "It says that the lift is out of order, asks people to use the stairs instead and gives a date for the repair.",
        Flaw("omission", "does not quote the date, 14 May"),
        "The notice informs its readers that the lift is out of order and asks them to please use the stairs. In the "
        "bottom line, the repair is announced for 24 May.",
        Flaw("misquoted text", "the repair date is 14 May"),
        (
            Criterion("Fault", 35, "Says that the lift is out of order."),
            Criterion("Request", 35, "Says that one is asked to use the stairs."),
            Criterion("Date", 30, "Gives the repair date, 14 May."),
        ),
        (
            Criterion("Official tone", 40, "Has an official tone."),
            Criterion("Covers it", 30, "Covers the ground and gives people their due."),
            Criterion("Discreet", 30, "Keeps personal views out."),
        ),
    ),
    Item(
        "text-05",
        1,
        "What product is this, and how much does it weigh?",
        "This is apricot jam, and the weight on the label is 340 g. The label also says that it is best before 03/2026 "
        "and should be kept cool, though that was not part of the question.",
        Flaw("needless remark", "adds the shelf life and then says it was not asked for"),
        "This is a label for apple jam, and the weight that it gives for the product is 340 g.",
        Flaw("misquoted text", "the label says apricot jam"),
        (
            Criterion("Product", 55, "Identifies the product as apricot jam."),
            Criterion("Weight", 35, "Reads the weight as 350 g."),
            Criterion("From the label", 10, "Keeps to what the label says."),
        ),
        (
            Criterion("Consumer focus", 40, "Speaks to somebody who is about to buy the product."),
            Criterion("Trim", 30, "Has no excess weight."),
            Criterion("Trustworthy", 30, "Inspires trust."),
        ),
    ),
    Item(
        "text-06",
        0,
        "How far is it to Milton, and which way does its arrow point?",
        "It is some 15 km to Milton, and the arrow next to the name points straight upwards.",
        Flaw("loose rounding", "says some 15 km where the sign gives exactly 15 km"),
        "The sign says that Milton is 15 km away. The arrow beside it points to the right, unlike the one for "
        "Lakeview, which points to the left and belongs to a distance of 8 km.",
        Flaw("wrong relation", "the Milton arrow points up; the one to the right is for Airport"),
        (
            Criterion("Distance", 40, "Gives 15 km to Milton."),
            Criterion("Direction", 45, "Says that the arrow points upwards, straight ahead."),
            Criterion("Right line", 15, "Uses the arrow next to the name Milton, in the middle line."),
        ),
        (
            Criterion("Local colour", 30, "Has something of the places around."),
            Criterion("Contrast", 40, "Sets one thing against another."),
            Criterion("Neat", 30, "Is neat and straight."),
        ),
    ),
    Item(
        "text-07",
        0,
        "Which dish is the most expensive, and which is the cheapest?",
        "Fish is the most expensive dish on the menu at 11.00. The cheapest is the cake at 3.50, so it costs roughly a "
        "third of what the fish does.",
        Flaw("loose rounding", "says roughly a third, where 3.50 is a little less than a third of 11.00"),
        "The fish is the most expensive at 11.00, and the soup, at 4.00, is the cheapest dish.",
        Flaw("wrong item", "the cake at 3.50 is cheaper than the soup"),
        (
            Criterion("Most expensive", 40, "Names fish, at 11.00, as the most expensive."),
            Criterion("Cheapest", 45, "Names the cake as the cheapest dish."),
            Criterion("Price of the cheapest", 15, "Quotes 3.50."),
        ),
        (
            Criterion("Taste", 30, "Is in good taste."),
            Criterion("Parallel build", 40, "Treats both in the same way."),
            Criterion("Mature", 30, "Mature in expression."),
        ),
    ),
    Item(
        "text-08",
        1,
        "Which screen and which seat is this ticket for?",
        "According to what is printed on it, the ticket is for screen 3, and the seat is number 12.",
        Flaw("omission", "leaves out row F, without which the seat is hard to find"),
        "This is a ticket from Cinema Lux for the film The Blue Hour at 19:30. The seat is number 12 in row F, and the "
        "film is shown on screen 5.",
        Flaw("misread value", "the ticket says screen 3"),
        (
            Criterion("Screen", 50, "Says that the ticket is for screen 3."),
            Criterion("Seat", 30, "Gives the seat as 12."),
            Criterion("Row", 20, "Adds that it is in row F."),
        ),
        (
            Criterion("Film lover", 40, "Shows some love of the cinema."),
            Criterion("Order of things", 30, "One thing after another."),
            Criterion("Smart", 30, "Comes across as smart."),
        ),
    ),
    Item(
        "text-09",
        1,
        "Who is the parcel addressed to, and is there a handling instruction?",
        "The parcel is addressed to Mara Lind, 27 Mill Lane, Oxbury. As to handling there is an instruction, which "
        "says FRAGILE, in red, so whoever is handling it should handle it with care when they handle it.",
        Flaw("repetition", "a clumsy sentence with four forms of 'handle'"),
        "The parcel is addressed to Mara Lind at 27 Mill Lane in Oxbury, and the label has no handling instruction.",
        Flaw("missed text", "FRAGILE stands in large red letters at the bottom"),
        (
            Criterion("Name", 35, "Names Mara Lind."),
            Criterion("Address", 20, "Gives 27 Mill Lane, Oxbury."),
            Criterion("Instruction", 45, "Quotes the instruction FRAGILE, which stands in red."),
        ),
        (
            Criterion("Careful", 30, "Has been written with care."),
            Criterion("Smooth", 40, "Has no rough edges."),
            Criterion("Economical", 30, "Economical with words."),
        ),
    ),
    Item(
        "text-10",
        0,
        "Which items on the list are still to be done?",
        "Bread and stamps, those are still to be done, their boxes have not been ticked yet.",
        Flaw("awkward structure", "three clauses run together with commas"),
        "Of the four items on the list, two have been ticked and two have not. Milk, at the top, is one of those "
        "with a green tick. The ones still to be done, with an empty box in front of them, are bread and eggs.",
        Flaw("wrong item", "eggs are ticked; the open items are bread and stamps"),
        (
            Criterion("Bread", 35, "Names bread."),
            Criterion("Stamps", 45, "Names stamps."),
            Criterion("Nothing more", 20, "Leaves out milk and eggs, which have been ticked."),
        ),
        (
            Criterion("Motivating", 30, "Encourages one to get on with it."),
            Criterion("Listing", 40, "Reads like a list of items."),
            Criterion("Fluent", 30, "Is fluent."),
        ),
    ),
    Item(
        "text-11",
        1,
        "From what age may children be in the pool without an adult?",
        "Rule 4 wants an adult to be there with children under 10, so they may go into the pool alone from about 10 "
        "on.",
        Flaw("loose rounding", "says about 10 where the rule sets a sharp limit"),
        "According to rule 4 on the board, children under 12 must be with an adult, so they may go alone once they are "
        "12. The other rules ask for a shower first and forbid running and glass.",
        Flaw("misread value", "the limit is 10, not 12"),
        (
            Criterion("Age", 50, "Says that children may go without an adult from the age of 10."),
            Criterion("Rule", 30, "Relies on rule 4: children under 10 with an adult."),
            Criterion("Inference", 20, "Draws the step from under 10 to alone from 10 on."),
        ),
        (
            Criterion("Safety", 40, "Takes the rules seriously."),
            Criterion("Authority", 30, "Speaks with authority."),
            Criterion("Fresh", 30, "Is free of set phrases."),
        ),
    ),
    Item(
        "text-12",
        0,
        "Which flight is delayed, and what is its gate?",
        "The delayed flight is the one to Rome at 10:40, and its gate is B2. Oslo and Cairo, incidentally, are on "
        "time, while Lima is cancelled.",
        Flaw("needless remark", "goes on about the flights that were not asked for"),
        "The flight to Cairo at 11:15 is the delayed one, and the board gives A7 as its gate.",
        Flaw("wrong item", "Cairo is on time; the delayed flight is Rome at 10:40 from B2"),
        (
            Criterion("Flight", 50, "Names the flight to Rome at 10:40 as the delayed one."),
            Criterion("Gate", 40, "Gives gate B2."),
            Criterion(
                "Others", 10, "Does not confuse it with Oslo and Cairo, which are on time, or Lima, which is cancelled."
            ),
        ),
        (
            Criterion("Traveller", 40, "Tells travellers what they need."),
            Criterion("Even pace", 30, "Is even in pace and takes its time."),
            Criterion("Self-contained", 30, "Can stand without the question."),
        ),
    ),
    Item(
        "text-13",
        1,
        "What event is announced, and what does entry cost?",
        "The poster announces a Jazz Night at the Town Hall on Friday 8 June, with doors at 20:00. Entry is free, "
        "which is to say that one does not have to pay for it.",
        Flaw("repetition", "explains what free means"),
        "A Jazz Night on Friday 8 June, at the Town Hall, is announced. Entry costs 8 euros.",
        Flaw("misread value", "the poster says that entry is free, and no price is given"),
        (
            Criterion("Event", 35, "Names the Jazz Night."),
            Criterion("Entry", 50, "Says that entry is free."),
            Criterion("When and where", 15, "Adds Friday 8 June at the Town Hall, as the poster announces."),
        ),
        (
            Criterion("Inviting", 40, "Makes one want to go."),
            Criterion("On topic", 30, "Stays with what the poster is about."),
            Criterion("Plain", 30, "Is in plain English."),
        ),
    ),
)

# Where the careful writer is mistaken about one fact of the picture, as a real one sometimes would be.
CAREFUL_MISTAKES: dict[str, str] = {
    "charts-11": "takes the 6 for birds; there are 3",
    "charts-13": "takes 2020 to 2021 for the largest step; it is 2021 to 2022",
    "scenes-06": "counts eight stars; there are seven",
    "text-05": "reads 350 g; the label says 340 g",
}
