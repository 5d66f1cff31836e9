"""The demo: a year and a half of a record shop, real purchases and generated visits, and a page about the result.

`engine demo` calls it. It must not be needed by anything else.
"""

from engine.demo.gallery import GalleryData, write_gallery
from engine.demo.generate import demo_history, write_demo_events
from engine.demo.story import customer_to_show

__all__ = ["GalleryData", "customer_to_show", "demo_history", "write_demo_events", "write_gallery"]
