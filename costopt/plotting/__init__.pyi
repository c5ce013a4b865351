from .calibration import CostCalibrationDisplay as CostCalibrationDisplay
from .comparison import ComparisonDisplay as ComparisonDisplay
from .gain import GainDisplay as GainDisplay
from .progress import SearchProgressDisplay as SearchProgressDisplay
from .ratio import CostRatioDisplay as CostRatioDisplay
from .scores import ScoreDistributionDisplay as ScoreDistributionDisplay
from .threshold import CostCurveDisplay as CostCurveDisplay
from .tradeoff import TradeoffDisplay as TradeoffDisplay
