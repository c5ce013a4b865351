from .ledgers import ledger_of as ledger_of
from .protocol import Learner as Learner
