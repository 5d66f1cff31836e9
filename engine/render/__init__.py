"""Renders outreach by sandboxed Jinja2 templates, and finds out what a template reads of a customer's state.

Workers render with it through the port `Renderer`; checks read what templates need. Templates are not trusted.
"""

from engine.render.inspection import inspect_templates
from engine.render.preview import preview, preview_state
from engine.render.renderer import JinjaRenderer

__all__ = ["JinjaRenderer", "inspect_templates", "preview", "preview_state"]
