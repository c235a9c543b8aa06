"""Says which rules an assignment breaks, slowly and plainly: a loop for each rule, no code shared with the engine."""

from math import floor, hypot


def broken(instance, assignment):
    """The rules that these pairs of request and block break, as sentences."""
    taken = [(instance["requests"][r], instance["blocks"][b]) for r, b in assignment]
    return [
        *(f"request {r['id']} has two blocks" for r, _ in taken if sum(o["id"] == r["id"] for o, _ in taken) > 1),
        *(f"request {r['id']} may not take block {b['id']}" for r, b in taken if not may(instance, r, b)),
        *blocks_broken(taken),
        *therapists_broken(instance, taken),
        *money_broken(instance, taken),
        *(
            f"child {r['child']} is in two places"
            for r, b in taken
            if sum(o["child"] == r["child"] and moment(c) == moment(b) for o, c in taken) > 1
        ),
    ]


def may(instance, request, block):
    therapist, site = instance["therapists"][block["therapist"]], block["site"]
    here = {
        "online": lambda: True,
        "school": lambda: site == request["school"],
        "clinic": lambda: kilometres(instance, request, block) <= request["max_km"],
    }[block["mode"]]
    return (
        block["discipline"] == request["discipline"]
        and request["format"] in ("either", block["format"])
        and block["day"] * 6 + block["hour"] in request["avail"]
        and (request["skill"] is None or request["skill"] in therapist["skills"])
        and all(need in therapist["comms"] for need in request["needs"])
        and instance["providers"][block["provider"]]["region"] == request["region"]
        and block["mode"] in request["modes"]
        and here()
    )


def kilometres(instance, request, block):
    site = instance["sites"][block["site"]]
    return hypot(site["x"] - request["x"], site["y"] - request["y"])


def moment(block):
    return block["window"], block["day"], block["hour"]


def blocks_broken(taken):
    for block in {b["id"]: b for _, b in taken}.values():
        inside = sum(b["id"] == block["id"] for _, b in taken)
        if inside > block["cap"]:
            yield f"block {block['id']} is over its seats"
        if block["format"] == "group" and inside < block["min_run"]:
            yield f"group {block['id']} is too small"


def therapists_broken(instance, taken):
    opened = {b["id"]: b for _, b in taken}.values()
    for therapist in instance["therapists"]:
        mine = [block for block in opened if block["therapist"] == therapist["id"]]
        if len(mine) > therapist["contracted_blocks"]:
            yield f"therapist {therapist['id']} is over contract"
        if len({moment(block) for block in mine}) < len(mine):
            yield f"therapist {therapist['id']} has two blocks at once"


def money_broken(instance, taken):
    for payer in instance["commissioners"]:
        mine = [block for request, block in taken if request["commissioner"] == payer["id"]]
        if len(mine) > payer["max_places"]:
            yield f"commissioner {payer['id']} is over its places"
        if sum(block["price"] for block in mine) > payer["budget"]:
            yield f"commissioner {payer['id']} is over its budget"
        for provider in instance["providers"] if instance["contracts"] else ():
            places = sum(block["provider"] == provider["id"] for block in mine)
            agreed = [
                c["max_places"]
                for c in instance["contracts"]
                if (c["provider"], c["commissioner"]) == (provider["id"], payer["id"])
            ]
            if places > sum(agreed):
                yield f"provider {provider['id']} is over its contract with {payer['id']}"


def values(instance, assignment):
    """[left in tier 1, 2, 3, 4, squared weeks beyond the standard, travel and change]."""
    block_of = {r: instance["blocks"][b] for r, b in assignment}
    left = [r for r in instance["requests"] if r["id"] not in block_of]
    weeks = travel = 0
    for request in instance["requests"]:
        block = block_of.get(request["id"])
        start = block["start_week"] if block else instance["horizon_weeks"]
        weeks += max(0, request["waited_weeks"] + start - request["standard_weeks"]) ** 2
        if block and block["mode"] == "clinic":
            travel += 2 * floor(2 * kilometres(instance, request, block) + 0.5)
        if block and request["prev_therapist"] not in (None, block["therapist"]):
            travel += 3
    return [*(sum(r["tier"] == tier for r in left) for tier in (1, 2, 3, 4)), weeks, travel]
