"""Writes orders.json: orders of an epoch, shuffled by samples and by blocks, from the description of `EpochOrder` alone.

    python3 Tests/Reference/orders.py
"""
import json
import pathlib

MASK = 0xFFFFFFFF


def philox(counter, key):
    counter, key = list(counter), list(key)
    for step in range(10):
        if step:
            key = [(key[0] + 0x9E3779B9) & MASK, (key[1] + 0xBB67AE85) & MASK]
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(second >> 32) ^ counter[1] ^ key[0], second & MASK, (first >> 32) ^ counter[3] ^ key[1], first & MASK]
    return counter


def draws(seed, epoch):
    block = 0
    while True:
        yield from philox([block, epoch & MASK, epoch >> 32 & MASK, 0x0E90C4], [seed & MASK, seed >> 32 & MASK])
        block += 1


def below(numbers, bound):
    product = next(numbers) * bound
    if product & MASK < bound:
        threshold = (1 << 32) % bound
        while product & MASK < threshold:
            product = next(numbers) * bound
    return product >> 32


def shuffle(items, numbers):
    for last in range(len(items) - 1, 0, -1):
        other = below(numbers, last + 1)
        items[last], items[other] = items[other], items[last]
    return items


def order(count, seed, epoch, block=None):
    numbers = draws(seed, epoch)
    if block is None:
        return shuffle(list(range(count)), numbers)
    blocks = shuffle(list(range((count + block - 1) // block)), numbers)
    result = []
    for first in range(0, len(blocks), 16):
        together = [s for b in blocks[first:first + 16] for s in range(b * block, min((b + 1) * block, count))]
        result += shuffle(together, numbers)
    return result


assert order(8, 42, 0) == [4, 2, 7, 0, 1, 6, 5, 3]
cases = [(8, 42, 0, None), (8, 1 << 40, 7, None), (50, 42, 0, 2), (70, 42, 3, 1), (70, 7, 0, 100), (101, 9, 1 << 33, 3)]
rows = [dict(count=c, seed=s, epoch=e, block=b, order=order(c, s, e, b)) for c, s, e, b in cases]
path = pathlib.Path(__file__).with_name("orders.json")
path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
