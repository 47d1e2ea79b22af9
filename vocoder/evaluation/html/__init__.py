"""An evaluation as one HTML file: figures, distributions, the worst clips to hear and to see."""

from vocoder.evaluation.html.page import Origin, page_of
from vocoder.evaluation.html.ranking import Ranked, check_order, worst_first
from vocoder.evaluation.html.showcase import Exhibit, show

__all__ = ["Exhibit", "Origin", "Ranked", "check_order", "page_of", "show", "worst_first"]
