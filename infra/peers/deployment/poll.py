"""The demonstration's poll, made and counted here: half of the voters vote
twice, and one vote in five is not valid."""

import collections
import random

CHOICES = ["ice cream", "hot dogs", "chips", "steak", "salad"]
NONSENSE = ["gravel", "the moon", "Tuesday", "42"]


def votes(voters, seed):
    """The votes in order, as (user, choice)."""
    dice = random.Random(seed)
    users = [*range(voters), *range(voters // 2)]
    dice.shuffle(users)
    return [(f"user-{user:04}", dice.choice(NONSENSE if dice.random() < 0.2 else CHOICES)) for user in users]


def events(stream, cast):
    """The events, in order, ending with the stop of the vote."""
    made = [("vote-cast", {"user": user, "choice": choice}) for user, choice in cast]
    made.append(("voting-stopped", {}))
    return [
        {
            "specversion": "1.0",
            "id": f"{stream}/{nth}",
            "source": "/peers",
            "type": event_type,
            "subject": stream,
            "data": data,
        }
        for nth, (event_type, data) in enumerate(made)
    ]


def results(cast):
    """What the three projections have to count."""
    every, first, valid = collections.Counter(), collections.Counter(), collections.Counter()
    voters = set()
    for user, choice in cast:
        every[choice] += 1
        if user not in voters:
            voters.add(user)
            first[choice] += 1
            if choice in CHOICES:
                valid[choice] += 1
    return {"basic-sum": dict(every), "one-vote-sum": dict(first), "valid-choice-sum": dict(valid)}


# What the shop's own system posts, in its own shape, and the cart after it.
SHOPPING = [
    {"type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z", "product_id": "123", "user_id": "456"},
    {"type": "product-removed-from-cart", "timestamp": "2023-04-19T09:15:00Z", "product_id": "123", "user_id": "456"},
    {"type": "order-placed", "timestamp": "2023-04-19T09:30:00Z", "order_id": "789", "user_id": "456"},
]
CART = {"products": {}, "last_product_added": "123", "last_order": "789"}
