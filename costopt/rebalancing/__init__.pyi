from .definition import RebalancingMethod as RebalancingMethod
from .definition import Reweighting as Reweighting
from .random import random_over as random_over
from .random import random_under as random_under
