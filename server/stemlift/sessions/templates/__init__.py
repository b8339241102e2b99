"""Templates: what a session is laid out like, as TOML files that people write.

>>> from stemlift.sessions.templates import load_template
>>> load_template("karaoke").stems
('vocals', 'instrumental')
"""

from stemlift.sessions.templates.loading import load_template, template_names
from stemlift.sessions.templates.template import Template

__all__ = ["Template", "load_template", "template_names"]
