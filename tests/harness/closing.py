# SPDX-License-Identifier: MIT
"""Fixtures that make things on demand."""


def closing(make, close=lambda thing: thing.close()):
    """For `yield from` in a fixture: the test gets a function like make(), and what it made is closed in
    the end, the oldest first."""
    made = []

    def one(*arguments, **options):
        made.append(make(*arguments, **options))
        return made[-1]

    yield one
    for thing in made:
        close(thing)
