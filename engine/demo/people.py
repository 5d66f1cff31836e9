"""What generated customers are called, where they live and what they listen to."""

from typing import NamedTuple


class Place(NamedTuple):
    """`offset` is the hours from UTC in winter, near enough to put an evening in the evening."""

    timezone: str
    locale: str
    country: str
    offset: int


PLACES = [
    Place("America/New_York", "en_US", "US", -5),
    Place("America/Chicago", "en_US", "US", -6),
    Place("America/Los_Angeles", "en_US", "US", -8),
    Place("America/Toronto", "en_CA", "CA", -5),
    Place("Europe/London", "en_GB", "GB", 0),
    Place("Europe/Dublin", "en_IE", "IE", 0),
    Place("Europe/Berlin", "en_GB", "DE", 1),
    Place("Australia/Sydney", "en_AU", "AU", 10),
]
SHARES = [30, 16, 18, 6, 14, 4, 8, 4]
"""Of a hundred customers, how many live in each of the places."""

_NAMES = (
    "Ada Aisha Alma Amir Ana Anton Bea Ben Carla Cem Chloe Clara Dana Daniel David Diego Dora Edith Elena Eli Emma "
    "Erik Esther Felix Finn Flora Frida Gina Grace Hana Henry Hugo Ida Ines Iris Ivan Jack Jana Joan Jonas Julia Kai "
    "Kate Kofi Lara Lea Leo Lena Lin Lucia Luis Mae Maja Marco Marie Max Mia Mina Nadia Nina Noah Nora Olga Omar Oscar "
    "Paul Petra Priya Rosa Ruth Sam Sara Simon Sofia Tariq Theo Tom Uma Vera Victor Wanda Yara Yusuf Zoe"
)
NAMES = _NAMES.split()

SHELVES = (
    ("Kind of Blue", "Blue Train", "The Köln Concert", "Time Out"),
    ("Pink Moon", "Blue", "Astral Weeks", "Graceland"),
    ("Rumours", "Pet Sounds", "What's Going On", "Catch a Fire"),
    ("Hounds of Love", "Dummy", "Marquee Moon", "Homogenic"),
)
"""The records of the shop. A customer puts mostly those of one shelf into the cart."""
RECORDS = [record for shelf in SHELVES for record in shelf]
